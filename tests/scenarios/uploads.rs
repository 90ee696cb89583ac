//! What people upload by mistake or malice: each refused in words, nothing kept.

use futures::stream;
use reqwest::{Body, Method};

use crate::harness::{Person, TestPlatform, guests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_upload_is_reported_on_before_it_becomes_a_version() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let report = owner
        .upload(guests::prebuilt("kitchen"))
        .await
        .expect(201)
        .json()["report"]
        .clone();
    assert_eq!(report["kind"], "component");
    assert_eq!(report["handler"], "wasi_http02");
    let imports = report["imports"].as_array().unwrap();
    let support = |name: &str| {
        let found = imports
            .iter()
            .find(|import| import["name"].as_str().unwrap().starts_with(name));
        found.unwrap_or_else(|| panic!("{name} is imported"))["support"].clone()
    };
    assert_eq!(support("wasi:http/types@0.2"), "provided");
    assert_eq!(support("wasi:http/outgoing-handler@0.2"), "not_granted");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_here_is_refused_in_words() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let hello = guests::prebuilt("hello-v1");
    let refused =
        async |name: &str, module: Vec<u8>| format!("{name}: {}\n", owner.upload(module).await);

    let mut told = String::new();
    told += &refused("a picture", b"\x89PNG\r\n\x1a\n and so on".to_vec()).await;
    told += &refused("nothing", Vec::new()).await;
    told += &refused("cut short", hello[..hello.len() / 2].to_vec()).await;
    told += &refused("native code", b"\x7fELF\x02\x01\x01\0 and so on".to_vec()).await;
    told += &refused("no handler", guests::wat("no-handler")).await;
    told += &refused("two handlers", guests::wat("two-handlers")).await;
    told += &refused("unsupported import", guests::wat("unsupported-import")).await;
    told += &refused("3 GiB at the start", guests::wat("huge-memory")).await;
    told += &refused("many memories", guests::wat("many-memories")).await;
    insta::assert_snapshot!(told);
    assert!(stored(&platform).is_empty(), "{:?}", stored(&platform));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_above_the_cap_is_refused_while_it_streams() {
    let platform = TestPlatform::start_with(|config| config.upload_max_bytes = 1 << 20).await;
    let owner = platform.operator().await;

    let declared = owner.upload(vec![0; 2 << 20]).await;
    assert_eq!(
        declared.to_string(),
        "413 request_too_large: the body is larger than the limit of 1048576 bytes"
    );

    // Chunked, so that only counting can tell; and endless, so that only refusing can end it.
    let endless = Body::wrap_stream(stream::repeat_with(|| {
        Ok::<_, std::io::Error>(vec![0_u8; 64 << 10])
    }));
    let request = wasm(&owner).await.body(endless).send().await;
    if let Ok(answer) = request {
        assert_eq!(answer.status(), 413);
    }
    assert!(stored(&platform).is_empty());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_that_breaks_off_leaves_nothing_behind() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let half = guests::prebuilt("hello-v1")[..20_000].to_vec();
    let breaks = stream::iter([Ok(half), Err(std::io::Error::other("the line went dead"))]);
    assert!(
        wasm(&owner)
            .await
            .body(Body::wrap_stream(breaks))
            .send()
            .await
            .is_err()
    );
    owner.get("/me").await.expect(200);
    assert!(stored(&platform).is_empty());
    platform.stop().await;
}

async fn wasm(owner: &Person<'_>) -> reqwest::RequestBuilder {
    owner
        .request(Method::POST, &owner.here("/uploads"))
        .await
        .header("content-type", "application/wasm")
}

/// The modules in the object store.
fn stored(platform: &TestPlatform) -> Vec<String> {
    let folder = platform.folder.path().join("blobs/modules");
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .map(|entry| {
            entry
                .expect("it lists")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect()
}
