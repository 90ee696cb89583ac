//! What workers hear: the serving state, kept in memory and brought up to date by epoch.
//!
//! Answering a worker that has joined takes no database, so that workers are served while it is
//! away; only what a worker tells us has to be written down.

mod follow;
mod nodes;
mod publish;
mod state;
mod tokens;

use std::{
    sync::{PoisonError, RwLock},
    time::Duration,
};

use domain::{
    NodeId,
    feed::{LONG_POLL_SECONDS, StateHash},
    snapshot::{Changes, Position, Snapshot},
};
use tokio::{sync::watch, time::Instant};

use crate::{Error, Platform};

pub use follow::follow;
pub use nodes::{heartbeat, join, renew};
pub use publish::publish;
use state::{Since, State};
pub use tokens::authenticate;
pub(crate) use tokens::{invoke_token, preview_token};

/// The serving state as this API server knows it, and the signals that came with the database's
/// notifications.
pub struct Feed {
    /// None until it was read for the first time.
    state: RwLock<Option<State>>,
    position: watch::Sender<Option<Position>>,
    epoch: watch::Sender<()>,
    jobs: watch::Sender<()>,
    nodes: watch::Sender<()>,
}

impl Default for Feed {
    fn default() -> Self {
        Self {
            state: RwLock::new(None),
            position: watch::Sender::new(None),
            epoch: watch::Sender::new(()),
            jobs: watch::Sender::new(()),
            nodes: watch::Sender::new(()),
        }
    }
}

impl Feed {
    /// Changes when a job may be due.
    pub(crate) fn jobs(&self) -> watch::Receiver<()> {
        self.jobs.subscribe()
    }

    /// Changes when a worker was heard of.
    pub(crate) fn nodes(&self) -> watch::Receiver<()> {
        self.nodes.subscribe()
    }

    /// Reads the state; `Unavailable` before it was read once.
    fn read<T>(&self, read: impl FnOnce(&State) -> T) -> Result<T, Error> {
        let state = self.state.read().unwrap_or_else(PoisonError::into_inner);
        let state = state.as_ref().ok_or(Error::Unavailable {
            what: "the database",
            source: None,
        })?;
        Ok(read(state))
    }
}

/// A worker that proved itself by its JWT.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub id: NodeId,
}

pub enum Answer {
    Changed(Changes),
    /// Nothing new within the wait.
    Unchanged,
    /// The position is of another generation or ahead of ours: take the whole snapshot.
    Gone,
}

/// Waits up to [`LONG_POLL_SECONDS`].
pub async fn changes(p: &Platform, _node: Node, after: Position) -> Result<Answer, Error> {
    let deadline = Instant::now() + Duration::from_secs(LONG_POLL_SECONDS);
    // Subscribed before the look, so that no change falls in between.
    let mut moved = p.feed.position.subscribe();
    loop {
        match p.feed.read(|state| state.since(after))? {
            Since::Changed(changes) => return Ok(Answer::Changed(changes)),
            Since::Gone => return Ok(Answer::Gone),
            Since::Nothing => {}
        }
        let wait = tokio::time::timeout_at(deadline, moved.changed());
        if !matches!(wait.await, Ok(Ok(()))) {
            return Ok(Answer::Unchanged);
        }
    }
}

pub async fn snapshot(p: &Platform, _node: Node) -> Result<Snapshot, Error> {
    p.feed.read(State::snapshot)
}

/// What a worker compares with the state that it serves.
pub async fn hash(p: &Platform, _node: Node) -> Result<StateHash, Error> {
    p.feed.read(State::hash)
}
