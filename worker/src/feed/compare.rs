//! Whether what is served is still what the API servers say at the same position: each change is
//! checked as it comes, this finds what went wrong beside them.

use std::time::Duration;

use domain::feed::StateHash;
use tokio::time::Instant;

use super::client::Client;

pub(super) struct Comparisons {
    every: Duration,
    next: Instant,
}

impl Comparisons {
    pub(super) fn new(every: Duration) -> Self {
        Self {
            every,
            next: after(every),
        }
    }

    pub(super) fn are_due(&self) -> bool {
        self.next <= Instant::now()
    }

    /// A server at another position says nothing about ours.
    pub(super) async fn differ(&mut self, client: &Client, token: &str, served: StateHash) -> bool {
        self.next = after(self.every);
        let theirs = match client.hash(token).await {
            Ok(theirs) => theirs,
            // What is wrong, the feed meets next, and tells.
            Err(_) => return false,
        };
        let differ = theirs.position == served.position && theirs.hash != served.hash;
        if differ {
            tracing::error!(
                epoch = served.position.epoch,
                served = hex::encode(served.hash),
                theirs = hex::encode(theirs.hash),
                "the state that is served is not the API server's; the whole snapshot is taken",
            );
        }
        differ
    }
}

/// Workers that started together do not ask together for ever.
fn after(every: Duration) -> Instant {
    Instant::now() + every.mul_f64(rand::random_range(0.8..1.2))
}
