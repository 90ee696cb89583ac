//! Stories of instances that take more than one call.

use std::time::Duration;

use domain::{function::Reuse, snapshot::FunctionEntry};
use futures::future::join_all;

use crate::stage::{Stage, acme, function};

fn reused(guest: &str, requests: u32, concurrency: u32) -> FunctionEntry {
    let mut function = function("f", guest);
    function.reuse = Some(Reuse {
        requests,
        idle_seconds: 1,
        concurrency,
    });
    function
}

async fn counted(stage: &Stage) -> u32 {
    let body = stage.get("/f/counter").await.body;
    body.trim()
        .parse()
        .unwrap_or_else(|_| panic!("a number: {body}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_takes_as_many_calls_as_its_function_says_and_then_another_does() {
    let stage = Stage::start(vec![acme(vec![reused("kitchen", 3, 1)])]).await;
    let mut counts = Vec::new();
    for _ in 0..6 {
        counts.push(counted(&stage).await);
    }
    assert_eq!(counts, [1, 2, 3, 1, 2, 3]);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_trapped_or_waited_too_long_takes_no_other_call() {
    let stage = Stage::start(vec![acme(vec![reused("kitchen", 100, 1)])]).await;
    assert_eq!(counted(&stage).await, 1);
    assert_eq!(counted(&stage).await, 2);
    assert_eq!(stage.told("/f/trap").await, "502 function_trapped");
    assert_eq!(counted(&stage).await, 1);
    assert_eq!(stage.told("/f/spin").await, "502 cpu_limit_exceeded");
    assert_eq!(counted(&stage).await, 1);
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(counted(&stage).await, 1);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_of_an_instance_has_its_own_limits_log_and_record() {
    let stage = Stage::start(vec![acme(vec![reused("kitchen", 100, 1)])]).await;
    let first = stage.get("/f/log").await;
    let second = stage.get("/f/log").await;
    let [first, second] = [first, second].map(|answer| answer.header("x-request-id").to_owned());
    let batches = stage
        .api
        .telemetry(|batches| {
            batches
                .iter()
                .map(|batch| batch.invocations.len())
                .sum::<usize>()
                >= 2
        })
        .await;
    let lines: Vec<_> = batches.iter().flat_map(|batch| &batch.lines).collect();
    for id in [first, second] {
        let of = lines.iter().filter(|line| line.request.to_string() == id);
        assert_eq!(of.count(), 3, "of {id} in {lines:?}");
    }
    // Each of twenty calls may use most of the CPU limit; only together they are beyond it.
    for _ in 0..20 {
        assert!(stage.told("/f/").await.starts_with("200"));
    }
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_of_wasi_0_3_takes_several_calls_at_a_time() {
    let stage = Stage::start(vec![acme(vec![reused("hello-p3", 100, 16)])]).await;
    let streams = join_all(["/f/stream?chunks=5&ms=50"; 8].map(|path| stage.told(path))).await;
    assert!(
        streams.iter().all(|told| told.starts_with("200")),
        "{streams:?}"
    );
    let mut counts = Vec::new();
    for _ in 0..20 {
        counts.push(counted(&stage).await);
    }
    let most = counts.iter().max().unwrap();
    assert!(
        *most >= 5,
        "two threads have an instance each, or few: {counts:?}"
    );
    // A trap ends the instance with all its calls, and nothing else.
    assert_eq!(stage.told("/f/trap").await, "502 function_trapped");
    assert!(stage.told("/f/").await.starts_with("200"));
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_call_suffers_at_its_limits_another_of_its_instance_does_not() {
    let mut tight = reused("hello-p3", 100, 16);
    tight.limits.wall_ms = 300;
    tight.limits.cpu_ms = 100;
    let stage = Stage::start(vec![acme(vec![tight])]).await;
    assert_eq!(counted(&stage).await, 1);
    let endless = stage.get("/f/stream?chunks=100&ms=50");
    let (endless, good) = tokio::join!(endless, stage.told("/f/"));
    assert_eq!(endless.body, "BROKEN OFF");
    assert!(good.starts_with("200"), "{good}");
    assert_eq!(stage.told("/f/spin").await, "502 cpu_limit_exceeded");
    assert!(stage.told("/f/").await.starts_with("200"));
    assert_eq!(stage.told("/f/never").await, "502 function_trapped");
    assert!(stage.told("/f/").await.starts_with("200"));
    stage.api.heartbeat(|beat| beat.in_flight == 0).await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_wish_of_its_function_no_instance_is_met_twice() {
    for guest in ["kitchen", "hello-p3"] {
        let stage = Stage::start(vec![acme(vec![function("f", guest)])]).await;
        for _ in 0..5 {
            assert_eq!(counted(&stage).await, 1, "{guest}");
        }
        stage.worker.shutdown().await;
    }
}
