//! From an upload to an answer at the function's own URL, and back again.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use reqwest::Method;
use serde_json::json;

use crate::harness::{TestPlatform, guests, until};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_uploaded_component_answers_at_its_own_https_url() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;

    let function = owner.create_function("hello").await;
    assert_eq!(function["url"], platform.function_url("acme", "/hello"));
    let nothing = owner.call("/hello").await;
    assert_eq!(
        (nothing.status, nothing.code().as_str()),
        (404, "not_found")
    );

    let number = owner
        .create_version("hello", guests::prebuilt("hello-v1"))
        .await;
    let version = owner.compiled("hello", number).await;
    assert_eq!(
        (&version["number"], &version["state"]),
        (&json!(1), &json!("ready"))
    );

    let operation = owner.deploy("hello", number).await;
    let steps: Vec<_> = operation["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["name"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["compiled", "prepared", "live"]);
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_a_version_is_activated_and_rolled_back() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;

    let (done, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    let callers = async {
        while !done.load(Ordering::Relaxed) {
            let answer = owner.call("/hello").await.expect(200).text();
            assert!(
                ["hello from v1\n", "hello from v2\n"].contains(&answer.as_str()),
                "{answer}"
            );
            answered.fetch_add(1, Ordering::Relaxed);
        }
    };
    let switching = async {
        let second = owner
            .create_version("hello", guests::prebuilt("hello-v2"))
            .await;
        assert_eq!(owner.deploy("hello", second).await["state"], "succeeded");
        assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v2");

        assert_eq!(owner.roll_back("hello").await["state"], "succeeded");
        assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(callers, switching);
    assert!(answered.into_inner() > 10);

    let history = owner
        .get(&owner.here("/functions/hello/deployments"))
        .await
        .expect(200)
        .json();
    let story: Vec<_> = history["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["traffic"][0]["version"].clone(), it["state"].clone()))
        .collect();
    assert_eq!(
        story,
        [
            (json!(1), json!("live")),
            (json!(2), json!("superseded")),
            (json!(1), json!("superseded"))
        ],
        "newest first"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_bytes_make_no_second_version() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    let path = owner.here("/functions/hello/versions");
    for status in [201, 200] {
        let request = owner
            .request(Method::POST, &path)
            .await
            .header("content-type", "application/wasm");
        let answer = owner
            .send(request.body(guests::prebuilt("hello-v1")))
            .await
            .expect(status);
        assert_eq!(answer.json()["number"], 1);
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_private_function_answers_its_members_alone() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;

    let read = owner.get(&owner.here("/functions/hello")).await.expect(200);
    let patch = owner
        .request(Method::PATCH, &owner.here("/functions/hello"))
        .await
        .header("if-match", read.header("etag"));
    owner
        .send(patch.json(&json!({ "access": "private" })))
        .await
        .expect(200);
    until(async || owner.call("/hello").await.status == 404).await;

    let answer = owner
        .post(&owner.here("/functions/hello/invoke"), json!({}))
        .await;
    assert_eq!(answer.to_string(), "200 hello from v1");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_function_is_gone_and_its_name_is_free() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;

    let path = owner.here("/functions/hello");
    let etag = owner.get(&path).await.header("etag").to_owned();
    let without = owner.send(owner.request(Method::DELETE, &path).await).await;
    assert_eq!(
        (without.status, without.code().as_str()),
        (428, "precondition_required")
    );
    owner
        .send(
            owner
                .request(Method::DELETE, &path)
                .await
                .header("if-match", etag),
        )
        .await
        .expect(204);

    until(async || owner.call("/hello").await.status == 404).await;
    owner.get(&path).await.expect(404);
    owner.create_function("hello").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_function_keeps_the_settings_that_a_patch_does_not_name() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    let path = owner.here("/functions/hello");
    let patch = async |body: serde_json::Value| {
        let etag = owner.get(&path).await.expect(200).header("etag").to_owned();
        let request = owner.request(Method::PATCH, &path).await;
        owner
            .send(request.header("if-match", etag).json(&body))
            .await
    };
    let plain = owner.get(&path).await.json();
    assert_eq!(
        (&plain["allowed_outbound_hosts"], &plain["reuse"]),
        (&json!([]), &json!(null))
    );

    let reuse = json!({ "requests": 100, "idle_seconds": 30 });
    patch(json!({ "reuse": reuse, "allowed_outbound_hosts": ["https://api.example.com"] }))
        .await
        .expect(200);
    let named = json!({ "requests": 100, "idle_seconds": 30, "concurrency": 1 });
    let after = patch(json!({ "limits": { "concurrency": 7 } })).await;
    let after = after.expect(200).json();
    assert_eq!(after["reuse"], named, "absent is not null: {after:#}");
    assert_eq!(
        after["allowed_outbound_hosts"],
        json!(["https://api.example.com"])
    );
    assert_eq!(after["limits"]["concurrency"], 7);

    let refused = patch(json!({ "reuse": { "requests": 1, "idle_seconds": 301 } })).await;
    let refused = refused.expect(422).json();
    let fields: Vec<_> = refused["problems"].as_array().unwrap().iter().collect();
    assert_eq!(fields[0]["field"], "reuse.requests");
    assert_eq!(fields[1]["field"], "reuse.idle_seconds");

    let hosts = json!({ "allowed_outbound_hosts": ["https://api.example.com", "ftp://files"] });
    let refused = patch(hosts).await.expect(422).json();
    assert_eq!(refused["problems"][0]["field"], "allowed_outbound_hosts[1]");

    let off = patch(json!({ "reuse": null })).await.expect(200).json();
    assert_eq!(off["reuse"], json!(null));
    platform.stop().await;
}
