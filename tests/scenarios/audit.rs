//! What was changed, by whom: told to admins, as pages and as an export.

use serde_json::{Value, json};

use crate::harness::TestPlatform;

fn actions(events: &[Value]) -> Vec<&str> {
    let actions = events
        .iter()
        .map(|event| event["action"].as_str().expect("an event has one"));
    actions.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_change_is_told_with_its_actor_and_none_of_its_secrets() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    let asked = json!({ "name": "CI", "role": "developer", "scopes": ["functions:write"] });
    let told = owner
        .post(&owner.here("/tokens"), asked)
        .await
        .expect(201)
        .json();
    let ci = owner.presenting(&told["secret"]);
    ci.create_function("shop").await;
    owner.create_function("till").await;

    let listed = async |query: &str| {
        let path = owner.here(&format!("/audit{query}"));
        let page = owner.get(&path).await.expect(200).json();
        page["items"].as_array().unwrap().clone()
    };
    let all = listed("").await;
    let newest = [
        "function.created",
        "function.created",
        "token.created",
        "tenant.created",
    ];
    assert_eq!(actions(&all), newest);
    assert_eq!(all[0]["user_name"], "Operator");
    assert_eq!(
        (&all[1]["user"], &all[1]["token_name"]),
        (&Value::Null, &json!("CI"))
    );
    assert!(all[1]["request_id"].as_str().unwrap().starts_with("req_"));
    assert_eq!(all[1]["address"], "127.0.0.1");
    assert_eq!(all[1]["after"]["name"], "shop");
    let secret = told["secret"].as_str().unwrap();
    assert!(!format!("{all:?}").contains(secret));

    assert_eq!(actions(&listed("?action=function").await).len(), 2);
    assert_eq!(actions(&listed("?action=function.deleted").await), [""; 0]);
    let by_ci = format!("?actor={}", told["id"].as_str().unwrap());
    assert_eq!(listed(&by_ci).await, [all[1].clone()]);
    let of_till = format!("?subject={}", all[0]["subject"].as_str().unwrap());
    assert_eq!(listed(&of_till).await, [all[0].clone()]);
    let page = owner.get(&owner.here("/audit?limit=3")).await.json();
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(listed(&format!("?cursor={cursor}")).await, [all[3].clone()]);

    let export = owner.get(&owner.here("/audit/export")).await.expect(200);
    assert_eq!(export.header("content-type"), "application/x-ndjson");
    let lines: Vec<Value> = export
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines, all);
    let nothing = owner.here("/audit/export?since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z");
    assert_eq!(owner.get(&nothing).await.code(), "invalid");
    let unheard_of = owner.here("/audit?action=%00");
    assert_eq!(owner.get(&unheard_of).await.code(), "invalid");
    platform.stop().await;
}
