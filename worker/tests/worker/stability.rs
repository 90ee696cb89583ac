//! What a worker serves while others are away, damaged, or of another opinion.

use std::{fs, path::Path, time::Duration};

use ed25519_dalek::SigningKey;

use crate::stage::{Stage, acme, function, signing_key};

async fn serving_hello() -> Stage {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    stage
}

fn forget_state(folder: &Path) {
    fs::remove_file(folder.join("cache/serving.redb")).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_or_foreign_kept_state_is_moved_aside_and_taken_anew() {
    let foreign = |file: &Path| fs::write(file, "not a database, whoever wrote it").unwrap();
    // Keeps the head, from which a database is recognised.
    let damaged = |file: &Path| {
        let mut bytes = fs::read(file).unwrap();
        bytes[4_096..].fill(0xa5);
        fs::write(file, bytes).unwrap();
    };
    let mut stage = serving_hello().await;
    for damage in [&foreign as &dyn Fn(&Path), &damaged] {
        stage = stage
            .restart(|folder| damage(&folder.join("cache/serving.redb")))
            .await;
        stage.worker.ready().await;
        assert_eq!(stage.told("/hello").await, "200 hello from v1");
        let aside = stage.folder.path().join("cache/serving.unusable");
        fs::remove_file(aside).unwrap();
    }
    // What was written since can be used.
    stage.api.acknowledged().await;
    stage.api.go_away();
    let stage = stage.restart(|_| {}).await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_api_servers_and_kept_state_the_published_one_is_served() {
    let stage = serving_hello().await;
    stage.api.publish(&signing_key());
    stage.api.go_away();
    let stage = stage.restart(forget_state).await;
    let ready = tokio::time::timeout(Duration::from_secs(10), stage.worker.ready());
    ready.await.unwrap();
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_published_state_that_the_platform_has_not_signed_is_not_served() {
    let stage = serving_hello().await;
    stage.api.publish(&SigningKey::from_bytes(&[66; 32]));
    stage.api.go_away();
    let stage = stage.restart(forget_state).await;
    let ready = tokio::time::timeout(Duration::from_secs(5), stage.worker.ready());
    assert!(ready.await.is_err(), "it serves what a stranger signed");
    assert_eq!(stage.told("/hello").await, "404 not_found");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_is_not_the_api_servers_any_more_is_taken_whole() {
    let before = acme(vec![function("hello", "hello-v1")]);
    let mut after = before.clone();
    after.functions[0] = function("hello", "hello-v2");
    let stage = Stage::start_with(vec![before], |config| {
        config.compare_every = Duration::from_millis(200);
    })
    .await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    stage.api.set_silently(vec![after]);
    let switched = async {
        while stage.told("/hello").await != "200 hello from v2" {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let switched = tokio::time::timeout(Duration::from_secs(15), switched).await;
    switched.expect("the whole snapshot is taken");
    stage.worker.shutdown().await;
}
