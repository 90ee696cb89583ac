//! What breaks behind us is told as it is, and mends without a restart.

use std::time::Duration;

use crate::harness::{TestPlatform, guests, line::Line};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn live_functions_answer_while_the_database_is_away_and_the_api_says_so() {
    let (platform, line) = TestPlatform::start_on_a_line().await;
    let owner = platform.operator().await;
    owner.publish("hello", guests::prebuilt("hello-v1")).await;
    platform.get("/readyz").await.expect(200);

    line.cut();
    let away = owner.get("/me").await;
    assert_eq!(
        (away.status, away.code().as_str()),
        (503, "unavailable"),
        "{away}"
    );
    assert!(!away.header("retry-after").is_empty());
    platform.get("/readyz").await.expect(503);
    platform.get("/healthz").await.expect(200);
    assert_eq!(owner.call("/hello").await.to_string(), "200 hello from v1");

    line.mend();
    recovers(&platform).await;
    owner.get("/me").await.expect(200);
    owner.publish("second", guests::prebuilt("hello-v2")).await;
    platform.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_starts_before_its_database_becomes_ready_with_it() {
    let url = crate::harness::cluster::database()
        .await
        .parse()
        .expect("a database has a URL");
    let line = Line::to_postgres(&url).await;
    line.cut();
    let platform = TestPlatform::start_api(&line.through(&url)).await;
    platform.get("/healthz").await.expect(200);
    platform.get("/readyz").await.expect(503);
    line.mend();
    recovers(&platform).await;
    platform.operator().await;
    platform.stop().await;
}

async fn recovers(platform: &TestPlatform) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
    while platform.get("/readyz").await.status != 200 {
        assert!(
            tokio::time::Instant::now() < deadline,
            "not ready 30 s after the database came back"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
