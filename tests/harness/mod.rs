//! Starts the real processes for a scenario, and speaks to them as people do: by HTTP.

pub(crate) mod answer;
pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod dns;
pub(crate) mod fake_worker;
pub(crate) mod guests;
pub(crate) mod line;
pub(crate) mod mailbox;
pub(crate) mod person;
pub(crate) mod platform;
pub(crate) mod s3;

pub(crate) use answer::Answer;
pub(crate) use browser::Browser;
pub(crate) use mailbox::{Mailbox, token_in};
pub(crate) use person::Person;
pub(crate) use platform::TestPlatform;

/// Waits for what comes about a moment after the API has answered.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
    while !condition().await {
        assert!(
            tokio::time::Instant::now() < deadline,
            "it did not come true within 60 s"
        );
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}
