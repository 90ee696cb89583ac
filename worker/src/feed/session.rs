//! The worker's standing with the API servers: joined, renewed long before it expires, and joined
//! anew when they have forgotten it.

use std::{sync::Arc, time::Duration};

use domain::{Timestamp, feed::Joined};
use tokio::sync::{Notify, watch};

use super::{
    Keys,
    client::{Client, Trouble},
    disk::Disk,
};
use crate::{clock, node::Node};

const MAX_WAIT: Duration = Duration::from_secs(5);

#[derive(Clone)]
pub(crate) struct Session {
    token: watch::Receiver<Option<Arc<str>>>,
    set: Arc<watch::Sender<Option<Arc<str>>>>,
    lost: Arc<Notify>,
}

impl Session {
    pub(super) fn new() -> Self {
        let (set, token) = watch::channel(None);
        Self {
            token,
            set: Arc::new(set),
            lost: Arc::new(Notify::new()),
        }
    }

    /// Waits for the first join.
    pub(crate) async fn token(&self) -> Arc<str> {
        let mut token = self.token.clone();
        loop {
            if let Some(token) = token.borrow_and_update().clone() {
                return token;
            }
            // Both ends are in `self`.
            let _ = token.changed().await;
        }
    }

    /// The API servers do not take this token any more.
    pub(crate) fn lost(&self, refused: &str) {
        if self.token.borrow().as_deref() == Some(refused) {
            self.set.send_replace(None);
            self.lost.notify_one();
        }
    }
}

/// Keeps the session for as long as it is polled.
pub(super) async fn keep(client: Arc<Client>, node: Arc<Node>, disk: Arc<Disk>, session: Session) {
    loop {
        let mut joined = join(&client).await;
        tracing::info!(node = %joined.node, "joined");
        loop {
            take(&joined, &node, &disk, &session);
            tokio::select! {
                () = session.lost.notified() => break,
                // What came sealed under another key is tried again soon.
                () = node.loader.key_missing.notified() => {}
                () = tokio::time::sleep(half_of_what_is_left(joined.expires_at)) => {}
            }
            match client.renew(&joined.token).await {
                Ok(renewed) => joined = renewed,
                Err(Trouble::Unknown) => break,
                Err(trouble) => tracing::warn!(%trouble, "the worker's token was not renewed"),
            }
        }
    }
}

async fn join(client: &Client) -> Joined {
    let mut backoff = Backoff::default();
    loop {
        match client.join().await {
            Ok(joined) => return joined,
            Err(Trouble::Unknown) => tracing::error!(
                "the join token is refused; make another with `atoll admin`, or set ATOLL_JOIN_TOKEN to one that is not revoked"
            ),
            Err(trouble) => tracing::warn!(%trouble, "joining failed, it is tried again"),
        }
        backoff.wait().await;
    }
}

fn take(joined: &Joined, node: &Node, disk: &Disk, session: &Session) {
    let keys = Keys {
        artifact: joined.artifact_key,
        invoke: joined.invoke_key,
        serving: joined.serving_keys.clone(),
    };
    let known = node.loader.keys.load_full();
    if known.is_none_or(|known| *known != keys) {
        disk.keep_keys(&keys);
        node.loader.keys.store(Some(Arc::new(keys)));
    }
    session.set.send_replace(Some(joined.token.as_str().into()));
}

fn half_of_what_is_left(expires_at: Timestamp) -> Duration {
    let left = expires_at - clock::now();
    Duration::try_from(left / 2)
        .unwrap_or_default()
        .max(Duration::from_secs(1))
}

/// Waits that grow, each by a random part shorter, so that workers do not come back all at once.
pub(super) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Self {
        Self(Duration::from_millis(200))
    }
}

impl Backoff {
    pub(super) async fn wait(&mut self) {
        tokio::time::sleep(self.0.mul_f64(rand::random_range(0.5..1.0))).await;
        self.0 = (self.0 * 2).min(MAX_WAIT);
    }
}
