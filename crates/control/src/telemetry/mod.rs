//! What workers tell of the invocations that ended, and what a tenant sees of it.
//!
//! Counters are exact. Invocations and log lines are the last ones, as far as workers had room.

use domain::Problems;

mod clean;
mod ingest;
pub mod invocations;
pub mod logs;
pub mod metrics;
mod retention;
mod span;

pub(crate) use ingest::RECEIVERS;
pub use ingest::ingest;
pub use retention::Retention;
pub(crate) use retention::keep;
pub use span::Span;

fn check_version(problems: &mut Problems, version: Option<i32>) {
    if let Some(version) = version.filter(|&version| version < 1) {
        problems.push(
            "version",
            format!("versions count from 1; this is {version}"),
        );
    }
}
