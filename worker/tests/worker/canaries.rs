//! No byte of one invocation shows in another's, however often a slot of the pool changes hands.

use domain::function::Reuse;

use crate::stage::{Stage, acme, function};

const TURNS: usize = 150;

/// One secret for every few searches, so that each slot is both left dirty and given to others.
async fn take_turns(stage: &Stage, hide: &str, seek: &str, clean: &str) {
    for turn in 0..TURNS {
        let (hidden, one, two, three) = tokio::join!(
            stage.told(hide),
            stage.told(seek),
            stage.told(seek),
            stage.told(seek)
        );
        assert!(
            hidden.starts_with("200 hidden") || hidden == clean,
            "turn {turn}: {hidden}"
        );
        for found in [one, two, three, stage.told(seek).await] {
            assert_eq!(found, clean, "turn {turn}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_stack_of_another_call_never_show_in_either_engine() {
    let stage = Stage::start(vec![acme(vec![
        function("canary", "canary"),
        function("other", "canary"),
        function("p3", "canary-p3"),
        function("other-p3", "canary-p3"),
    ])])
    .await;
    take_turns(&stage, "/canary/hide", "/canary/seek", "200 found 0").await;
    take_turns(&stage, "/canary/hide", "/other/seek", "200 found 0").await;
    take_turns(&stage, "/p3/hide", "/p3/seek", "200 found 0").await;
    take_turns(&stage, "/p3/hide", "/other-p3/seek", "200 found 0").await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn globals_and_tables_of_another_call_never_show() {
    let stage = Stage::start(vec![acme(vec![
        function("hide", "canary-hide"),
        function("seek", "canary-seek"),
    ])])
    .await;
    // Neither answers. One that found something would have trapped.
    take_turns(&stage, "/hide", "/seek", "502 invalid_response").await;
    stage.worker.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_is_kept_is_its_own_functions_alone() {
    let mut kept = function("kept", "canary");
    let mut other = function("other", "canary");
    let mut kept_p3 = function("kept-p3", "canary-p3");
    let mut other_p3 = function("other-p3", "canary-p3");
    for function in [&mut kept, &mut other, &mut kept_p3, &mut other_p3] {
        function.reuse = Some(Reuse {
            requests: 50,
            idle_seconds: 60,
            concurrency: 4,
        });
    }
    let mut globex = acme(vec![function("canary", "canary")]);
    globex.slug = "globex".parse().unwrap();
    let stage = Stage::start(vec![acme(vec![kept, other, kept_p3, other_p3]), globex]).await;
    take_turns(&stage, "/kept/hide", "/other/seek", "200 found 0").await;
    take_turns(&stage, "/kept-p3/hide", "/other-p3/seek", "200 found 0").await;
    // Another tenant's function, of the same module, in the slots that these have left.
    let url = stage.url("/canary/seek").replace("acme", "globex");
    for _ in 0..TURNS {
        let (_, found) = tokio::join!(stage.told("/kept/hide"), stage.send(stage.http.get(&url)));
        assert_eq!(found.told(), "200 found 0");
    }
    stage.worker.shutdown().await;
}
