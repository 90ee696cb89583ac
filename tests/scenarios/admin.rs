//! What an operator does: by the API with a session or a token, and by `atoll admin` at the machine.

use domain::feed::Join;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Executor as _;

use super::plans::change;
use crate::harness::{
    Answer, Person, TestPlatform, cluster,
    fake_worker::FakeWorker,
    guests,
    platform::{JOIN_TOKEN, SECRET_KEY},
    until,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_tenants_functions_answer_402_and_its_admins_read_why() {
    let platform = TestPlatform::start().await;
    let operator = platform.operator().await;
    operator
        .publish("hello", guests::prebuilt("hello-v1"))
        .await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    admin.get("/admin/tenants/acme").await.expect(404);

    let acme = "/admin/tenants/acme";
    let found = operator.get("/admin/tenants?q=ACM&state=active").await;
    let found = found.expect(200).json();
    assert_eq!(found["items"][0]["slug"], "acme");
    assert_eq!(found["items"][0]["plan"], "default");
    assert_eq!(found["items"][0]["use"]["functions"], 1);
    assert_eq!(found["items"][0]["use"]["members"], 2);
    let none = operator.get("/admin/tenants?q=nobody").await.json();
    assert_eq!(none["items"], json!([]));

    let blind = operator.request(Method::PATCH, acme).await;
    let blind = operator.send(blind.json(&json!({ "state": "suspended" })));
    assert_eq!(blind.await.code(), "precondition_required");
    for wrong in [
        json!({ "state": "deleted" }),
        json!({ "reason": "unpaid" }),
        json!({ "state": "gone" }),
        json!({ "state": "suspended", "reason": "x".repeat(501) }),
    ] {
        let answer = change(&operator, acme, wrong.clone()).await;
        assert_eq!(answer.code(), "invalid", "{wrong}");
    }
    let suspended = json!({ "state": "suspended", "reason": "unpaid" });
    let after = change(&operator, acme, suspended).await.expect(200).json();
    assert_eq!(
        (&after["state"], &after["suspended_reason"]),
        (&json!("suspended"), &json!("unpaid"))
    );
    assert_eq!(after["owners"][0]["email"], "operator@example.com");
    until(async || {
        let answer = operator.call("/hello").await;
        (answer.status, answer.code().as_str()) == (402, "tenant_suspended")
    })
    .await;
    let audit = admin.here("/audit?action=tenant.suspended");
    let audit = admin.get(&audit).await.expect(200).json();
    assert_eq!(audit["items"][0]["user_name"], "Operator");
    assert_eq!(audit["items"][0]["address"], Value::Null);
    assert_eq!(
        audit["items"][0]["after"],
        json!({ "state": "suspended", "reason": "unpaid" })
    );

    change(&operator, acme, json!({ "state": "active" }))
        .await
        .expect(200);
    until(async || operator.call("/hello").await.status == 200).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operators_token_is_one_by_its_scope_and_while_he_is_one() {
    let platform = TestPlatform::start().await;
    let operator = platform.operator().await;
    let status = async |person: &Person<'_>| person.get("/admin/plans").await.status;

    let token = operator.with_own_token(&["platform:admin"]).await;
    assert_eq!(status(&token).await, 200);
    let other = operator.with_own_token(&["tenant:admin"]).await;
    assert_eq!(status(&other).await, 404);
    let asked = json!({ "name": "CI", "role": "owner", "scopes": ["platform:admin"] });
    let of_tenant = operator.with_tenant_token(asked).await;
    assert_eq!(status(&of_tenant).await, 404);
    let function = operator.create_function("hello").await;
    let asked =
        json!({ "name": "one", "scopes": ["platform:admin"], "functions": [function["id"]] });
    let told = operator.post("/tokens", asked).await.expect(201).json();
    let of_function = operator.presenting(&told["secret"]);
    assert_eq!(status(&of_function).await, 404);

    let second = platform.somebody("second@example.com", None).await;
    let hers = second.with_own_token(&["platform:admin"]).await;
    assert_eq!((status(&second).await, status(&hers).await), (404, 404));
    let id = async |email: &str| {
        let page = operator.get(&format!("/admin/users?q={email}")).await;
        page.json()["items"][0]["id"].as_str().unwrap().to_owned()
    };
    let (hers_path, own_path) = (
        format!("/admin/users/{}", id("second").await),
        format!("/admin/users/{}", id("operator").await),
    );
    let last = change(&token, &own_path, json!({ "operator": false })).await;
    assert_eq!(last.code(), "conflict");
    change(&token, &hers_path, json!({ "operator": true }))
        .await
        .expect(200);
    assert_eq!((status(&second).await, status(&hers).await), (200, 200));
    let page = hers.get("/admin/users?operator=true").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    change(&hers, &own_path, json!({ "operator": false }))
        .await
        .expect(200);
    assert_eq!((status(&operator).await, status(&token).await), (404, 404));

    let audit = hers.get("/admin/audit?action=user.changed").await;
    let audit = audit.expect(200).json();
    let told: Vec<_> = audit["items"].as_array().unwrap().iter().collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[0]["tenant"], Value::Null);
    assert_eq!(told[0]["after"], json!({ "operator": false }));
    assert_eq!(told[1]["token_name"], "a token");
    let all = hers.get("/admin/audit").await.json();
    let of_acme = all["items"].as_array().unwrap().iter();
    let mut of_acme = of_acme.filter(|event| event["action"] == "function.created");
    let tenant = of_acme.next().unwrap()["tenant"].as_str().unwrap();
    let one = format!("/admin/audit?tenant={tenant}&action=tenant");
    assert_eq!(
        hers.get(&one).await.json()["items"][0]["action"],
        "tenant.created"
    );
    platform.stop().await;
}

async fn join(platform: &TestPlatform, token: &str, name: &str) -> Answer {
    let join = Join {
        name: name.to_owned(),
        engine_tag: engine::TAG.to_owned(),
        internal_url: "http://127.0.0.1:1".to_owned(),
        features: Vec::new(),
    };
    let request = platform.http.post(platform.api_url("/internal/v1/join"));
    platform
        .answer(request.bearer_auth(token).json(&join))
        .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_joins_by_a_token_until_it_is_revoked_and_stays_until_it_is_forgotten() {
    let platform = TestPlatform::start().await;
    let operator = platform.operator().await;
    let tokens = "/admin/join-tokens";
    let nameless = operator.post(tokens, json!({ "name": "" })).await;
    assert_eq!(nameless.code(), "invalid");
    let told = operator.post(tokens, json!({ "name": "rack 7" })).await;
    let told = told.expect(201).json();
    let secret = told["secret"].as_str().unwrap();
    join(&platform, secret, "made-up").await.expect(201);

    let listed = operator.get(tokens).await.expect(200);
    assert!(!listed.text().contains(secret));
    assert_eq!(listed.json()["items"][0]["name"], "rack 7");
    let nodes = operator.get("/admin/nodes").await.expect(200).json();
    let nodes = nodes["items"].as_array().unwrap();
    let names: Vec<_> = nodes.iter().map(|node| &node["name"]).collect();
    assert_eq!(names, ["made-up", "scenario"]);
    assert_eq!(nodes[0]["applied_epoch"], Value::Null);
    assert_eq!(nodes[1]["live"], true);
    until(async || {
        let nodes = operator.get("/admin/nodes").await.json();
        nodes["items"][1]["lag_epochs"] == 0
    })
    .await;
    let first = operator.get("/admin/nodes?limit=1").await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = operator
        .get(&format!("/admin/nodes?limit=1&cursor={cursor}"))
        .await
        .json();
    assert_eq!(second["items"][0]["name"], "scenario");

    let id = told["id"].as_str().unwrap();
    let remove = async |path: String| {
        let request = operator.request(Method::DELETE, &path).await;
        operator.send(request).await.status
    };
    assert_eq!(remove(format!("{tokens}/{id}")).await, 204);
    assert_eq!(remove(format!("{tokens}/{id}")).await, 404);
    join(&platform, secret, "late").await.expect(401);

    let function = operator.create_function("hello").await;
    let tenant = operator.get("/tenants/acme").await.json();
    let worker = FakeWorker::join(&platform, &tenant, &function).await;
    worker.heartbeat(1, false).await.expect(200);
    let nodes = operator.get("/admin/nodes").await.json();
    for node in nodes["items"].as_array().unwrap() {
        if node["name"] != "scenario" {
            let id = node["id"].as_str().unwrap();
            assert_eq!(remove(format!("/admin/nodes/{id}")).await, 204);
        }
    }
    worker.heartbeat(1, false).await.expect(401);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_was_refused_is_seen_with_its_reason_and_tried_again() {
    let platform = TestPlatform::start().await;
    let operator = platform.operator().await;
    // Of a build that nobody here is of, so that nobody takes it.
    let mut database = cluster::connect(&platform.database_url).await;
    database
        .execute(
            "insert into job (job_id, kind, subject, engine_tag, run_at, attempts, failures, last_error)
             values (gen_random_uuid(), 'compile', gen_random_uuid(), 'another', 'infinity', 3, 1, 'too large')",
        )
        .await
        .unwrap();
    let refused = operator.get("/admin/jobs?state=refused").await;
    let refused = refused.expect(200).json();
    let job = &refused["items"][0];
    assert_eq!(job["kind"], "compile");
    assert_eq!(job["last_error"], "too large");
    assert_eq!(
        (&job["run_at"], &job["attempts"]),
        (&Value::Null, &json!(3))
    );
    assert!(job["subject"].as_str().unwrap().starts_with("ver_"));

    let retry = format!("/admin/jobs/{}/retry", job["id"].as_str().unwrap());
    let after = operator.post(&retry, json!({})).await.expect(200).json();
    assert_eq!(
        (&after["state"], &after["failures"]),
        (&json!("waiting"), &json!(0))
    );
    assert!(after["run_at"].is_string());
    let all = operator.get("/admin/jobs").await.json();
    let kinds = all["items"].as_array().unwrap().iter();
    let kinds: Vec<_> = kinds.map(|job| &job["kind"]).collect();
    assert!(kinds.contains(&&json!("sweep")), "{kinds:?}");
    let audit = operator.get("/admin/audit?action=job.retried").await;
    assert_eq!(audit.json()["items"][0]["subject"], job["id"]);
    platform.stop().await;
}

/// What `atoll admin …` prints, as `atoll api` is configured.
async fn at_the_machine(platform: &TestPlatform, line: &str) -> Result<String, String> {
    let blobs = platform.folder.path().join("blobs");
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_atoll-under-test"))
        .arg("admin")
        .args(line.split_whitespace())
        .env("DATABASE_URL", platform.database_url.as_str())
        .env("ATOLL_BLOBS", format!("file://{}", blobs.display()))
        .env("ATOLL_PUBLIC_URL", "http://localhost:8080")
        .env("ATOLL_APPS_DOMAIN", "localhost")
        .env("ATOLL_SECRET_KEY", SECRET_KEY)
        .env("ATOLL_JOIN_TOKEN", JOIN_TOKEN)
        .output()
        .await
        .expect("the program starts");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("it prints UTF-8");
    match output.status.success() {
        true => Ok(text(output.stdout)),
        false => Err(text(output.stderr)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_is_done_at_the_machine() {
    let platform = TestPlatform::start().await;
    let operator = platform.operator().await;
    let admin = async |line: &str| at_the_machine(&platform, line).await;
    let json = async |line: &str| -> Value {
        let text = admin(&format!("--json {line}")).await.expect(line);
        serde_json::from_str(&text).expect("it is JSON")
    };

    let made = json("plans create small quotas.functions=1 tenant_limits.concurrency=5").await;
    assert_eq!(
        (&made["quotas"]["functions"], &made["quotas"]["members"]),
        (&json!(1), &json!(1000))
    );
    let set = json("plans set small quotas.functions=2").await;
    assert_eq!(set["quotas"]["functions"], 2);
    assert_eq!(set["tenant_limits"]["concurrency"], 5);
    let unknown = admin("plans set small quotas.colours=2").await.unwrap_err();
    assert!(unknown.contains("unknown field `colours`"), "{unknown}");

    admin("tenants set-plan acme small").await.unwrap();
    let suspended = json("tenants suspend acme --reason unpaid").await;
    assert_eq!(suspended["state"], "suspended");
    let table = admin("tenants list --search acme").await.unwrap();
    let mut lines = table.lines().map(|line| {
        let cells: Vec<_> = line.split_whitespace().take(4).collect();
        cells.join(" ")
    });
    assert_eq!(lines.next().unwrap(), "SLUG STATE PLAN FUNCTIONS");
    assert_eq!(lines.next().unwrap(), "acme suspended small 0");
    assert_eq!(json("tenants activate acme").await["state"], "active");
    // As the API tells it.
    let shown = operator.get("/admin/tenants/acme").await.json();
    assert_eq!(json("tenants show acme").await, shown);
    let audit = operator.here("/audit?action=tenant.suspended");
    let event = operator.get(&audit).await.json()["items"][0].clone();
    assert_eq!(
        (&event["user"], &event["after"]["reason"]),
        (&Value::Null, &json!("unpaid"))
    );

    let told = json("join-token create rack-7").await;
    let (secret, id) = (&told["secret"], &told["id"]);
    join(&platform, secret.as_str().unwrap(), "made-up")
        .await
        .expect(201);
    let nodes = admin("nodes list").await.unwrap();
    assert!(nodes.contains("made-up") && nodes.contains("scenario"));
    admin(&format!("join-token revoke {}", id.as_str().unwrap()))
        .await
        .unwrap();
    assert!(json("join-token list").await[0]["revoked_at"].is_string());
    assert!(admin("jobs list").await.unwrap().contains("sweep"));
    let missing = admin("tenants show nobody").await.unwrap_err();
    assert!(missing.contains("tenant not found"), "{missing}");
    platform.stop().await;
}
