//! What workers tell of the invocations that ended: exact counters, and the last invocations and log
//! lines as far as there is room.
//!
//! A batch is counted once, however often it is sent: it carries its source and its number there.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Failure, FunctionId, Invalid, RequestId, TenantId, Timestamp};

/// Upper bounds of the buckets of [`Counter::wall_buckets`], in milliseconds; the last is open.
pub const WALL_BUCKETS_MS: [u32; 12] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1_000, 5_000, 30_000];

/// The most that one batch holds of each; a worker cuts, an API server refuses.
pub const MAX_COUNTERS: usize = 20_000;
pub const MAX_INVOCATIONS: usize = 2_000;
pub const MAX_LINES: usize = 5_000;
/// The most that one batch takes as JSON; a worker that has more sends it in the next.
pub const MAX_BATCH_BYTES: usize = 16 << 20;

/// How far back what is told may lie: what is older is not written down.
pub const MAX_AGE_HOURS: i64 = 72;

impl Counter {
    /// One for each of [`WALL_BUCKETS_MS`], and the open one.
    pub const BUCKETS: usize = WALL_BUCKETS_MS.len() + 1;
}

/// How an invocation ended that answered, whatever the status.
pub const RESPONDED: &str = "responded";
/// Its caller had gone before the end.
pub const CALLER_GONE: &str = "caller_gone";

/// Whether an invocation can have ended so.
pub fn is_outcome(text: &str) -> bool {
    text == RESPONDED
        || text == CALLER_GONE
        || Failure::ALL.iter().any(|failure| failure.code() == text)
}

/// Of a log line, by rising weight; those of `wasi:logging`.
pub const LEVELS: &[&str] = &["trace", "debug", "info", "warn", "error", "critical"];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// Made when the worker's process starts.
    pub source: Uuid,
    /// Counts from 1 within the source.
    pub sequence: u64,
    pub counters: Vec<Counter>,
    pub invocations: Vec<InvocationRecord>,
    pub lines: Vec<LogLine>,
    /// What there was no room for, so that a gap can be told.
    pub invocations_dropped: u64,
    pub lines_dropped: u64,
}

/// The invocations of one version that ended in one way in one minute.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    pub tenant: TenantId,
    pub function: FunctionId,
    /// Absent where a call was refused before a version was chosen.
    pub version: Option<u32>,
    /// `responded`, `caller_gone`, or the code of a failure.
    pub outcome: String,
    /// The HTTP status told, in hundreds: 2 for 204.
    pub status_class: u8,
    /// When the invocations ended, cut to the minute.
    #[serde(with = "time::serde::rfc3339")]
    pub minute: Timestamp,
    pub invocations: u64,
    pub cpu_us: u64,
    pub wall_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub outbound_requests: u64,
    /// Of the invocations summed here.
    pub peak_memory_bytes: u64,
    /// How many took how long, by [`WALL_BUCKETS_MS`] and one more.
    pub wall_buckets: Vec<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvocationRecord {
    pub id: RequestId,
    pub tenant: TenantId,
    pub function: FunctionId,
    pub version: Option<u32>,
    #[serde(with = "time::serde::rfc3339")]
    pub started_at: Timestamp,
    pub outcome: String,
    /// Whose affair a failure is: `caller`, `guest`, `platform`; empty for `responded`.
    pub party: String,
    /// In words, for people; empty for `responded`.
    pub detail: String,
    /// The HTTP status told; absent where the caller was gone before.
    pub status: Option<u16>,
    pub method: String,
    /// Without the query, which may hold what no log should.
    pub path: String,
    /// Waited for admission.
    pub queued_us: u64,
    pub wall_us: u64,
    pub cpu_us: u64,
    pub peak_memory_bytes: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub outbound_requests: u32,
    /// The guest's code had to be loaded first.
    pub cold: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(
    feature = "sqlx",
    derive(sqlx::Type),
    sqlx(type_name = "text", rename_all = "snake_case")
)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    Stdout,
    Stderr,
    /// `wasi:logging`.
    Log,
    /// What the platform adds: a trap's frames, a limit that was reached.
    Platform,
}

impl LogStream {
    pub const ALL: [Self; 4] = [Self::Stdout, Self::Stderr, Self::Log, Self::Platform];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Log => "log",
            Self::Platform => "platform",
        }
    }
}

impl FromStr for LogStream {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let known = Self::ALL.into_iter().find(|stream| stream.name() == text);
        known.ok_or_else(|| Invalid::new("stream", "use `stdout`, `stderr`, `log` or `platform`"))
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    pub tenant: TenantId,
    pub function: FunctionId,
    pub version: u32,
    /// The invocation it came from.
    pub request: RequestId,
    /// Counts the lines of an invocation.
    pub number: u32,
    #[serde(with = "time::serde::rfc3339")]
    pub at: Timestamp,
    pub stream: LogStream,
    /// `trace` to `critical`; of stdout `info`, of stderr `error`.
    pub level: String,
    pub text: String,
}
