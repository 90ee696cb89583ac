//! Stories of what a guest has beside the network: functions of its tenant, its variables, its log.

use domain::{
    SecretId, TenantId,
    configuration::SecretReference,
    function::Access,
    sealed::{Place, Sealed},
    snapshot::{SECRETS, SecretEntry},
    telemetry::{Batch, LogStream},
};

use crate::{
    egress::{courier, encoded, globex, send, stage},
    stage::{acme, api::serving_key, function, version},
};

#[tokio::test(flavor = "multi_thread")]
async fn functions_of_a_tenant_call_each_other_and_nobody_elses() {
    let mut private = function("kitchen", "kitchen");
    private.access = Access::Private;
    let stage = stage(vec![
        acme(vec![courier(&["http://*.atoll.internal"]), private]),
        globex(vec![function("hello", "hello-v1")]),
    ])
    .await;
    for host in ["kitchen.atoll.internal", "kitchen.spin.internal"] {
        let told = send(&stage, &format!("http://{host}/"), "").await;
        assert!(
            told.starts_with("200\n") && told.ends_with("kitchen\n"),
            "{told}"
        );
        assert!(
            told.contains("x-atoll-version: 1\n") && told.contains("x-request-id: req_"),
            "{told}"
        );
    }
    let inspected = send(&stage, "http://kitchen.atoll.internal/inspect?a=b", "").await;
    assert!(
        inspected.contains("\"path_with_query\":\"/inspect?a=b\""),
        "{inspected}"
    );
    assert!(
        inspected.contains("[\"x-atoll-function\",\"kitchen\"]"),
        "{inspected}"
    );

    let trapped = send(&stage, "http://kitchen.atoll.internal/trap", "").await;
    assert!(
        trapped.starts_with("502\n") && trapped.contains("x-atoll-error: function_trapped"),
        "{trapped}"
    );
    let stranger = send(&stage, "http://hello.atoll.internal/", "").await;
    assert!(
        stranger.starts_with("404\n") && stranger.contains("x-atoll-error: not_found"),
        "{stranger}"
    );
    let below = send(&stage, "http://hello.globex.atoll.internal/", "").await;
    assert!(below.starts_with("404\n"), "{below}");
    let by_https = send(&stage, "https://kitchen.atoll.internal/", "").await;
    assert_eq!(by_https, "error: HttpRequestDenied\n");

    // A body passes through both while it comes and goes.
    let echo = format!(
        "/courier/relay?url={}",
        encoded("http://kitchen.atoll.internal/echo")
    );
    let body = "0123456789".repeat(5_000);
    let echoed = stage.http.post(stage.url(&echo)).body(body.clone());
    assert_eq!(stage.send(echoed).await.body, body);

    let batches = stage.api.telemetry(|batches| {
        let records = batches.iter().flat_map(|batch| &batch.invocations);
        records
            .filter(|record| record.outcome == "function_trapped")
            .count()
            == 1
    });
    let records: Vec<_> = batches
        .await
        .into_iter()
        .flat_map(|batch| batch.invocations)
        .collect();
    let trapped = records
        .iter()
        .find(|record| record.outcome == "function_trapped")
        .unwrap();
    assert_eq!(trapped.path, "/trap");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_waits_no_longer_for_a_function_than_it_says() {
    let kitchen = function("kitchen", "kitchen");
    let stage = stage(vec![acme(vec![courier(&["http://self"]), kitchen])]).await;
    let slow = "http://kitchen.atoll.internal/sleep?ms=800";
    let told = send(&stage, slow, "&first_byte_ms=100").await;
    assert!(told.contains("HttpResponseTimeout"), "{told}");
    let told = send(&stage, slow, "").await;
    assert!(told.contains("slept 800 ms"), "{told}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_functions_ends_and_a_wide_one_too() {
    let mut chain = courier(&["http://self"]);
    chain.limits.outbound_requests = 8;
    let stage = stage(vec![acme(vec![chain])]).await;
    let host = "courier.atoll.internal";
    let deep = stage
        .get(&format!("/courier/depth?left=5&host={host}"))
        .await;
    assert_eq!(deep.told(), "200 bottom");
    let loops = stage
        .get(&format!("/courier/depth?left=50&host={host}"))
        .await;
    assert_eq!(loops.status, 508);
    assert!(loops.body.contains("loop_detected"), "{}", loops.body);

    // Three calls that each lead to four more are more than the outermost call may lead to.
    let inner = format!(
        "http://{host}/many?count=4&url={}",
        encoded(&format!("http://{host}/headers"))
    );
    let wide = format!("/courier/many?count=3&url={}", encoded(&inner));
    let told = stage.get(&wide).await.body;
    assert!(told.contains("ConnectionLimitReached"), "{told}");
    // All is given back: the same works again.
    for _ in 0..5 {
        let deep = stage
            .get(&format!("/courier/depth?left=5&host={host}"))
            .await;
        assert_eq!(deep.told(), "200 bottom");
    }
    stage.worker.shutdown().await;
}

/// As the API server seals it for the tenant `acme`.
fn sealed(tenant: TenantId, key: u32, value: &str) -> SecretEntry {
    let reference = SecretReference {
        secret: SecretId::generate(),
        number: 3,
    };
    let place = Place::secret(tenant, reference.secret, reference.number);
    SecretEntry {
        reference,
        sealed: Sealed {
            key,
            bytes: serving_key(key).key.seal([7; 24], &place, value.as_bytes()),
        },
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reads_its_secrets_also_under_a_key_that_its_worker_has_to_ask_for() {
    let mut tenant = acme(vec![courier(&[])]);
    let secret = sealed(tenant.id, 1, "hunter2");
    tenant.functions[0].versions[0].secrets = [("password".parse().unwrap(), secret)].into();
    tenant.functions[0].requires = vec![SECRETS.to_owned()];
    let stage = stage(vec![tenant.clone()]).await;
    let told = stage.get("/courier/variables?key=password").await.body;
    assert!(told.starts_with("Ok(Some(\"hunter2\"))\n"), "{told}");

    let mut next = version(2, "courier");
    let secret = sealed(tenant.id, 2, "hunter3");
    next.secrets = [("password".parse().unwrap(), secret)].into();
    stage.api.add_serving_key();
    tenant.functions[0].versions.push(next);
    tenant.functions[0].prepare = vec![2];
    stage.api.set(vec![tenant.clone()]);
    let prepared = stage.api.acknowledged().await;
    assert!(prepared.failed.is_empty(), "{prepared:?}");
    tenant.functions[0].traffic[0].version = 2;
    stage.api.set(vec![tenant.clone()]);
    stage.api.acknowledged().await;
    let told = stage.get("/courier/variables?key=password").await.body;
    assert!(told.starts_with("Ok(Some(\"hunter3\"))\n"), "{told}");

    // Another tenant's secret in its place does not open, and the version that answers stays.
    let mut stolen = version(3, "courier");
    let secret = sealed(TenantId::generate(), 2, "theirs");
    stolen.secrets = [("password".parse().unwrap(), secret)].into();
    tenant.functions[0].versions.push(stolen);
    tenant.functions[0].prepare = vec![3];
    stage.api.set(vec![tenant.clone()]);
    let refused = stage.api.acknowledged().await;
    assert_eq!(refused.failed.len(), 1, "{refused:?}");
    assert!(
        refused.failed[0].reason.contains("`password`"),
        "{refused:?}"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_reads_its_variables_and_writes_to_its_log() {
    let mut courier = courier(&[]);
    courier.versions[0].variables = [("greeting".parse().unwrap(), "hello".to_owned())].into();
    let stage = stage(vec![acme(vec![courier])]).await;
    let told = stage.get("/courier/variables?key=greeting").await.body;
    let hello = "Ok(Some(\"hello\"))";
    assert_eq!(
        told,
        format!("{hello}\n{hello}\nOk([(\"greeting\", \"hello\")])\n")
    );
    let told = stage.get("/courier/variables?key=other").await.body;
    assert!(told.starts_with("Ok(None)\nOk(None)\n"), "{told}");

    stage.get("/courier/log?message=two%0alines").await;
    let logged = |batches: &[Batch]| {
        let lines = batches.iter().flat_map(|batch| &batch.lines);
        let lines = lines.filter(|line| line.stream == LogStream::Log);
        lines
            .map(|line| format!("{} {}", line.level, line.text))
            .collect::<Vec<_>>()
    };
    let batches = stage
        .api
        .telemetry(|batches| logged(batches).len() >= 2)
        .await;
    assert_eq!(
        logged(&batches),
        [
            "warn courier: two\u{fffd}lines",
            "critical two\u{fffd}lines"
        ]
    );
    stage.worker.shutdown().await;
}
