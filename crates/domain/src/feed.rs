//! What a worker and an API server say to each other under `/internal/v1`.
//!
//! `POST /join` (join token as bearer) answers [`Joined`]; everything else carries the node's JWT.
//! `GET /changes?generation=G&after=N` waits up to 25 s and answers `Changes`, 204 when nothing
//! changed, 410 when N is unknown; `GET /snapshot` answers the whole `Snapshot`, `GET /hash` a
//! [`StateHash`]; `POST /heartbeat` takes [`Heartbeat`] and answers [`Heard`], `POST /token` answers a
//! fresh [`Joined`]; `POST /telemetry` takes [`crate::telemetry::Batch`] and answers 204.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{
    FunctionId, NodeId, TenantId, Timestamp, VersionId, sealed::ServingKey, snapshot::Position,
};

/// Long polls end after this many seconds at the latest.
pub const LONG_POLL_SECONDS: u64 = 25;
/// A worker says it lives this often, and at once after it applied a position.
pub const HEARTBEAT_SECONDS: u64 = 2;
/// A node that was not heard of for this long is not waited for.
pub const NODE_LIVE_SECONDS: u64 = 5;
/// Entries of a heartbeat's demand, functions and tenants together: one with more is refused.
pub const MAX_DEMAND_ENTRIES: usize = 2_000;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Join {
    /// What the operator calls the machine; not unique.
    pub name: String,
    pub engine_tag: String,
    /// Where API servers reach the worker's internal listener, `http://10.0.0.7:8444`.
    pub internal_url: String,
    pub features: Vec<String>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Joined {
    pub node: NodeId,
    /// EdDSA JWT for the feed. Its expiry never stops serving.
    pub token: String,
    #[serde(with = "time::serde::rfc3339")]
    pub expires_at: Timestamp,
    /// Ed25519 key that signs artifacts.
    #[serde(with = "hex::serde")]
    pub artifact_key: [u8; 32],
    /// Ed25519 key that signs the API servers' calls to the worker's internal listener.
    #[serde(with = "hex::serde")]
    pub invoke_key: [u8; 32],
    /// What secrets of the serving state are sealed under. A worker that meets another number renews
    /// its token, and is told that one too.
    #[serde(default)]
    pub serving_keys: Vec<ServingKey>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Heartbeat {
    /// The last position applied, everything it asked to prepare loaded or listed in `failed`.
    pub applied: Option<Position>,
    /// Versions that could not be loaded, and why.
    pub failed: Vec<FailedVersion>,
    /// Why the last state that came was refused; the one in `applied` is still served.
    #[serde(default)]
    pub refused: Option<String>,
    pub draining: bool,
    /// Invocations in flight.
    pub in_flight: u32,
    /// Requests that lately came for each function and tenant, those that were refused included:
    /// by this, limits are shared among the workers.
    #[serde(default)]
    pub demand: Demand,
}

/// Weights by function and by tenant; only their ratio between workers means something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demand {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub functions: BTreeMap<FunctionId, u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tenants: BTreeMap<TenantId, u64>,
}

impl Demand {
    pub fn entries(&self) -> usize {
        self.functions.len() + self.tenants.len()
    }
}

/// The answer to a heartbeat: what a worker must know of the others to take its share of a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// Live workers, this one included.
    pub workers: u32,
    /// The demand at the other live workers, summed, for those that this worker named.
    #[serde(default)]
    pub elsewhere: Demand,
}

/// What a worker compares from time to time with what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateHash {
    pub position: Position,
    #[serde(with = "hex::serde")]
    pub hash: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedVersion {
    pub version: VersionId,
    pub reason: String,
}

/// Claims of the JWTs between API servers and workers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// `feed` or `invoke`: one kind of token never passes for the other.
    pub aud: String,
    /// The node (feed), or the function (invoke).
    pub sub: String,
    /// Seconds since 1970.
    pub exp: i64,
}
