//! Keeps the serving state in the object store too, signed: a worker that starts on an empty disk
//! while no API server answers serves from there.

use std::time::Duration;

use blobs::BlobKey;
use domain::snapshot::{Position, signed_message};
use ed25519_dalek::Signer as _;
use store::{publications, serving};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::State;
use crate::{Error, Platform};

/// Between two snapshots while things change, and between attempts.
const EVERY: Duration = Duration::from_secs(10);
const PUT_WITHIN: Duration = Duration::from_secs(120);

/// Publishes each state at which things come to rest, until `stop`.
pub async fn publish(p: &Platform, stop: &CancellationToken) {
    stop.run_until_cancelled(keep_published(p)).await;
}

async fn keep_published(p: &Platform) {
    let mut moved = p.feed.position.subscribe();
    let mut published = None;
    let mut troubled = false;
    loop {
        let position = *moved.borrow_and_update();
        if position.is_none() || position == published {
            // The sender lives as long as the platform.
            let _ = moved.changed().await;
            continue;
        }
        match publish_once(p, published.is_none()).await {
            Ok(done) => {
                published = done.or(published);
                troubled = false;
            }
            Err(error) => {
                if !std::mem::replace(&mut troubled, true) {
                    let error = anyhow::Error::from(error);
                    tracing::warn!(
                        "the serving state is not published in the object store: {error:#}"
                    );
                }
            }
        }
        sleep(EVERY).await;
    }
}

/// The position that lies in the object store now, ours or a newer one; none where another API server
/// is at it. `first` looks whether the object is there at all: it may have been lost with a bucket.
async fn publish_once(p: &Platform, first: bool) -> Result<Option<Position>, Error> {
    let mut tx = p.db.platform().await?;
    if !publications::try_lock(&mut tx).await? {
        return Ok(None);
    }
    let mine = p.feed.read(State::position)?;
    let lies_there = publications::find(&mut tx).await?;
    let current = serving::position(&mut tx).await?;
    let is_ahead =
        |other: Position| other.generation == mine.generation && other.epoch >= mine.epoch;
    // One that has not yet heard of a restored backup must not publish what was before it.
    if mine.generation != current.generation {
        return Ok(None);
    }
    if lies_there.is_some_and(is_ahead) && (!first || p.blobs.exists(&BlobKey::Snapshot).await?) {
        return Ok(Some(mine));
    }
    let (position, json) = encoded(p).await?;
    let key = p.config.keys.signing("artifact signing");
    let mut object = key.sign(&signed_message(&json)).to_bytes().to_vec();
    object.extend(json);
    let put = p.blobs.replace(&BlobKey::Snapshot, object.into());
    timeout(PUT_WITHIN, put)
        .await
        .map_err(|_| Error::Unavailable {
            what: "the object store",
            source: None,
        })??;
    publications::set(&mut tx, position).await?;
    tx.commit().await?;
    Ok(Some(position))
}

/// Off the threads that answer requests: it may be a hundred megabytes.
async fn encoded(p: &Platform) -> Result<(Position, Vec<u8>), Error> {
    let platform = p.clone();
    let encode = move || {
        let snapshot = platform.feed.read(State::snapshot)?;
        let json = serde_json::to_vec(&snapshot).map_err(|error| Error::Internal(error.into()))?;
        Ok((snapshot.position, json))
    };
    let encoded = tokio::task::spawn_blocking(encode).await;
    encoded.map_err(|error| Error::Internal(error.into()))?
}
