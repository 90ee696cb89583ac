//! A start while no API server answers: from the object store, where the disk has nothing or less.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    apply::Applier,
    published,
    session::Session,
    stage::{Kind, Unfit},
};

/// How long API servers get before the object store is looked at, and between two looks.
const PATIENCE: Duration = Duration::from_secs(3);
const RETRY: Duration = Duration::from_secs(10);

/// Returns once a worker has joined, or serves something without.
pub(super) async fn without_api_servers(session: &Session, applier: &mut Applier) {
    let mut wait = PATIENCE;
    let mut told = false;
    loop {
        tokio::select! {
            _ = session.token() => return,
            () = sleep(wait) => wait = RETRY,
        }
        let Some(keys) = applier.node().loader.keys.load_full() else {
            // Nothing could be trusted.
            return;
        };
        let had = applier.known().position();
        let fetched = published::fetch(applier.node().loader.blobs(), &keys).await;
        let why = match fetched {
            Ok(body) => match applier.apply(body, Kind::Published).await {
                Ok(()) => {
                    tracing::warn!(
                        "no API server answers: serving the state that they published in the object store"
                    );
                    return;
                }
                Err(Unfit::Older) => return,
                Err(Unfit::Refused(reason)) => reason,
                Err(Unfit::Interrupted(error)) => error.to_string(),
            },
            Err(error) => format!("{error:#}"),
        };
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(
                why,
                "no API server answers, and the state in the object store cannot be served"
            );
        }
        if had.is_some() {
            return;
        }
    }
}
