//! Plans: limits that reach the workers, and quotas that hold whoever comes at the same moment.

use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Answer, Person, TestPlatform, cluster, guests, until};

/// Changes a thing as it is now.
pub(super) async fn change(by: &Person<'_>, path: &str, body: Value) -> Answer {
    let etag = by.get(path).await.expect(200).header("etag").to_owned();
    let request = by.request(Method::PATCH, path).await;
    by.send(request.header("if-match", etag).json(&body)).await
}

/// A new plan, and `acme` under it.
async fn put_on(operator: &Person<'_>, plan: &str, figures: Value) {
    let mut body = figures;
    body["name"] = json!(plan);
    operator.post("/admin/plans", body).await.expect(201);
    let given = json!({ "plan": plan });
    change(operator, "/admin/tenants/acme", given)
        .await
        .expect(200);
}

/// The limit of that name, as `limit/use source`.
async fn told(person: &Person<'_>, path: &str, name: &str) -> String {
    let answer = person.get(&person.here(path)).await.expect(200).json();
    let limits = answer["limits"].as_array().expect("limits");
    let found = limits.iter().find(|limit| limit["name"] == name);
    let found = found.unwrap_or_else(|| panic!("{name} is among {answer:#}"));
    let source = found["source"].as_str().expect("a source");
    format!("{}/{} {source}", found["limit"], found["use"])
}

/// What refused, as `quota limit observed`.
#[track_caller]
fn refused(answer: &Answer) -> String {
    assert_eq!(answer.code(), "quota_exceeded", "{answer}");
    assert_eq!(answer.status, 409);
    let body = answer.json();
    let quota = body["quota"].as_str().expect("a quota");
    format!("{quota} {} {}", body["limit"], body["observed"])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifty_clients_at_a_quotas_edge_make_exactly_what_it_allows() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("first").await;
    put_on(&owner, "small", json!({ "quotas": { "functions": 7 } })).await;

    let functions = owner.here("/functions");
    let answers = join_all((0..50).map(|number| {
        let body = json!({ "name": format!("f{number}") });
        owner.post(&functions, body)
    }))
    .await;
    let (made, not_made): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 201);
    assert_eq!(made.len(), 6);
    for answer in not_made {
        assert_eq!(refused(answer), "functions 7 8");
    }
    let page = owner.get(&format!("{functions}?limit=200")).await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 7);
    assert_eq!(told(&owner, "/limits", "functions").await, "7/7 plan");

    // Raised, it holds at once; lowered, it takes nothing away.
    let quota = |functions: u32| json!({ "quotas": { "functions": functions } });
    let plan = "/admin/plans/small";
    change(&owner, plan, quota(8)).await.expect(200);
    owner.create_function("one-more").await;
    change(&owner, plan, quota(2)).await.expect(200);
    let one = owner.post(&functions, json!({ "name": "too-many" })).await;
    assert_eq!(refused(&one), "functions 2 9");
    assert_eq!(told(&owner, "/limits", "functions").await, "2/8 plan");
    change(&owner, plan, quota(8)).await.expect(200);
    let path = format!("{functions}/first");
    let etag = owner.get(&path).await.header("etag").to_owned();
    let request = owner.request(Method::DELETE, &path).await;
    owner
        .send(request.header("if-match", etag))
        .await
        .expect(204);
    owner.create_function("in-its-place").await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_kept_is_counted_by_its_bytes_once() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let (one, other) = (guests::prebuilt("hello-v1"), guests::prebuilt("hello-v2"));
    let quotas = json!({
        "stored_bytes": one.len() + other.len() - 1, "versions_per_function": 1,
        "aliases_per_function": 1, "access_tokens": 1,
    });
    put_on(&owner, "tiny", json!({ "quotas": quotas })).await;

    owner.publish("hello", one.clone()).await;
    // The same bytes again, by another way, are there already.
    owner.upload(one.clone()).await.expect(201);
    let kept = format!("{}/{} plan", one.len() + other.len() - 1, one.len());
    assert_eq!(told(&owner, "/limits", "stored_bytes").await, kept);
    let full = owner.upload(other.clone()).await;
    let observed = one.len() + other.len();
    assert_eq!(
        refused(&full),
        format!("stored_bytes {} {observed}", observed - 1)
    );
    // Many at once for what there is room for once.
    let quotas = json!({ "quotas": { "stored_bytes": observed } });
    change(&owner, "/admin/plans/tiny", quotas)
        .await
        .expect(200);
    let third = guests::prebuilt("json");
    let answers = join_all((0..10).map(|number| {
        let module = if number % 2 == 0 { &other } else { &third };
        owner.upload(module.clone())
    }))
    .await;
    let accepted = answers.iter().filter(|answer| answer.status == 201).count();
    // All of the module that came first, or of the smaller one where both are of a size to fit.
    assert!(accepted >= 1, "{answers:?}");
    let used = told(&owner, "/limits", "stored_bytes").await;
    let used: usize = used.split(['/', ' ']).nth(1).unwrap().parse().unwrap();
    assert!(used <= observed, "{used} of {observed}");

    let second = json!({ "upload": accepted_upload(&answers) });
    let second = owner
        .post(&owner.here("/functions/hello/versions"), second)
        .await;
    assert_eq!(refused(&second), "versions_per_function 1 2");
    assert_eq!(
        told(&owner, "/functions/hello/limits", "versions").await,
        "1/1 plan"
    );
    let aliases = owner.here("/functions/hello/aliases");
    for (name, status) in [("a", 201), ("b", 409)] {
        let body = json!({ "name": name, "version": 1 });
        owner.post(&aliases, body).await.expect(status);
    }
    let tokens = owner.here("/tokens");
    for status in [201, 409] {
        let body = json!({ "name": "CI", "role": "viewer", "scopes": ["tenant:read"] });
        owner.post(&tokens, body).await.expect(status);
    }
    assert_eq!(told(&owner, "/limits", "access_tokens").await, "1/1 plan");
    assert_eq!(told(&owner, "/limits", "members").await, "1000/1 plan");
    platform.stop().await;
}

fn accepted_upload(answers: &[Answer]) -> Value {
    let accepted = answers.iter().find(|answer| answer.status == 201);
    accepted.expect("one was accepted").json()["id"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_plan_and_function_the_lower_limit_wins_and_workers_hear_of_it() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let hello = owner.here("/functions/hello");
    let own = json!({ "limits": { "wall_ms": 10_000 } });
    change(&owner, &hello, own).await.expect(200);
    let limits = json!({
        "function_limits": { "wall_ms": 20_000, "cpu_ms": 500 },
        "tenant_limits": { "rate_per_second": 1 },
    });
    put_on(&owner, "slow", limits).await;

    assert_eq!(
        told(&owner, "/functions/hello/limits", "wall_ms").await,
        "10000/null function"
    );
    assert_eq!(
        told(&owner, "/functions/hello/limits", "cpu_ms").await,
        "500/null plan"
    );
    assert_eq!(owner.get(&hello).await.json()["limits"]["cpu_ms"], 500);
    let above = change(&owner, &hello, json!({ "limits": { "cpu_ms": 501 } })).await;
    assert_eq!(
        above.to_string(),
        "422 invalid: limits.cpu_ms: use 1 to 500, the plan's limit; this is 501\n  \
         limits.cpu_ms: use 1 to 500, the plan's limit; this is 501"
    );
    until(async || owner.call("/hello").await.code() == "rate_limited").await;

    // A plan that changes reaches each of its tenants in an epoch of its own.
    owner
        .post("/tenants", json!({ "slug": "globex", "name": "Globex" }))
        .await
        .expect(201);
    let globex = platform.sign_in(crate::harness::platform::OPERATOR_EMAIL, "globex");
    let globex = globex.await;
    globex.publish("hello", guests::prebuilt("hello-v1")).await;
    change(&owner, "/admin/tenants/globex", json!({ "plan": "slow" }))
        .await
        .expect(200);
    until(async || globex.call("/hello").await.code() == "rate_limited").await;
    let fast = json!({ "tenant_limits": { "rate_per_second": 1_000_000 } });
    change(&owner, "/admin/plans/slow", fast).await.expect(200);
    for tenant in [&owner, &globex] {
        until(async || {
            let calls = join_all((0..20).map(|_| tenant.call("/hello"))).await;
            calls.iter().all(|answer| answer.status == 200)
        })
        .await;
    }
    let mut database = cluster::connect(&platform.database_url).await;
    let gaps: i64 = sqlx::query_scalar(
        "select (select epoch from serving_epoch) - count(*) from serving_change",
    )
    .fetch_one(&mut database)
    .await
    .unwrap();
    assert_eq!(gaps, 0, "each epoch tells of one tenant");
    platform.settle().await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plan_is_refused_for_what_is_wrong_with_it_and_stays_while_a_tenant_has_it() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let plans = owner.get("/admin/plans").await.expect(200).json();
    assert_eq!(plans["items"][0]["name"], "default");
    assert_eq!(plans["items"][0]["tenants"], 1);
    assert_eq!(plans["items"][0]["function_limits"]["cpu_ms"], 1000);

    let wrong = json!({
        "name": "wrong", "quotas": { "aliases_per_function": 201 },
        "function_limits": { "cpu_ms": 0 }, "tenant_limits": { "concurrency": 0 },
    });
    let answer = owner.post("/admin/plans", wrong).await.expect(422).json();
    let fields = answer["problems"].as_array().unwrap().iter();
    let fields: Vec<_> = fields.map(|problem| &problem["field"]).collect();
    assert_eq!(
        fields,
        [
            "function_limits.cpu_ms",
            "tenant_limits.concurrency",
            "quotas.aliases_per_function"
        ]
    );
    for body in [
        json!({ "name": "Über" }),
        json!({ "name": "p", "quotas": { "colours": 3 } }),
        json!({ "name": "p", "function_limits": { "colours": 3 } }),
    ] {
        assert_eq!(
            owner.post("/admin/plans", body.clone()).await.code(),
            "invalid",
            "{body}"
        );
    }
    put_on(&owner, "pro", json!({})).await;
    let again = owner.post("/admin/plans", json!({ "name": "pro" })).await;
    assert_eq!(again.code(), "taken");
    let unknown = change(&owner, "/admin/tenants/acme", json!({ "plan": "gold" })).await;
    assert_eq!(unknown.code(), "invalid");

    let delete = async |plan: &str| {
        let path = format!("/admin/plans/{plan}");
        let etag = owner.get(&path).await.header("etag").to_owned();
        let request = owner.request(Method::DELETE, &path).await;
        owner.send(request.header("if-match", etag)).await.status
    };
    assert_eq!((delete("pro").await, delete("default").await), (409, 409));
    let back = json!({ "plan": "default" });
    change(&owner, "/admin/tenants/acme", back)
        .await
        .expect(200);
    assert_eq!(delete("pro").await, 204);
    owner.get("/admin/plans/pro").await.expect(404);
    let stale = owner.request(Method::PATCH, "/admin/plans/default").await;
    let stale = stale.header("if-match", "\"99\"").json(&json!({}));
    assert_eq!(owner.send(stale).await.code(), "precondition_failed");
    platform.stop().await;
}
