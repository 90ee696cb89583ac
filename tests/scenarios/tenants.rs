//! How a tenant changes its names, goes, and comes back.

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

use crate::harness::{Answer, Person, TestPlatform, cluster, guests, until};

/// With the revision that `by` reads; the tenant by whatever name it has now.
async fn change(by: &Person<'_>, body: Value) -> Answer {
    let etag = by.get(&by.here("")).await.header("etag").to_owned();
    let request = by.request(Method::PATCH, &by.here("")).await;
    by.send(request.header("if-match", etag).json(&body)).await
}

async fn delete(by: &Person<'_>) {
    let etag = by.get(&by.here("")).await.header("etag").to_owned();
    let request = by.request(Method::DELETE, &by.here("")).await;
    by.send(request.header("if-match", etag)).await.expect(204);
}

async fn sweep(platform: &TestPlatform) {
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute("update job set run_at = now() where kind = 'sweep'")
        .await
        .expect("the database answers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn callers_of_a_former_slug_are_led_on() {
    let platform = TestPlatform::start().await;
    let mut owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let program = owner
        .with_tenant_token(json!({ "name": "CI", "role": "viewer", "scopes": ["tenant:read"] }))
        .await;
    assert_eq!(
        change(&admin, json!({ "slug": "initech" })).await.status,
        403
    );
    let reserved = change(&owner, json!({ "slug": "www" })).await;
    assert_eq!(reserved.status, 422, "{reserved}");

    let moved = change(&owner, json!({ "slug": "initech", "name": "Initech" })).await;
    assert_eq!(moved.expect(200).json()["slug"], "initech");
    owner.tenant = "initech".to_owned();
    platform.settle().await;
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");
    let port = platform.functions.port();
    for (host, path) in [
        ("acme", "/hello/x?a=b&c=%20"),
        ("acme", "/nothing"),
        ("v1--hello--acme", "/"),
    ] {
        let url = platform.function_url(host, path);
        let led_on = platform.answer(platform.http.post(url).body("kept")).await;
        let host = host.replace("acme", "initech");
        let there = format!("https://{host}.localhost:{port}{path}");
        assert_eq!((led_on.status, led_on.header("location")), (308, &*there));
    }
    assert_eq!(platform.call("nobody", "/hello").await.status, 404);

    // The API goes on taking the old name, of whoever may see the tenant.
    for person in [&admin, &program] {
        let read = person.get("/tenants/acme").await.expect(200).json();
        assert_eq!(read["slug"], "initech");
    }
    let stranger = platform.somebody("stranger@example.com", None).await;
    assert_eq!(stranger.get("/tenants/acme").await.status, 404);
    let take = json!({ "slug": "acme", "name": "Mine now" });
    let taken = stranger.post("/tenants", take.clone()).await;
    assert_eq!((taken.status, &*taken.code()), (409, "taken"));
    let globex = json!({ "slug": "globex", "name": "Globex" });
    stranger.post("/tenants", globex).await.expect(201);
    let stranger = Person {
        tenant: "globex".to_owned(),
        ..stranger
    };
    let taken = change(&stranger, json!({ "slug": "acme" })).await;
    assert_eq!((taken.status, &*taken.code()), (409, "taken"));

    // Once its time is over it leads nowhere, and still is nobody else's.
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute("update tenant_slug set redirects_until = now() where slug = 'acme'")
        .await
        .unwrap();
    assert_eq!(admin.get("/tenants/acme").await.status, 404);
    assert_eq!(program.get("/tenants/acme").await.status, 404);
    sweep(&platform).await;
    until(async || platform.call("acme", "/hello").await.status == 404).await;
    assert_eq!(stranger.post("/tenants", take).await.status, 409);

    // Its own it may have back, a few times a month.
    change(&owner, json!({ "slug": "acme" })).await.expect(200);
    owner.tenant = "acme".to_owned();
    until(async || owner.call("/hello").await.to_string() == "200 hello from v1").await;
    change(&owner, json!({ "slug": "initech" }))
        .await
        .expect(200);
    let often = change(&owner, json!({ "slug": "umbrella" })).await;
    assert_eq!((often.status, &*often.code()), (409, "conflict"), "{often}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_tenants_that_want_one_slug_one_gets_it() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let globex = json!({ "slug": "globex", "name": "Globex" });
    owner.post("/tenants", globex).await.expect(201);
    let other = Person {
        tenant: "globex".to_owned(),
        token: owner.token.clone(),
        platform: &platform,
    };
    let (one, two) = tokio::join!(
        change(&owner, json!({ "slug": "initech" })),
        change(&other, json!({ "slug": "initech" })),
    );
    let mut statuses = [one.status, two.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one} {two}");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_that_was_deleted_comes_back_within_its_time() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let restore = async |by: &Person<'_>| by.post("/tenants/acme/restore", json!({})).await;
    assert_eq!(restore(&owner).await.status, 409, "it is not deleted");
    assert_eq!(restore(&admin).await.status, 403);

    delete(&owner).await;
    until(async || owner.call("/hello").await.status == 404).await;
    assert_eq!(owner.get("/tenants/acme").await.status, 404);
    let listed = owner.get("/tenants").await.expect(200).json();
    let deleted = &listed["items"][0];
    assert_eq!(deleted["state"], "deleted");
    assert!(
        deleted["deleted_at"].is_string() && deleted["purge_at"].is_string(),
        "{deleted}"
    );
    let listed = admin.get("/tenants").await.expect(200).json();
    assert_eq!(listed["items"], json!([]));
    assert_eq!(restore(&admin).await.status, 404);
    let back = restore(&owner).await.expect(200).json();
    assert_eq!(
        (&back["state"], &back["deleted_at"]),
        (&json!("active"), &Value::Null)
    );
    until(async || owner.call("/hello").await.to_string() == "200 hello from v1").await;

    // A deletion does not end a suspension.
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute("update tenant set state = 'suspended'")
        .await
        .unwrap();
    delete(&owner).await;
    assert_eq!(
        restore(&owner).await.expect(200).json()["state"],
        "suspended"
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tenant_goes_for_good_after_its_time_and_its_slug_stays_taken() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    owner
        .post(&owner.here("/invitations"), json!({ "role": "viewer" }))
        .await
        .expect(201);
    delete(&owner).await;
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute("update tenant set deleted_at = now() - interval '31 days'")
        .await
        .unwrap();
    let late = owner.post("/tenants/acme/restore", json!({})).await;
    assert_eq!((late.status, &*late.code()), (409, "conflict"), "{late}");

    sweep(&platform).await;
    until(async || {
        let listed = owner.get("/tenants").await.expect(200).json();
        listed["items"] == json!([])
    })
    .await;
    for table in [
        "tenant",
        "member",
        "function",
        "version",
        "deployment",
        "operation",
        "upload",
        "invitation",
    ] {
        let count = format!("select count(*) from {table}");
        let left: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(count))
            .fetch_one(&mut database)
            .await
            .unwrap();
        assert_eq!(left, 0, "{table}");
    }
    let again = json!({ "slug": "acme", "name": "Acme" });
    let taken = owner.post("/tenants", again).await;
    assert_eq!((taken.status, &*taken.code()), (409, "taken"));
    platform.stop().await;
}
