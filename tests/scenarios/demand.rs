//! Limits are shared among workers by what comes to each: what one says in its heartbeats, the others
//! hear. The workers are made up, so that every sum is known.

use domain::{
    FunctionId,
    feed::{Demand, Heard, MAX_DEMAND_ENTRIES},
};

use crate::harness::{Answer, TestPlatform, cluster, fake_worker::FakeWorker};

fn heard(answer: Answer) -> Heard {
    serde_json::from_value(answer.expect(200).json()).expect("it is a Heard")
}

/// What it was told of the other workers' requests, for its one function and its one tenant.
fn sums(heard: &Heard) -> (u32, Vec<u64>, Vec<u64>) {
    let Demand { functions, tenants } = &heard.elsewhere;
    (
        heard.workers,
        functions.values().copied().collect(),
        tenants.values().copied().collect(),
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_hears_what_comes_to_the_others_that_take_requests() {
    let database = cluster::database().await.parse().expect("a URL");
    let platform = TestPlatform::start_api(&database).await;
    let owner = platform.operator().await;
    let tenant = owner.get(&owner.here("")).await.expect(200).json();
    let (hello, other) = (
        owner.create_function("hello").await,
        owner.create_function("other").await,
    );
    let first = FakeWorker::join(&platform, &tenant, &hello).await;
    assert_eq!(
        sums(&heard(first.heartbeat(7, false).await)),
        (1, vec![], vec![])
    );

    let second = FakeWorker::join(&platform, &tenant, &hello).await;
    assert_eq!(
        sums(&heard(second.heartbeat(5, false).await)),
        (2, vec![7], vec![70])
    );
    let third = FakeWorker::join(&platform, &tenant, &other).await;
    // Another function of the same tenant: only the tenant's limit is shared with it.
    assert_eq!(
        sums(&heard(third.heartbeat(3, false).await)),
        (3, vec![], vec![120])
    );
    assert_eq!(
        sums(&heard(first.heartbeat(7, false).await)),
        (3, vec![5], vec![80])
    );
    // One that drains takes nothing more, and so has no share.
    second.heartbeat(5, true).await.expect(200);
    assert_eq!(
        sums(&heard(first.heartbeat(7, false).await)),
        (2, vec![], vec![30])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_heartbeat_that_names_too_much_is_refused_with_its_field() {
    let database = cluster::database().await.parse().expect("a URL");
    let platform = TestPlatform::start_api(&database).await;
    let owner = platform.operator().await;
    let tenant = owner.get(&owner.here("")).await.expect(200).json();
    let hello = owner.create_function("hello").await;
    let worker = FakeWorker::join(&platform, &tenant, &hello).await;
    let many = (0..=MAX_DEMAND_ENTRIES).map(|_| (FunctionId::generate(), 1));
    let demand = Demand {
        functions: many.collect(),
        tenants: [].into(),
    };
    let refused = worker.say(&demand, false).await.expect(422).json();
    assert_eq!(refused["problems"][0]["field"], "demand", "{refused:#}");
    worker.heartbeat(1, false).await.expect(200);
}
