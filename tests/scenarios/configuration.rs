//! Variables and secrets: versions keep what they were made with, and nobody but a guest reads a secret.

use std::{fs, path::Path};

use reqwest::Method;
use serde_json::{Value, json};
use sqlx::Row as _;

use crate::harness::{Person, TestPlatform, cluster, guests, until};

/// What the guest of the function `courier` reads under a name.
async fn read(person: &Person<'_>, name: &str) -> String {
    let path = format!("/courier/variables?key={name}");
    let told = person.call(&path).await.expect(200);
    let told = String::from_utf8(told.body.to_vec()).expect("it is text");
    told.lines().next().expect("a line").to_owned()
}

async fn live(person: &Person<'_>, changed: &Value) {
    for followed in changed["versions"].as_array().expect("a list") {
        let operation = format!(
            "/operations/{}",
            followed["operation"].as_str().expect("it is deployed")
        );
        let done = person.done(&operation).await;
        assert_eq!(done["state"], "succeeded", "{done:#}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_keeps_the_variables_that_it_was_made_with() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("courier", guests::prebuilt("courier")).await;
    let own = owner.here("/functions/courier/variables");
    let everywhere = owner.here("/variables");

    let asked = json!({ "variables": { "greeting": "hello", "POOL": "5" }, "deploy": true });
    let changed = owner.change(Method::PATCH, &own, asked).await.expect(200);
    let changed = changed.json();
    assert_eq!(changed["versions"][0]["from"], 1);
    assert_eq!(changed["versions"][0]["version"], 2);
    live(&owner, &changed).await;
    assert_eq!(read(&owner, "greeting").await, "Ok(Some(\"hello\"))");

    // The tenant's are there for all, behind a function's own; what changes nothing makes no version.
    let asked = json!({ "variables": { "greeting": "hi" }, "deploy": true });
    let changed = owner.change(Method::PATCH, &everywhere, asked).await;
    assert_eq!(changed.expect(200).json()["versions"], json!([]));
    let asked = json!({ "variables": { "region": "eu" }, "deploy": true });
    let changed = owner.change(Method::PATCH, &everywhere, asked).await;
    live(&owner, &changed.expect(200).json()).await;
    assert_eq!(read(&owner, "region").await, "Ok(Some(\"eu\"))");
    let asked = json!({ "variables": { "greeting": null }, "deploy": true });
    let changed = owner.change(Method::PATCH, &own, asked).await;
    live(&owner, &changed.expect(200).json()).await;
    assert_eq!(read(&owner, "greeting").await, "Ok(Some(\"hi\"))");

    let compared = owner
        .get(&owner.here("/functions/courier/versions/4/diff?from=1"))
        .await
        .expect(200)
        .json();
    assert_eq!(compared["module"], Value::Null);
    assert_eq!(
        compared["variables"],
        json!({ "added": { "POOL": "5", "greeting": "hi", "region": "eu" }, "removed": {}, "changed": {} })
    );

    // What was is there again by a rollback; another version of it would have what is configured now.
    let traffic = json!({ "traffic": [{ "version": 1, "percent": 100 }] });
    let deployments = owner.here("/functions/courier/deployments");
    owner
        .finished(owner.post(&deployments, traffic).await)
        .await;
    assert_eq!(read(&owner, "greeting").await, "Ok(None)");
    let versions = owner.here("/functions/courier/versions");
    let same = owner
        .post(&versions, json!({ "from": 1 }))
        .await
        .expect(200);
    assert_eq!(same.json()["number"], 4);
    assert_eq!(same.json()["variables"]["region"], "eu");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_told_to_guests_and_to_nobody_else() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("courier", guests::prebuilt("courier")).await;
    let secrets = owner.here("/functions/courier/secrets");

    let asked = json!({ "name": "password", "value": "Plaintext-of-one", "deploy": true });
    let made = owner.post(&secrets, asked.clone()).await;
    assert_eq!(
        made.header("location"),
        "/v1/tenants/acme/functions/courier/secrets/password"
    );
    live(&owner, &made.expect(201).json()).await;
    assert_eq!(
        read(&owner, "password").await,
        "Ok(Some(\"Plaintext-of-one\"))"
    );
    assert_eq!(owner.post(&secrets, asked).await.status, 409);

    let rotate = format!("{secrets}/password/rotate");
    let asked = json!({ "value": "Plaintext-of-two", "deploy": true });
    let rotated = owner.post(&rotate, asked).await.expect(200).json();
    assert_eq!(rotated["secret"]["number"], 2);
    assert_eq!(rotated["versions"][0]["from"], 2);
    live(&owner, &rotated).await;
    assert_eq!(
        read(&owner, "password").await,
        "Ok(Some(\"Plaintext-of-two\"))"
    );
    // A version made before has the value of before.
    assert_eq!(owner.roll_back("courier").await["state"], "succeeded");
    assert_eq!(
        read(&owner, "password").await,
        "Ok(Some(\"Plaintext-of-one\"))"
    );

    let mut told = String::new();
    for path in [
        "/functions/courier/secrets",
        "/functions/courier/secrets/password",
        "/functions/courier",
        "/functions/courier/versions",
        "/functions/courier/versions/2",
        "/functions/courier/versions/3/diff?from=2",
        "/functions/courier/deployments",
        "/audit",
    ] {
        told += &owner.get(&owner.here(path)).await.expect(200).to_string();
    }
    assert!(!told.contains("Plaintext"), "{told}");
    assert_eq!(
        rows_with(&platform, "Plaintext").await,
        Vec::<String>::new()
    );
    assert_eq!(
        files_with(platform.folder.path(), b"Plaintext"),
        Vec::<String>::new()
    );

    let path = format!("{secrets}/password");
    let etag = owner.get(&path).await.header("etag").to_owned();
    let deploying = format!("{path}?deploy=true");
    let request = owner.request(Method::DELETE, &deploying).await;
    let request = request.header("if-match", etag);
    let deleted = owner.send(request).await.expect(200).json();
    live(&owner, &deleted).await;
    assert_eq!(read(&owner, "password").await, "Ok(None)");
    owner.get(&path).await.expect(404);
    platform.stop().await;
}

/// Tables a row of which holds the text.
async fn rows_with(platform: &TestPlatform, text: &str) -> Vec<String> {
    let mut database = cluster::connect(&platform.database_url).await;
    let tables = sqlx::query(
        "select quote_ident(table_name) from information_schema.tables where table_schema = 'public'",
    );
    let tables = tables
        .fetch_all(&mut database)
        .await
        .expect("the database answers");
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let mut found = Vec::new();
    for table in tables {
        let table: String = table.get(0);
        let query = format!(
            "select count(*) from {table} t where t::text like '%{text}%' or t::text like '%{hex}%'"
        );
        let count: i64 = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_one(&mut database)
            .await
            .expect("the database answers")
            .get(0);
        if count > 0 {
            found.push(table);
        }
    }
    found
}

/// Files below a folder that hold the bytes: what the worker keeps, and the object store.
fn files_with(folder: &Path, bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files_with(&path, bytes));
        } else if fs::read(&path)
            .is_ok_and(|held| held.windows(bytes.len()).any(|window| window == bytes))
        {
            found.push(path.display().to_string());
        }
    }
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_is_not_deployed_without_what_it_requires() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("courier").await;
    let upload = owner.upload(guests::prebuilt("courier")).await.expect(201);
    let versions = owner.here("/functions/courier/versions");
    let asked = json!({
        "upload": upload.json()["id"], "requires": ["password", "region"],
        "source_url": "https://git.example.com/acme/courier/commit/1f2e3d",
    });
    let made = owner.post(&versions, asked).await.expect(201).json();
    assert_eq!(made["requires"], json!(["password", "region"]));
    owner.compiled("courier", 1).await;
    let deployments = owner.here("/functions/courier/deployments");
    let traffic = |number: u32| json!({ "traffic": [{ "version": number, "percent": 100 }] });
    let refused = owner.post(&deployments, traffic(1)).await;
    assert_eq!(
        refused.to_string(),
        "409 conflict: version 1 requires `password`, `region`, which it was not made with; set that, and make a \
         version of it anew"
    );

    let secret = json!({ "name": "password", "value": "hunter2" });
    owner
        .post(&owner.here("/secrets"), secret)
        .await
        .expect(201);
    let asked = json!({ "variables": { "region": "eu" } });
    let own = owner.here("/functions/courier/variables");
    owner.change(Method::PATCH, &own, asked).await.expect(200);
    let asked = json!({ "from": 1, "requires": ["password", "region"] });
    owner.post(&versions, asked).await.expect(201);
    let accepted = owner.post(&deployments, traffic(2)).await;
    assert_eq!(owner.finished(accepted).await["state"], "succeeded");
    assert_eq!(read(&owner, "password").await, "Ok(Some(\"hunter2\"))");
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_configured_is_told_with_its_name() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.create_function("hello").await;
    let variables = owner.here("/functions/hello/variables");
    let secrets = owner.here("/functions/hello/secrets");
    let asked =
        json!({ "variables": { "1st": "a", "long": "x".repeat(20_000), "nul": "a\u{0}b" } });
    let refused = owner.change(Method::PATCH, &variables, asked).await;
    let mut told = vec![refused.to_string()];

    let asked = json!({ "variables": { "password": "in the open" } });
    owner
        .change(Method::PATCH, &variables, asked)
        .await
        .expect(200);
    for (name, value) in [
        ("password", "hunter2".to_owned()),
        ("key", String::new()),
        ("key", "x".repeat(70_000)),
    ] {
        let asked = json!({ "name": name, "value": value });
        told.push(owner.post(&secrets, asked).await.to_string());
    }
    insta::assert_snapshot!(told.join("\n"));
    let blind = owner.request(Method::PATCH, &variables).await;
    let blind = blind.json(&json!({ "variables": {} }));
    assert_eq!(owner.send(blind).await.status, 428);
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotations_at_the_same_moment_are_each_counted() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("courier", guests::prebuilt("courier")).await;
    let secrets = owner.here("/functions/courier/secrets");
    let secret = json!({ "name": "password", "value": "0", "deploy": true });
    live(
        &owner,
        &owner.post(&secrets, secret).await.expect(201).json(),
    )
    .await;
    let rotate = format!("{secrets}/password/rotate");
    let rotations = (1..=8).map(|number| {
        let (owner, rotate) = (&owner, &rotate);
        async move {
            let asked = json!({ "value": number.to_string() });
            owner.post(rotate, asked).await.expect(200).json()
        }
    });
    let rotated = futures::future::join_all(rotations).await;
    let mut numbers: Vec<_> = rotated
        .iter()
        .map(|rotated| rotated["secret"]["number"].as_u64().unwrap())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (2..=9).collect::<Vec<_>>());
    let mut versions: Vec<_> = rotated
        .iter()
        .map(|rotated| rotated["versions"][0]["version"].as_u64().unwrap())
        .collect();
    versions.sort_unstable();
    assert_eq!(versions, (3..=10).collect::<Vec<_>>());
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_and_no_guest_notices() {
    let platform = TestPlatform::start().await;
    let owner = platform.operator().await;
    owner.publish("courier", guests::prebuilt("courier")).await;
    let secrets = owner.here("/functions/courier/secrets");
    let secret = json!({ "name": "password", "value": "hunter2", "deploy": true });
    live(
        &owner,
        &owner.post(&secrets, secret).await.expect(201).json(),
    )
    .await;

    let begun = owner
        .post("/admin/keys/rotate", json!({}))
        .await
        .expect(202);
    assert_eq!(begun.json(), json!({ "serving_key": 2, "tenants": 1 }));
    until(async || {
        let mut database = cluster::connect(&platform.database_url).await;
        let query = "select count(*) from secret_value where (tenant_key, serving_key) = (2, 2)";
        let sealed = sqlx::query_scalar::<_, i64>(query).fetch_one(&mut database);
        sealed.await.unwrap() == 1
    })
    .await;
    platform.settle().await;
    assert_eq!(read(&owner, "password").await, "Ok(Some(\"hunter2\"))");
    // A version that is loaded now needs the new key.
    let asked = json!({ "variables": { "region": "eu" }, "deploy": true });
    let own = owner.here("/functions/courier/variables");
    let changed = owner.change(Method::PATCH, &own, asked).await;
    live(&owner, &changed.expect(200).json()).await;
    assert_eq!(read(&owner, "password").await, "Ok(Some(\"hunter2\"))");
    platform.stop().await;
}
