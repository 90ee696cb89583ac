//! Follows the epochs: the whole snapshot once, then one long poll after the other. Whatever does
//! not fit leads back to the whole snapshot.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    apply::{Applier, Kind},
    client::{Client, Trouble},
    disk::Disk,
    session::{Backoff, Session},
};

const SHORTEST_POLL: Duration = Duration::from_secs(1);

pub(super) async fn follow(
    client: Arc<Client>,
    session: Session,
    mut applier: Applier,
    disk: Arc<Disk>,
) {
    let mut backoff = Backoff::default();
    // What the disk held may be of another installation: the first state is taken whole.
    let mut kind = Kind::Whole;
    let mut troubled = false;
    loop {
        let token = session.token().await;
        let asked = Instant::now();
        let received = match (kind, applier.known().position) {
            (Kind::Changes, Some(position)) => client.changes(&token, position).await,
            _ => {
                kind = Kind::Whole;
                client.snapshot(&token).await.map(Some)
            }
        };
        match received {
            Ok(received) => {
                if std::mem::take(&mut troubled) {
                    tracing::info!("the API servers answer again");
                }
                let Some(received) = received else {
                    // A server that is going away ends its long polls at once.
                    if asked.elapsed() < SHORTEST_POLL {
                        backoff.wait().await;
                    }
                    continue;
                };
                if applier.known().is_newer_than(received.position) {
                    // This API server lags behind the one that told us before; it will catch up.
                    kind = Kind::Changes;
                    backoff.wait().await;
                    continue;
                }
                if applier.apply(received, kind).await.is_ok() {
                    backoff = Backoff::default();
                    kind = Kind::Changes;
                    let (disk, known) = (Arc::clone(&disk), applier.known().clone());
                    // Before the next change: two writers would race for the file.
                    let _ = tokio::task::spawn_blocking(move || disk.keep(&known)).await;
                    continue;
                }
                kind = Kind::Whole;
            }
            Err(Trouble::Gone) => {
                kind = Kind::Whole;
                continue;
            }
            Err(Trouble::Unknown) => session.lost(&token),
            Err(trouble) => {
                // Once: an hour without API servers is one line, not thousands.
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!(%trouble, "the feed is interrupted; what is live stays live");
                }
            }
        }
        backoff.wait().await;
    }
}
