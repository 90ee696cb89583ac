//! Follows the epochs: the whole snapshot once, then one long poll after the other. Whatever does
//! not fit leads back to the whole snapshot.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    apply::Applier,
    client::{Client, Trouble},
    compare::Comparisons,
    session::{Backoff, Session},
    stage::{Kind, Unfit},
};

const SHORTEST_POLL: Duration = Duration::from_secs(1);

pub(super) async fn follow(
    client: Arc<Client>,
    session: Session,
    mut applier: Applier,
    mut comparisons: Comparisons,
) {
    let mut backoff = Backoff::default();
    // What the disk held may be of another installation: the first state is taken whole.
    let mut kind = Kind::Whole;
    let mut troubled = false;
    loop {
        let token = session.token().await;
        let asked = Instant::now();
        let received = match (kind, applier.known().state) {
            (Kind::Changes, Some(state)) => {
                if comparisons.are_due() && comparisons.differ(&client, &token, state).await {
                    kind = Kind::Whole;
                    continue;
                }
                client.changes(&token, state.position).await
            }
            _ => {
                kind = Kind::Whole;
                client.snapshot(&token).await.map(Some)
            }
        };
        let trouble = match received {
            Ok(None) => {
                // A server that is going away ends its long polls at once.
                if asked.elapsed() < SHORTEST_POLL {
                    backoff.wait().await;
                }
                None
            }
            Ok(Some(body)) => match applier.apply(body, kind).await {
                Ok(()) => {
                    backoff = Backoff::default();
                    kind = Kind::Changes;
                    None
                }
                // This API server lags behind the one that told us before; it will catch up.
                Err(Unfit::Older) => {
                    kind = Kind::Changes;
                    backoff.wait().await;
                    None
                }
                Err(Unfit::Refused(_)) => {
                    kind = Kind::Whole;
                    backoff.wait().await;
                    None
                }
                Err(Unfit::Interrupted(error)) => Some(Trouble::Other(error.into())),
            },
            Err(Trouble::Gone) => {
                kind = Kind::Whole;
                None
            }
            Err(Trouble::Unknown) => {
                session.lost(&token);
                backoff.wait().await;
                continue;
            }
            Err(trouble) => Some(trouble),
        };
        match trouble {
            None if std::mem::take(&mut troubled) => {
                tracing::info!("the API servers answer again");
            }
            None => {}
            Some(trouble) => {
                // Once: an hour without API servers is one line, not thousands.
                if !std::mem::replace(&mut troubled, true) {
                    tracing::warn!(%trouble, "the feed is interrupted; what is live stays live");
                }
                backoff.wait().await;
            }
        }
    }
}
