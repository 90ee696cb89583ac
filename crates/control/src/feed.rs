//! What workers hear: the serving state, kept in memory and brought up to date by epoch.

use domain::{
    feed::{Heartbeat, Join, Joined},
    snapshot::{Changes, Position, Snapshot},
};

use crate::{Error, Platform};

/// The serving state as this API server knows it.
#[derive(Default)]
pub struct Feed(());

/// A worker that proved itself by its JWT.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    pub id: domain::NodeId,
}

pub enum Answer {
    Changed(Changes),
    /// Nothing new within the wait.
    Unchanged,
    /// The position is of another generation or ahead of ours: take the whole snapshot.
    Gone,
}

pub async fn join(_p: &Platform, _token: &str, _join: Join) -> Result<Joined, Error> {
    todo!()
}

/// `Unauthenticated` unless the JWT is of the feed's audience and not expired.
pub fn authenticate(_p: &Platform, _jwt: &str) -> Result<Node, Error> {
    todo!()
}

pub async fn renew(_p: &Platform, _node: Node) -> Result<Joined, Error> {
    todo!()
}

pub async fn heartbeat(_p: &Platform, _node: Node, _heartbeat: Heartbeat) -> Result<(), Error> {
    todo!()
}

/// Waits up to `domain::feed::LONG_POLL_SECONDS`.
pub async fn changes(_p: &Platform, _node: Node, _after: Position) -> Result<Answer, Error> {
    todo!()
}

pub async fn snapshot(_p: &Platform, _node: Node) -> Result<Snapshot, Error> {
    todo!()
}
