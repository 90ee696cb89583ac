//! What a guest may do, and how each of its failures is told. `kitchen` misbehaves by its path.

use futures::StreamExt;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestPlatform, guests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_failure_of_a_guest_has_its_status_and_its_code() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;
    limit(
        &owner,
        "kitchen",
        json!({ "cpu_ms": 200, "wall_ms": 1500, "memory_bytes": 32 << 20 }),
    )
    .await;

    let failure = async |path: &str| {
        let answer = owner.call(&format!("/kitchen{path}")).await;
        assert_eq!(answer.header("x-atoll-error"), answer.code(), "{answer}");
        assert_eq!(
            answer.header("x-request-id"),
            answer.json()["request_id"],
            "{answer}"
        );
        format!("{} {}", answer.status, answer.code())
    };
    assert_eq!(failure("/trap").await, "502 function_trapped");
    assert_eq!(failure("/log-then-trap").await, "502 function_trapped");
    assert_eq!(failure("/recurse").await, "502 function_trapped");
    assert_eq!(failure("/spin").await, "502 cpu_limit_exceeded");
    assert_eq!(failure("/allocate").await, "502 memory_limit_exceeded");
    assert_eq!(failure("/sleep?ms=60000").await, "504 wall_timeout");
    assert_eq!(failure("/silent").await, "502 invalid_response");
    assert_eq!(failure("/exit?code=3").await, "502 function_trapped");

    // The platform is none the worse for any of it.
    assert_eq!(owner.call("/kitchen/").await.status, 200);
    assert_eq!(
        owner
            .call("/kitchen/status?code=503")
            .await
            .header("x-atoll-error"),
        "",
        "its own answer is no failure of ours"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_after_the_head_never_looks_like_a_whole_answer() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;
    limit(
        &owner,
        "kitchen",
        json!({ "cpu_ms": 200, "wall_ms": 1000, "response_body_bytes": 1 << 20 }),
    )
    .await;

    for (path, code) in [
        ("/trap-after-head", "function_trapped"),
        ("/spin-after-head", "cpu_limit_exceeded"),
        ("/wrong-length", "invalid_response"),
        ("/stream?chunks=100&ms=100", "wall_timeout"),
        ("/big?bytes=2000000", "response_too_large"),
    ] {
        let url = platform.function_url("acme", &format!("/kitchen{path}"));
        // A stream that is reset at once may take its head along.
        let Ok(response) = platform.http.get(url).send().await else {
            continue;
        };
        match response.status().as_u16() {
            200 => assert!(
                response.bytes().await.is_err(),
                "{path} must not look whole"
            ),
            // The guest was done for before its head had left us.
            _ => assert_eq!(response.headers()["x-atoll-error"], code, "{path}"),
        }
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_stream_both_ways() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;

    // The first line arrives long before the last is written.
    let url = platform.function_url("acme", "/kitchen/stream?chunks=3&ms=150");
    let started = tokio::time::Instant::now();
    let mut lines = platform
        .http
        .get(url)
        .send()
        .await
        .expect("the head arrives")
        .bytes_stream();
    let mut arrivals = Vec::new();
    while let Some(chunk) = lines.next().await {
        chunk.expect("the stream is whole");
        arrivals.push(started.elapsed());
    }
    let (first, last) = (arrivals[0], arrivals[arrivals.len() - 1]);
    assert!(arrivals.len() >= 3 && first < last, "{arrivals:?}");

    let megabyte: Vec<u8> = (0..1 << 20).map(|index| (index % 251) as u8).collect();
    let echo = platform
        .http
        .post(platform.function_url("acme", "/kitchen/echo"))
        .body(megabyte.clone());
    let answer = platform.answer(echo).await.expect(200);
    assert!(answer.body == megabyte, "the echo differs");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_body_above_the_limit_is_refused() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;
    limit(&owner, "kitchen", json!({ "request_body_bytes": 1000 })).await;
    let echo = platform
        .http
        .post(platform.function_url("acme", "/kitchen/echo"))
        .body(vec![0; 2000]);
    let answer = platform.answer(echo).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (413, "request_too_large")
    );
    assert_eq!(answer.json()["limit"], 1000);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_finds_a_world_without_files_sockets_or_memory_of_others() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;

    let environment = owner.call("/kitchen/environment").await.expect(200).json();
    assert_eq!(
        environment,
        json!({ "arguments": [], "preopens": [], "variables": [] })
    );
    assert!(!owner.call("/kitchen/files").await.text().contains("root:"));
    for _ in 0..3 {
        assert_eq!(
            owner.call("/kitchen/counter").await.text().trim(),
            "1",
            "each call has an instance of its own"
        );
    }
    let outbound = owner
        .call("/kitchen/outbound?url=http://127.0.0.1:1/")
        .await;
    assert_eq!(outbound.to_string(), "200 error: HttpRequestDenied");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_sees_the_request_as_it_was_with_our_headers_alone() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;

    let url = platform.function_url("acme", "/kitchen/inspect?a=1&b=%20");
    let forged = platform
        .http
        .get(url)
        .header("x-forwarded-for", "10.1.1.1")
        .header("x-atoll-function", "forged")
        .header("x-request-id", "forged")
        .header("spin-full-url", "forged")
        .header("x-mine", "kept");
    let seen = platform.answer(forged).await.expect(200).json();
    assert_eq!(seen["path_with_query"], "/inspect?a=1&b=%20");
    let header = |name: &str| {
        let all = seen["headers"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|header| header[0] == name);
        all.map(|header| header[1].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
            .join("|")
    };
    assert_eq!(header("x-mine"), "kept");
    assert_eq!(header("x-forwarded-prefix"), "/kitchen");
    assert_eq!(header("x-forwarded-for"), "127.0.0.1");
    assert_eq!(header("x-forwarded-proto"), "https");
    assert_eq!(header("x-atoll-function"), "kitchen");
    assert_eq!(header("x-atoll-version"), "1");
    assert!(header("x-request-id").starts_with("req_"), "{seen:#}");
    assert!(!seen.to_string().contains("forged"), "{seen:#}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_cannot_set_headers_that_are_ours() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;

    let answer = owner.call("/kitchen/bad-header").await;
    assert_eq!(answer.status, 200);
    for name in ["transfer-encoding", "x-injected"] {
        assert!(
            answer.header(name).is_empty() || name == "transfer-encoding",
            "{name}"
        );
    }
    let cookies = owner.call("/kitchen/cookie").await;
    let cookies: Vec<_> = cookies
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|it| it.to_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        cookies.len(),
        1,
        "the cookie for a wider domain is dropped: {cookies:?}"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_guest_answers() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    for (name, path, expected) in [
        ("hello-p3", "/", "hello from p3"),
        ("core-reactor", "/", "hello"),
        ("cgi", "/", ""),
    ] {
        owner.publish(name, guests::prebuilt(name)).await;
        let answer = owner.call(&format!("/{name}{path}")).await.expect(200);
        assert!(answer.text().contains(expected), "{name}: {answer}");
    }
    let failure = owner.call("/hello-p3/trap").await;
    assert_eq!(
        (failure.status, failure.code().as_str()),
        (502, "function_trapped")
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_host_that_the_certificate_does_not_cover_is_misdirected() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;

    // The connection is the tenant's, the request asks for another's.
    let foreign = platform
        .http_1()
        .get(platform.function_url("acme", "/hello"))
        .header("host", "globex.localhost");
    let answer = platform.answer(foreign).await;
    assert_eq!(
        (answer.status, answer.code().as_str()),
        (421, "misdirected")
    );

    // Whether a tenant or a function exists cannot be told apart.
    let unknown = async |tenant, path| strip_id(platform.call(tenant, path).await);
    assert_eq!(
        unknown("nobody", "/hello").await,
        unknown("acme", "/nothing").await
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn http_2_is_spoken_and_http_1_too() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let response = platform
        .http
        .get(platform.function_url("acme", "/hello"))
        .send()
        .await
        .expect("it answers");
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    let response = platform
        .http_1()
        .get(platform.function_url("acme", "/hello"))
        .send()
        .await
        .expect("it answers");
    assert_eq!(response.version(), reqwest::Version::HTTP_11);
    let response = platform
        .http
        .request(Method::HEAD, platform.function_url("acme", "/hello"))
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    platform.stop().await;
}

/// A failure's body without what differs from call to call.
fn strip_id(answer: Answer) -> Value {
    let mut body = answer.json();
    body.as_object_mut()
        .expect("a problem is an object")
        .remove("request_id");
    body
}

/// Sets a function's limits and waits until its worker has heard of them.
async fn limit(owner: &Person<'_>, function: &str, limits: Value) {
    let path = owner.here(&format!("/functions/{function}"));
    let etag = owner.get(&path).await.expect(200).header("etag").to_owned();
    let patch = owner
        .request(Method::PATCH, &path)
        .await
        .header("if-match", etag);
    owner
        .send(patch.json(&json!({ "limits": limits })))
        .await
        .expect(200);
    owner.platform.settle().await;
}
