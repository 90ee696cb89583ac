//! Paths that lead to functions, and to versions by their aliases.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Person, TestPlatform, fake_worker::FakeWorker, guests, until};

async fn create(by: &Person<'_>, body: Value) -> Value {
    let made = by.post(&by.here("/routes"), body).await.expect(201);
    let location = made.header("location").to_owned();
    let route = made.json();
    let path = format!("/v1{}", by.here(&format!("/routes/{}", id(&route))));
    assert_eq!(location, path);
    route
}

fn id(route: &Value) -> &str {
    route["id"].as_str().expect("a route has an id")
}

fn path_of(by: &Person<'_>, route: &Value) -> String {
    by.here(&format!("/routes/{}", id(route)))
}

/// A tenant with `hello`, of which version 1 is live and `next` names version 2.
async fn with_an_alias(owner: &Person<'_>) {
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    let number = owner
        .create_version("hello", guests::prebuilt("hello-v2"))
        .await;
    owner.compiled("hello", number).await;
    let alias = json!({ "name": "next", "version": 2 });
    let aliases = owner.here("/functions/hello/aliases");
    owner.post(&aliases, alias).await.expect(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_path_leads_to_its_function_until_the_route_or_the_function_goes() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    owner.publish("kitchen", guests::prebuilt("kitchen")).await;
    let told = async |path: &str| {
        let answer = owner.call(path).await;
        match answer.code().as_str() {
            "" => answer.to_string(),
            code => format!("{} {code}", answer.status),
        }
    };

    let items = create(
        &owner,
        json!({ "path": "/items/:id/", "function": "hello" }),
    )
    .await;
    assert_eq!(items["path"], "/items/:id");
    until(async || told("/items/7").await == "200 hello from v1").await;
    let inspect = create(
        &owner,
        json!({ "path": "/inspect/...", "function": "kitchen" }),
    )
    .await;
    until(async || owner.call("/inspect?a=1").await.status == 200).await;
    let seen = owner.call("/inspect?a=1").await.text();
    assert!(
        seen.contains(r#""path_with_query":"/inspect?a=1""#),
        "{seen}"
    );

    // Another spelling of the same path is named; a more exact one beside it is not the same.
    let clash = json!({ "path": "/items/:name", "function": "kitchen" });
    let clash = owner.post(&owner.here("/routes"), clash).await;
    assert_eq!(
        (clash.status, clash.code().as_str()),
        (409, "route_conflict")
    );
    let detail = clash.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains(id(&items)) && detail.contains("`hello`"),
        "{detail}"
    );
    create(
        &owner,
        json!({ "path": "/items/all", "function": "kitchen" }),
    )
    .await;

    let items = path_of(&owner, &items);
    let moved = owner
        .change(Method::PATCH, &items, json!({ "path": "/goods/:id" }))
        .await;
    let moved = moved.expect(200).json();
    assert_eq!(
        (&moved["path"], &moved["function_name"]),
        (&json!("/goods/:id"), &json!("hello"))
    );
    until(async || told("/goods/7").await == "200 hello from v1").await;
    assert_eq!(told("/items/7").await, "404 not_found");
    let into_another = json!({ "path": "/inspect/..." });
    let clash = owner.change(Method::PATCH, &items, into_another).await;
    assert_eq!(clash.code(), "route_conflict");

    let first = owner
        .get(&owner.here("/routes?limit=2"))
        .await
        .expect(200)
        .json();
    let cursor = first["next_cursor"].as_str().expect("there is a third");
    let rest = owner
        .get(&owner.here(&format!("/routes?limit=2&cursor={cursor}")))
        .await;
    let rest = rest.expect(200).json();
    assert_eq!(
        (
            first["items"].as_array().unwrap().len(),
            rest["items"].as_array().unwrap().len()
        ),
        (2, 1)
    );

    let inspect = path_of(&owner, &inspect);
    owner
        .change(Method::DELETE, &inspect, Value::Null)
        .await
        .expect(204);
    until(async || told("/inspect").await == "404 not_found").await;
    owner
        .change(Method::DELETE, &owner.here("/functions/hello"), Value::Null)
        .await
        .expect(204);
    until(async || told("/goods/7").await == "404 not_found").await;
    assert_eq!(owner.get(&items).await.status, 404);

    let events = owner
        .get(&owner.here("/audit?action=route"))
        .await
        .expect(200)
        .json();
    let actions: Vec<_> = events["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        actions,
        [
            "route.deleted",
            "route.updated",
            "route.created",
            "route.created",
            "route.created"
        ]
    );
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_to_an_alias_follows_it_and_keeps_it_from_being_deleted() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    with_an_alias(&owner).await;
    create(&owner, json!({ "path": "/...", "function": "hello" })).await;
    let beta = json!({ "path": "/beta/...", "function": "hello", "alias": "next" });
    let beta = create(&owner, beta).await;
    until(async || owner.call("/beta/x").await.to_string() == "200 hello from v2").await;
    assert_eq!(owner.call("/other").await.to_string(), "200 hello from v1");

    let alias = owner.here("/functions/hello/aliases/next");
    owner
        .change(Method::PATCH, &alias, json!({ "version": 1 }))
        .await
        .expect(200);
    until(async || owner.call("/beta/x").await.to_string() == "200 hello from v1").await;
    let needed = owner.change(Method::DELETE, &alias, Value::Null).await;
    assert_eq!((needed.status, needed.code().as_str()), (409, "conflict"));
    assert!(needed.text().contains(id(&beta)), "{needed}");
    let beta = path_of(&owner, &beta);
    let live = owner
        .change(Method::PATCH, &beta, json!({ "alias": null }))
        .await;
    assert_eq!(live.expect(200).json()["alias"], Value::Null);
    owner
        .change(Method::DELETE, &alias, Value::Null)
        .await
        .expect(204);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_route_is_refused_for_all_that_is_wrong_with_it() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    with_an_alias(&owner).await;
    let routes = owner.here("/routes");
    for (body, fields) in [
        (
            json!({ "path": "items", "function": "hello", "host": "x", "alias": "v1" }),
            vec!["path", "host", "alias"],
        ),
        (
            json!({ "path": "/a%2Fb", "function": "hello" }),
            vec!["path"],
        ),
        (
            json!({ "path": "/a\u{0}", "function": "hello\u{0}" }),
            vec!["path"],
        ),
        (
            json!({ "path": "/a", "function": "hello\u{0}" }),
            vec!["function"],
        ),
        (
            json!({ "path": "/a", "function": "nothing", "host": "shop.example" }),
            vec!["host", "function"],
        ),
        (
            json!({ "path": "/a", "function": "hello", "host": "shop.example", "alias": "last" }),
            vec!["host", "alias"],
        ),
    ] {
        let refused = owner.post(&routes, body.clone()).await.expect(422).json();
        let told: Vec<_> = refused["problems"]
            .as_array()
            .unwrap()
            .iter()
            .map(|problem| problem["field"].as_str().unwrap())
            .collect();
        assert_eq!(told, fields, "{body}");
    }
    let route = create(&owner, json!({ "path": "/a", "function": "hello" })).await;
    let path = path_of(&owner, &route);
    let blind = owner.request(Method::PATCH, &path).await.json(&json!({}));
    assert_eq!(owner.send(blind).await.code(), "precondition_required");
    let stale = owner
        .request(Method::DELETE, &path)
        .await
        .header("if-match", "\"7\"");
    assert_eq!(owner.send(stale).await.code(), "precondition_failed");
    assert_eq!(
        owner.get(&owner.here("/routes?cursor=x")).await.code(),
        "invalid"
    );

    // Of another tenant there is neither the route nor the function.
    let mut outsider = platform.somebody("outsider@example.com", None).await;
    let tenant = json!({ "slug": "globex", "name": "Globex" });
    outsider.post("/tenants", tenant).await.expect(201);
    outsider.tenant = "globex".to_owned();
    assert_eq!(outsider.get(&path_of(&outsider, &route)).await.status, 404);
    let stolen = json!({ "path": "/a", "function": route["function"] });
    assert_eq!(
        outsider
            .post(&outsider.here("/routes"), stolen)
            .await
            .status,
        422
    );

    // A worker that would not know the alias gets no route to one.
    let tenant = owner.get(&owner.here("")).await.expect(200).json();
    let function = owner
        .get(&owner.here("/functions/hello"))
        .await
        .expect(200)
        .json();
    let old = FakeWorker::join(&platform, &tenant, &function).await;
    old.heartbeat(0, false).await.expect(200);
    let to_alias = json!({ "path": "/b", "function": "hello", "alias": "next" });
    let refused = owner.post(&routes, to_alias.clone()).await;
    assert!(
        refused.status == 409 && refused.text().contains("made-up"),
        "{refused}"
    );
    old.heartbeat(0, true).await.expect(200);
    owner.post(&routes, to_alias).await.expect(201);
    platform.stop().await;
}
