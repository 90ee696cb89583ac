//! Names for versions: previews before the switch, for those who have the link.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, TestPlatform, guests, until};

/// What the preview of a name answers, to somebody with this token.
async fn previewed(person: &Person<'_>, name: &str, token: &str) -> String {
    let tenant = format!("{name}--hello--{}", person.tenant);
    let url = person.platform.function_url(&tenant, "/");
    let request = person
        .platform
        .http
        .get(url)
        .header("x-atoll-preview", token);
    let answer = person.platform.answer(request).await;
    match answer.code().as_str() {
        "" => answer.to_string(),
        code => format!("{} {code}", answer.status),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_looked_at_under_its_alias_before_it_is_deployed() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let number = owner
        .create_version("hello", guests::prebuilt("hello-v2"))
        .await;
    owner.compiled("hello", number).await;
    let (aliases, previews) = (
        owner.here("/functions/hello/aliases"),
        owner.here("/functions/hello/previews"),
    );

    let early = owner.post(&previews, json!({ "name": "v2" })).await;
    assert_eq!(
        early.to_string(),
        "409 conflict: version 2 is not on the workers; give it an alias first"
    );
    let made = owner
        .post(&aliases, json!({ "name": "next", "version": 2 }))
        .await;
    let made = made.expect(201).json();
    assert_eq!(
        made["url"].as_str().unwrap(),
        platform.function_url("next--hello--acme", "/")
    );
    let link = owner
        .post(&previews, json!({ "name": "next" }))
        .await
        .expect(201)
        .json();
    let token = link["token"].as_str().unwrap();
    let opened = async |name: &str| previewed(&owner, name, token).await;
    until(async || opened("next").await == "200 hello from v2").await;
    assert_eq!(opened("v2").await, "200 hello from v2");
    assert_eq!(opened("v1").await, "200 hello from v1");
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    assert_eq!(previewed(&owner, "next", "").await, "404 not_found");
    let url = link["url"].as_str().unwrap();
    let by_link = platform.answer(platform.http.get(url)).await;
    assert_eq!((by_link.status, by_link.header("location")), (303, "/"));

    let path = format!("{aliases}/next");
    let opened_to_all = owner
        .change(Method::PATCH, &path, json!({ "open": true }))
        .await
        .expect(200)
        .json();
    assert_eq!(opened_to_all["open"], true);
    until(async || previewed(&owner, "next", "").await == "200 hello from v2").await;
    owner
        .change(Method::PATCH, &path, json!({ "version": 1 }))
        .await
        .expect(200);
    until(async || previewed(&owner, "next", "").await == "200 hello from v1").await;
    owner
        .change(Method::DELETE, &path, Value::Null)
        .await
        .expect(204);
    until(async || opened("next").await == "404 not_found").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_alias_is_refused_for_what_is_wrong_with_it() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let aliases = owner.here("/functions/hello/aliases");
    for (body, told) in [
        (json!({ "name": "v1", "version": 1 }), (422, "invalid")),
        (json!({ "name": "next", "version": 9 }), (422, "invalid")),
        (
            json!({ "name": "next", "version": 1, "public": true }),
            (422, "invalid"),
        ),
        (json!({ "name": "next", "version": 1 }), (201, "")),
        (json!({ "name": "next", "version": 1 }), (409, "taken")),
    ] {
        let answer = owner.post(&aliases, body.clone()).await;
        assert_eq!((answer.status, answer.code().as_str()), told, "{body}");
    }
    let path = format!("{aliases}/next");
    let blind = owner.request(Method::PATCH, &path).await.json(&json!({}));
    assert_eq!(owner.send(blind).await.code(), "precondition_required");
    let stale = owner
        .request(Method::PATCH, &path)
        .await
        .header("if-match", "\"7\"");
    assert_eq!(
        owner.send(stale.json(&json!({}))).await.code(),
        "precondition_failed"
    );
    let previews = owner.here("/functions/hello/previews");
    let long = json!({ "name": "next", "expires_in_seconds": 604_801 });
    assert_eq!(owner.post(&previews, long).await.code(), "invalid");
    assert_eq!(owner.get(&format!("{aliases}/nothing")).await.status, 404);
    platform.stop().await;
}
