//! Stories of what is let in: limits of functions and tenants, queues, and what is given back.

use std::time::{Duration, Instant};

use domain::{limits::TenantLimits, snapshot::FunctionEntry};
use futures::future::join_all;

use crate::stage::{Api, Stage, acme, client, function, start};

fn kitchen(concurrency: u32, rate_per_second: u32) -> FunctionEntry {
    let mut kitchen = function("kitchen", "kitchen");
    kitchen.limits.concurrency = concurrency;
    kitchen.limits.rate_per_second = rate_per_second;
    kitchen
}

/// How many of the answers were told like this.
fn count(told: &[String], wanted: &str) -> usize {
    told.iter().filter(|told| told.starts_with(wanted)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_function_may_have_wait_shortly_and_are_then_refused() {
    let stage = Stage::start(vec![acme(vec![kitchen(2, 1_000)])]).await;
    let paths = ["/kitchen/sleep?ms=600"; 4];
    let told = join_all(paths.map(|path| stage.told(path))).await;
    assert_eq!(count(&told, "200"), 4, "two waited for two: {told:?}");

    let paths = ["/kitchen/sleep?ms=1200"; 4];
    let told = join_all(paths.map(|path| stage.told(path))).await;
    assert_eq!(count(&told, "200"), 2, "{told:?}");
    assert_eq!(count(&told, "429 function_concurrency"), 2, "{told:?}");

    let held = stage.told("/kitchen/sleep?ms=1200");
    let also = stage.told("/kitchen/sleep?ms=1200");
    let refused = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        stage.get("/kitchen/").await
    };
    let (_, _, refused) = tokio::join!(held, also, refused);
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.json()["limit"], 2);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenants_functions_share_its_limit() {
    let mut tenant = acme(vec![kitchen(100, 1_000), function("hello", "hello-v1")]);
    tenant.limits = TenantLimits {
        concurrency: 1,
        rate_per_second: 1_000,
    };
    let stage = Stage::start(vec![tenant]).await;
    let slow = stage.told("/kitchen/sleep?ms=1300");
    let other = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stage.told("/hello").await
    };
    let (slow, other) = tokio::join!(slow, other);
    assert!(slow.starts_with("200"), "{slow}");
    assert_eq!(other, "429 tenant_concurrency");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_lets_two_seconds_worth_through_at_once() {
    let stage = Stage::start(vec![acme(vec![kitchen(100, 5)])]).await;
    let told = join_all(["/kitchen/"; 20].map(|path| stage.told(path))).await;
    let through = count(&told, "200");
    assert!((10..=12).contains(&through), "{through}");
    assert_eq!(count(&told, "429 rate_limited"), 20 - through);
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_asks_for_all_of_a_worker_leaves_room_and_a_full_one_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let api = Api::start(folder.path()).await;
    let named = |slug: &str| {
        let mut tenant = acme(vec![kitchen(100, 1_000)]);
        tenant.slug = slug.parse().unwrap();
        tenant
    };
    api.set(vec![named("acme"), named("globex"), named("nobody")]);
    let worker = start(&api, folder.path(), |config| config.limits.instances = 4).await;
    worker.ready().await;
    let http = client(folder.path(), worker.functions_addr());
    let stage = Stage {
        api,
        worker,
        http,
        folder,
    };
    let call = async |tenant: &str, path: &str| {
        let url = stage.url(path).replace("acme", tenant);
        stage.send(stage.http.get(url)).await.told()
    };

    // However many calls of one tenant there are, it has three places of four.
    let greedy = join_all(["/kitchen/sleep?ms=1300"; 30].map(|path| call("acme", path)));
    let good = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let began = Instant::now();
        let good = call("globex", "/kitchen/").await;
        assert!(
            began.elapsed() < Duration::from_millis(500),
            "it had a place"
        );
        // Now the fourth is taken too: whoever comes waits, and is told in the end.
        let other = call("globex", "/kitchen/sleep?ms=1300");
        let late = async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            call("nobody", "/kitchen/").await
        };
        let (_, late) = tokio::join!(other, late);
        (good, late)
    };
    let (greedy, (good, late)) = tokio::join!(greedy, good);
    assert!(good.starts_with("200"), "{good}");
    assert_eq!(late, "503 no_capacity");
    assert_eq!(count(&greedy, "200"), 3, "{greedy:?}");
    assert_eq!(count(&greedy, "429 tenant_concurrency"), 27, "{greedy:?}");
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_given_back_after_a_storm_of_aborts_and_traps() {
    let stage = Stage::start(vec![acme(vec![kitchen(8, 100_000)])]).await;
    let paths = [
        "/kitchen/sleep?ms=400",
        "/kitchen/trap",
        "/kitchen/trap-after-head",
        "/kitchen/stream?chunks=50&ms=10",
        "/kitchen/spin",
        "/kitchen/exit?code=1",
        "/kitchen/linger?ms=300",
        "/kitchen/allocate?mb=64",
    ];
    for round in 0..6 {
        let storm = (0..40).map(|call| {
            let request = stage.http.get(stage.url(paths[call % paths.len()]));
            // Each is gone after a time of its own, in the queue, in the guest or in the body.
            let patience = Duration::from_millis((call as u64 * 13 + round * 7) % 300 + 1);
            async move { tokio::time::timeout(patience, request.send()).await.is_ok() }
        });
        join_all(storm).await;
    }
    stage.api.heartbeat(|beat| beat.in_flight == 0).await;
    // All eight slots are there again, and no more than these.
    let told = join_all(["/kitchen/sleep?ms=1200"; 10].map(|path| stage.told(path))).await;
    assert_eq!(count(&told, "200"), 8, "{told:?}");
    stage.api.heartbeat(|beat| beat.in_flight == 0).await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_takes_its_share_of_a_limit_by_the_demand_elsewhere() {
    let kitchen = kitchen(8, 100_000);
    let id = kitchen.id;
    let stage = Stage::start(vec![acme(vec![kitchen])]).await;
    assert!(stage.told("/kitchen/").await.starts_with("200"));
    // Three times what comes here comes to another worker: a quarter is left.
    stage.api.busier_elsewhere(id, 3);
    stage
        .api
        .heartbeat(|beat| beat.demand.functions.contains_key(&id))
        .await;
    stage.api.heard().await;
    let told = join_all(["/kitchen/sleep?ms=1200"; 6].map(|path| stage.told(path))).await;
    assert_eq!(count(&told, "200"), 2, "{told:?}");
    stage.worker.shutdown().await;
}
