//! Stories of what a worker tells of its calls.

use domain::telemetry::{Batch, LogStream};

use crate::stage::{Api, Stage, acme, function};

fn invocations(batches: &[Batch]) -> u64 {
    let counters = batches.iter().flat_map(|batch| &batch.counters);
    counters.map(|counter| counter.invocations).sum()
}

fn counted(batches: &[Batch], outcome: &str) -> u64 {
    let counters = batches.iter().flat_map(|batch| &batch.counters);
    let of = counters.filter(|counter| counter.outcome == outcome);
    of.map(|counter| counter.invocations).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_is_counted_and_the_last_are_told_with_their_lines() {
    let mut kitchen = function("kitchen", "kitchen");
    kitchen.limits.rate_per_second = 1_000;
    let stage = Stage::start(vec![acme(vec![kitchen])]).await;
    for _ in 0..100 {
        stage.get("/kitchen/?token=secret").await;
    }
    let trapped = stage.get("/kitchen/log-then-trap").await;
    let batches = stage
        .api
        .telemetry(|batches| invocations(batches) >= 101)
        .await;
    assert_eq!(counted(&batches, "responded"), 100);
    assert_eq!(counted(&batches, "function_trapped"), 1);
    let numbers: Vec<_> = batches.iter().map(|batch| batch.sequence).collect();
    assert!(
        numbers.windows(2).all(|pair| pair[0] < pair[1]),
        "{numbers:?}"
    );

    let records: Vec<_> = batches
        .iter()
        .flat_map(|batch| &batch.invocations)
        .collect();
    let dropped: u64 = batches.iter().map(|batch| batch.invocations_dropped).sum();
    assert_eq!(records.len() as u64 + dropped, 101);
    assert!(
        records
            .iter()
            .all(|record| record.path.starts_with("/kitchen/"))
    );
    assert!(!format!("{records:?}").contains("secret"));
    let id = trapped.header("x-request-id");
    let record = records
        .iter()
        .find(|record| record.id.to_string() == id)
        .unwrap();
    assert_eq!((record.status, record.party.as_str()), (Some(502), "guest"));
    assert!(record.cpu_us > 0 && record.peak_memory_bytes > 0);

    let lines = batches.iter().flat_map(|batch| &batch.lines);
    let lines: Vec<_> = lines.filter(|line| line.request == record.id).collect();
    assert_eq!(lines[0].stream, LogStream::Stdout);
    assert!(
        lines.iter().any(|line| line.stream == LogStream::Platform),
        "{lines:?}"
    );
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_sent_is_sent_again_with_the_same_number() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    stage.api.refuse_telemetry(true);
    stage.get("/hello").await;
    stage.api.telemetry_refused(2).await;
    stage.get("/hello").await;
    stage.api.refuse_telemetry(false);
    let batches = stage
        .api
        .telemetry(|batches| invocations(batches) >= 2)
        .await;
    assert_eq!(batches[0].sequence, 1, "it was tried before");
    assert_eq!(invocations(&batches), 2);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_over_its_limit_ends_with_a_word_of_what_was_dropped() {
    let stage = Stage::start(vec![acme(vec![function("kitchen", "kitchen")])]).await;
    stage.get("/kitchen/log-flood?lines=100").await;
    let batches = stage.api.telemetry(|batches| invocations(batches) >= 1);
    let batches = batches.await;
    let lines: Vec<_> = batches.iter().flat_map(|batch| &batch.lines).collect();
    let (last, kept) = lines.split_last().unwrap();
    assert_eq!(last.stream, LogStream::Platform);
    assert!(last.text.contains("the rest is dropped"), "{last:?}");
    assert!(kept.iter().all(|line| line.stream == LogStream::Stdout));
    let bytes: usize = kept.iter().map(|line| line.text.len()).sum();
    assert!((3_900..=4_096).contains(&bytes), "{bytes}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_tries_a_function_gets_the_last_lines_with_the_response() {
    let kitchen = function("kitchen", "kitchen");
    let id = kitchen.id;
    let acme = acme(vec![kitchen]);
    let url = |stage: &Stage| {
        format!(
            "http://{}/internal/v1/invoke/{}/{id}",
            stage.worker.internal_addr(),
            acme.id
        )
    };
    let stage = Stage::start(vec![acme.clone()]).await;
    let request = stage
        .http
        .post(url(&stage))
        .bearer_auth(Api::token("invoke", id))
        .header("x-atoll-invoke-method", "GET")
        .header("x-atoll-invoke-path", "/log")
        .header("x-atoll-invoke-logs", "tail");
    let answer = stage.send(request).await;
    assert_eq!(answer.status, 200);
    let lines = Api::decoded(answer.header("x-atoll-logs"));
    assert!(lines.starts_with("info "), "{lines}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_calls_are_told_before_the_worker_ends() {
    let stage = Stage::start(vec![acme(vec![function("hello", "hello-v1")])]).await;
    stage.get("/hello").await;
    stage.worker.shutdown().await;
    let batches = stage.api.telemetry(|_| true).await;
    assert_eq!(invocations(&batches), 1);
}
