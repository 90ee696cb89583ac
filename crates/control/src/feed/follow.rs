//! Follows the epochs: hears of them by notification, and looks every second in case one was lost.

use std::{sync::PoisonError, time::Duration};

use domain::TenantId;
use store::{Connection, jobs, nodes, serving};
use tokio_util::sync::CancellationToken;

use super::{Feed, State};
use crate::{Error, Platform};

const POLL: Duration = Duration::from_secs(1);
/// Between attempts to listen, while the database is away.
const RECONNECT: Duration = Duration::from_secs(1);

/// Keeps the state up to date until `stop`.
pub async fn follow(p: &Platform, stop: &CancellationToken) {
    let following = async { tokio::join!(listen(p), refresh(p)) };
    stop.run_until_cancelled(following).await;
}

/// Turns the database's notifications into signals.
async fn listen(p: &Platform) {
    loop {
        // The loop that polls tells when the database is away; here it only means to try again.
        if let Ok(mut listener) = p.db.listen(serving::CHANNEL).await
            && listener
                .listen_all([jobs::CHANNEL, nodes::CHANNEL])
                .await
                .is_ok()
        {
            // What was said before we listened.
            p.feed.epoch.send_replace(());
            p.feed.jobs.send_replace(());
            p.feed.nodes.send_replace(());
            while let Ok(heard) = listener.recv().await {
                match heard.channel() {
                    serving::CHANNEL => p.feed.epoch.send_replace(()),
                    jobs::CHANNEL => p.feed.jobs.send_replace(()),
                    nodes::CHANNEL => p.feed.nodes.send_replace(()),
                    _ => {}
                }
            }
        }
        tokio::time::sleep(RECONNECT).await;
    }
}

async fn refresh(p: &Platform) {
    let mut signal = p.feed.epoch.subscribe();
    let mut away = false;
    loop {
        match bring_up_to_date(p).await {
            Ok(()) if away => {
                tracing::info!("the serving state follows the database again");
                away = false;
            }
            Ok(()) => {}
            Err(error) if !away => {
                let error = anyhow::Error::from(error);
                tracing::warn!(
                    "the serving state cannot be read, workers keep the last one: {error:#}"
                );
                away = true;
            }
            Err(_) => {}
        }
        let _ = tokio::time::timeout(POLL, signal.changed()).await;
    }
}

async fn bring_up_to_date(p: &Platform) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    serving::freeze(&mut tx).await?;
    let position = serving::position(&mut tx).await?;
    let known = p.feed.read(State::position).ok();
    if known == Some(position) {
        return Ok(());
    }
    // After a restored backup the epoch may have gone back, within a generation it cannot.
    let continued = known
        .filter(|known| known.generation == position.generation && known.epoch < position.epoch);
    let mut done = false;
    if let Some(known) = continued {
        done = apply(&p.feed, &mut tx, known.epoch, position.epoch).await?;
    }
    if !done {
        let log = serving::log(&mut tx, 0).await?;
        let entries = serving::entries(&mut tx, None).await?;
        let floor = log.first.map_or(position.epoch, |first| first - 1);
        let state = State::whole(position, entries, log.changed, floor);
        *p.feed.state.write().unwrap_or_else(PoisonError::into_inner) = Some(state);
    }
    p.feed.position.send_replace(Some(position));
    Ok(())
}

/// Moves the state on; `false` where the log no longer reaches back to it.
async fn apply(feed: &Feed, tx: &mut Connection, from: u64, to: u64) -> Result<bool, Error> {
    let log = serving::log(tx, from).await?;
    if log.first.is_none_or(|first| first > from + 1) {
        return Ok(false);
    }
    let tenants: Vec<TenantId> = log.changed.keys().copied().collect();
    let entries = serving::entries(tx, Some(&tenants)).await?;
    let mut state = feed.state.write().unwrap_or_else(PoisonError::into_inner);
    if let Some(state) = state.as_mut() {
        state.apply(to, log.changed, entries);
    }
    Ok(true)
}
