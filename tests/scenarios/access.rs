//! Who may call what: every route of the API, for every kind of caller.

use domain::Scope;
use reqwest::Method;
use serde_json::json;

use crate::harness::{Person, TestPlatform, guests};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_lets_in_whom_it_should() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let anonymous = Person {
        platform: &platform,
        token: String::new(),
        tenant: "acme".to_owned(),
    };
    let outsider = platform.somebody("outsider@example.com", None).await;
    let billing = platform
        .somebody("billing@example.com", Some("billing"))
        .await;
    let viewer = platform
        .somebody("viewer@example.com", Some("viewer"))
        .await;
    let developer = platform
        .somebody("developer@example.com", Some("developer"))
        .await;
    let admin = platform.somebody("admin@example.com", Some("admin")).await;
    let callers = [
        &anonymous, &outsider, &billing, &viewer, &developer, &admin, &owner,
    ];

    let mut table = format!("{:<62}anon  out bill view  dev  adm  own\n", "");
    for route in api::routes::table() {
        let mut row = format!("{:<6} {:<55}", route.method.to_string(), route.path);
        for caller in callers {
            row += &format!(
                "{:>5}",
                knock(caller, &route.method, route.path.as_ref()).await
            );
        }
        table += row.trim_end();
        table.push('\n');
    }
    insta::assert_snapshot!(table);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_good_for_its_scopes_and_no_route_takes_it_for_another() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let mut table = String::from("column by column, the owner's tokens with one scope each:\n");
    let mut callers = Vec::new();
    for (column, scope) in Scope::ALL.iter().enumerate() {
        table += &format!("{:>3} {scope}\n", column + 1);
        callers.push(owner.with_own_token(&[scope.as_str()]).await);
    }
    let all: Vec<_> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
    table +=
        " of a tenant with all scopes, as viewer and as admin; of an outsider with all scopes\n";
    for role in ["viewer", "admin"] {
        let asked = json!({ "name": role, "role": role, "scopes": all });
        callers.push(owner.with_tenant_token(asked).await);
    }
    let outsider = platform.somebody("outsider@example.com", None).await;
    callers.push(outsider.with_own_token(&all).await);

    for route in api::routes::table() {
        let mut row = format!("{:<6} {:<55}", route.method.to_string(), route.path);
        for caller in &callers {
            let status = knock(caller, &route.method, route.path.as_ref()).await;
            row += &format!("{status:>4}");
        }
        table += row.trim_end();
        table.push('\n');
    }
    insta::assert_snapshot!(table);
    platform.stop().await;
}

/// The status that a caller without a body or a precondition meets: access is decided before both.
async fn knock(caller: &Person<'_>, method: &reqwest::Method, path: &str) -> u16 {
    let path = path
        .replace("{tenant}", "acme")
        .replace("{function}", "hello")
        .replace("{number}", "1")
        .replace("{upload}", "upl_00000000000000000000000000000000")
        .replace("{operation}", "op_00000000000000000000000000000000")
        .replace("{alias}", "next")
        .replace("{secret}", "password")
        .replace("{route}", "rte_00000000000000000000000000000000")
        .replace("{domain}", "shop.example")
        .replace("{session}", "ses_00000000000000000000000000000000")
        .replace("{user}", "usr_00000000000000000000000000000000")
        .replace("{invitation}", "inv_00000000000000000000000000000000")
        .replace("{token}", "tok_00000000000000000000000000000000")
        .replace("{plan}", "default")
        .replace("{node}", "node_00000000000000000000000000000000")
        .replace("{job}", "job_00000000000000000000000000000000")
        .replace("{join_token}", "jtk_00000000000000000000000000000000")
        .replace("{request_id}", "req_00000000000000000000000000000000")
        .replace("{code}", "not_found");
    let url = caller.platform.api_url(&path);
    let mut request = caller.platform.http.request(method.clone(), url);
    if !caller.token.is_empty() {
        request = request.bearer_auth(&caller.token);
    }
    // Ending what one calls with would be told as the next route's refusal.
    let by_token = caller.token.starts_with("atoll_");
    let ends_itself = match path.as_str() {
        "/v1/session" => !caller.token.is_empty() && !by_token,
        "/v1/tokens/self" => by_token,
        _ => false,
    };
    if ends_itself && *method == Method::DELETE {
        return 204;
    }
    caller.platform.answer(request).await.status
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_tenant_looks_as_if_it_did_not_exist() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let function = owner.get(&owner.here("/functions/hello")).await.json();
    let upload = owner
        .upload(guests::prebuilt("hello-v2"))
        .await
        .expect(201)
        .json();

    let mut outsider = platform.somebody("outsider@example.com", None).await;
    let foreign = outsider.get(&outsider.here("/functions/hello")).await;
    outsider.tenant = "does-not-exist".to_owned();
    let missing = outsider.get(&outsider.here("/functions/hello")).await;
    assert_eq!(foreign.to_string(), missing.to_string());

    // Inside a tenant of his own, the ids of another's things lead nowhere.
    outsider
        .post("/tenants", json!({ "slug": "globex", "name": "Globex" }))
        .await
        .expect(201);
    outsider.tenant = "globex".to_owned();
    let id = function["id"].as_str().unwrap();
    outsider
        .get(&outsider.here(&format!("/functions/{id}")))
        .await
        .expect(404);
    outsider
        .get(&outsider.here(&format!("/uploads/{}", upload["id"].as_str().unwrap())))
        .await
        .expect(404);
    outsider.create_function("mine").await;
    let stolen = json!({ "upload": upload["id"] });
    let versions = outsider.here("/functions/mine/versions");
    assert_eq!(outsider.post(&versions, stolen).await.status, 404);
    platform.stop().await;
}
