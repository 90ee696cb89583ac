//! Access tokens: what programs do with them, and what they cannot.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, TestPlatform, guests};

async fn revoke(person: &Person<'_>, path: &str) -> u16 {
    let request = person.request(Method::DELETE, path).await;
    person.send(request).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenants_token_deploys_and_stays_when_its_maker_has_signed_out() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let scopes = ["functions:deploy", "functions:write", "functions:invoke"];
    let asked = json!({ "name": "CI", "role": "developer", "scopes": scopes });
    let ci = owner.with_tenant_token(asked).await;
    assert_eq!(revoke(&owner, "/session").await, 204);

    ci.publish("hello", guests::prebuilt("hello-v1")).await;
    assert_eq!(ci.call("/hello").await.to_string(), "200 hello from v1");
    let invoked = ci
        .post(&ci.here("/functions/hello/invoke"), json!({}))
        .await;
    assert_eq!(invoked.to_string(), "200 hello from v1");
    let history = ci.get(&ci.here("/functions/hello/deployments")).await;
    let deployment = &history.expect(200).json()["items"][0];
    assert_eq!(deployment["author"], Value::Null);
    assert_eq!(deployment["author_name"], "CI");

    let own = ci.get("/tokens/self").await.expect(200).json();
    assert_eq!(
        (&own["kind"], &own["name"]),
        (&json!("tenant"), &json!("CI"))
    );
    assert!(
        own["used_at"].is_string() && own.get("secret").is_none(),
        "{own}"
    );
    let unscoped = ci.get("/tenants").await;
    assert_eq!(
        unscoped.to_string(),
        "403 forbidden: the access token lacks the scope `tenant:read`"
    );
    assert_eq!(ci.get("/me").await.status, 403);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_is_limited_to_a_function_reaches_no_other() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    owner.create_function("other").await;
    let asked = json!({
        "name": "hello's CI", "role": "developer",
        "scopes": ["functions:deploy"], "functions": ["hello"],
    });
    let ci = owner.with_tenant_token(asked).await;
    let number = ci
        .create_version("hello", guests::prebuilt("hello-v1"))
        .await;
    let operation = ci.deploy("hello", number).await;
    assert_eq!(operation["state"], "succeeded", "{operation:#}");
    for other in ["/functions/other", "/functions/nothing", "/functions"] {
        let refused = ci.get(&ci.here(other)).await;
        assert_eq!(
            refused.to_string(),
            "403 forbidden: the access token is limited to other functions",
            "{other}"
        );
    }
    for unknown in ["nothing", "", "fn_", "a\0b"] {
        let asked = json!({
            "name": "x", "role": "viewer", "scopes": ["functions:read"], "functions": [unknown],
        });
        let refused = owner.post(&owner.here("/tokens"), asked).await;
        assert_eq!(refused.code(), "invalid", "{unknown}: {refused}");
    }
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotated_token_works_with_both_secrets_for_as_long_as_was_said() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let asked = json!({ "name": "mine", "scopes": ["tenant:read"] });
    let told = owner.post("/tokens", asked).await.expect(201).json();
    let first = owner.presenting(&told["secret"]);
    let rotate = format!("/tokens/{}/rotate", told["id"].as_str().unwrap());
    let second = owner.post(&rotate, json!({})).await.expect(200).json();
    let second = owner.presenting(&second["secret"]);
    for token in [&first, &second] {
        token.get(&token.here("")).await.expect(200);
    }
    // Without an overlap the one before ends at once, and so does the one before that.
    let third = owner.post(&rotate, json!({ "overlap_seconds": 0 })).await;
    let third = owner.presenting(&third.expect(200).json()["secret"]);
    third.get(&third.here("")).await.expect(200);
    for token in [&first, &second] {
        assert_eq!(token.get(&token.here("")).await.status, 401);
    }
    let too_long = owner
        .post(&rotate, json!({ "overlap_seconds": 604_801 }))
        .await;
    assert_eq!(too_long.code(), "invalid");

    assert_eq!(revoke(&third, "/tokens/self").await, 204);
    assert_eq!(third.get("/tokens/self").await.status, 401);
    let listed = owner.get("/tokens").await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_more_than_its_maker() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let asked =
        |role: &str, scopes: &[&str]| json!({ "name": "t", "role": role, "scopes": scopes });
    let tokens = owner.here("/tokens");

    // By role, by scope, and by way of another's secret.
    let above = admin.post(&tokens, asked("owner", &["tenant:read"])).await;
    assert_eq!((above.status, above.code().as_str()), (422, "invalid"));
    let maker = admin
        .with_tenant_token(asked("admin", &["tokens:admin", "functions:read"]))
        .await;
    maker
        .post(&tokens, asked("viewer", &["functions:read"]))
        .await
        .expect(201);
    let wider = maker.post(&tokens, asked("viewer", &["logs:read"])).await;
    assert_eq!(wider.status, 403);
    let owners = owner.post(&tokens, asked("owner", &["tenant:read"])).await;
    let owners = owners.expect(201).json();
    let rotate = format!("{tokens}/{}/rotate", owners["id"].as_str().unwrap());
    assert_eq!(admin.post(&rotate, json!({})).await.status, 403);

    // A personal token loses what its owner loses.
    let personal = admin.with_own_token(&["functions:read"]).await;
    personal.get(&personal.here("/functions")).await.expect(200);
    platform.dismiss("admin@example.com").await;
    assert_eq!(personal.get(&personal.here("/functions")).await.status, 404);

    // Neither another person nor another tenant sees it, or ends it.
    let outsider = platform.somebody("outsider@example.com", None).await;
    let mine = owner
        .post(
            "/tokens",
            json!({ "name": "mine", "scopes": ["tenant:read"] }),
        )
        .await
        .expect(201)
        .json();
    let path = format!("/tokens/{}", mine["id"].as_str().unwrap());
    assert_eq!(revoke(&outsider, &path).await, 404);
    assert_eq!(revoke(&owner, &owner.here(&path)).await, 404);
    assert_eq!(revoke(&owner, &path).await, 204);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_token_is_told_at_once() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let asked = json!({
        "name": "", "scopes": ["functions:*"], "functions": ["hello"], "expires_in_days": 0,
    });
    let refused = owner.post("/tokens", asked).await.expect(422).json();
    let fields: Vec<_> = refused["problems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|problem| problem["field"].as_str().unwrap())
        .collect();
    assert_eq!(
        fields,
        ["name", "scopes[0]", "expires_in_days", "functions[0]"]
    );
    for secret in ["atoll_user_x_0", "atoll_ses_x", "atoll_", "x"] {
        let nobody = owner.presenting(&json!(secret));
        assert_eq!(nobody.get("/tokens/self").await.status, 401, "{secret}");
    }
    platform.stop().await;
}
