//! Stories of what a worker hears from API servers: versions that switch, artifacts and states that are not what they say, and silence.

use std::time::{Duration, Instant};

use domain::deployment::Share;

use crate::stage::{Stage, acme, function, start, version};

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_versions_fails_no_request_and_is_acknowledged_once_loaded() {
    let mut tenant = acme(vec![function("hello", "hello-v1")]);
    let stage = Stage::start(vec![tenant.clone()]).await;
    assert_eq!(stage.api.joins()[0].engine_tag, engine::TAG);

    let callers = async {
        let ends = Instant::now() + Duration::from_secs(2);
        let mut seen = Vec::new();
        while Instant::now() < ends {
            seen.push(stage.told("/hello").await);
        }
        seen
    };
    let deploys = async {
        tenant.functions[0].versions.push(version(2, "hello-v2"));
        tenant.functions[0].prepare = vec![2];
        stage.api.set(vec![tenant.clone()]);
        let prepared = stage.api.acknowledged().await;
        assert!(prepared.failed.is_empty(), "{prepared:?}");
        tenant.functions[0].prepare.clear();
        tenant.functions[0].traffic = vec![Share {
            version: 2,
            percent: 100,
        }];
        stage.api.set(vec![tenant.clone()]);
        stage.api.acknowledged().await;
    };
    let (seen, ()) = tokio::join!(callers, deploys);
    let switched = seen
        .iter()
        .position(|told| told == "200 hello from v2")
        .expect("v2 answered");
    assert!(
        seen[..switched]
            .iter()
            .all(|told| told == "200 hello from v1")
    );
    assert!(
        seen[switched..]
            .iter()
            .all(|told| told == "200 hello from v2"),
        "{seen:?}"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_artifact_that_is_not_what_was_signed_is_never_loaded() {
    let mut tenant = acme(vec![function("hello", "hello-v1")]);
    let stage = Stage::start(vec![tenant.clone()]).await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");

    // The signature of another module, and a hash that nobody signed.
    let mut swapped = version(2, "hello-v2");
    swapped.artifacts[0].signature = version(9, "hello-v1").artifacts[0].signature.clone();
    let mut foreign = version(3, "hello-v2");
    foreign.artifacts[0].engine_tag = "another".to_owned();
    let (second, third) = (swapped.id, foreign.id);
    tenant.functions[0].versions.extend([swapped, foreign]);
    tenant.functions[0].prepare = vec![2, 3];
    stage.api.set(vec![tenant.clone()]);
    let heartbeat = stage.api.acknowledged().await;
    let reason = |id| {
        &heartbeat
            .failed
            .iter()
            .find(|failed| failed.version == id)
            .unwrap()
            .reason
    };
    assert!(
        reason(second).contains("not signed by the platform"),
        "{heartbeat:?}"
    );
    assert!(
        reason(third).contains("not compiled for this worker's engine"),
        "{heartbeat:?}"
    );

    // Traffic on it all the same: the call fails, the worker does not.
    tenant.functions[0].prepare.clear();
    tenant.functions[0].traffic = vec![Share {
        version: 2,
        percent: 100,
    }];
    stage.api.set(vec![tenant]);
    assert!(
        stage.api.acknowledged().await.failed.is_empty(),
        "nobody waits for it any more"
    );
    let answer = stage.get("/hello").await;
    assert_eq!(answer.told(), "503 artifact_unavailable");
    assert_eq!(answer.header("retry-after"), "1");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_fails_its_checks_is_refused_and_the_last_good_one_stays() {
    let tenant = acme(vec![function("hello", "hello-v1")]);
    let stage = Stage::start(vec![tenant.clone()]).await;
    stage.api.set_with_a_wrong_hash(Vec::new());
    let heartbeat = stage
        .api
        .heartbeat(|heartbeat| heartbeat.refused.is_some())
        .await;
    assert!(heartbeat.refused.unwrap().contains("hash"));
    assert_eq!(stage.told("/hello").await, "200 hello from v1");

    stage.api.set(vec![tenant]);
    assert_eq!(stage.api.acknowledged().await.refused, None);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_api_servers_serves_what_was_served_last() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    assert_eq!(stage.told("/hello").await, "200 hello from v1");
    stage.worker.shutdown().await;

    stage.api.go_away();
    let worker = start(&stage.api, stage.folder.path(), |_| {}).await;
    worker.ready().await;
    let http = crate::stage::client(stage.folder.path(), worker.functions_addr());
    let url = format!(
        "https://acme.localhost:{}/hello",
        worker.functions_addr().port()
    );
    let answer = http.get(url).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap().trim(), "hello from v1");
    worker.shutdown().await;
}
