//! How a jailed task can end badly, each told apart and said in a sentence that names the limit.

use std::{os::unix::process::ExitStatusExt as _, process::ExitStatus};

use domain::report::Refusal;
use rustix::process::Signal;

use super::protocol::{Answer, Orders, Task};
use crate::inspect::one_line;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Refused(Refusal),
    #[error("{task} the module took more than the {seconds} s of CPU time it may take")]
    Cpu { task: Task, seconds: u64 },
    #[error("{task} the module took more than the {} MiB of memory it may take", bytes >> 20)]
    Memory { task: Task, bytes: u64 },
    #[error("{task} the module took longer than {seconds} s")]
    Wall { task: Task, seconds: u64 },
    /// The compiler refused it.
    #[error("the module could not be compiled: {detail}")]
    Failed { detail: String },
    #[error("the compiler crashed on this module: {detail}")]
    Crashed { detail: String },
    /// By the operator or by a machine without memory: it says nothing of the module.
    #[error("the compiler was killed from outside")]
    Killed,
    #[error("the compiler cannot be started: {0}")]
    Start(#[source] std::io::Error),
}

impl Error {
    /// Ours may pass, and is worth another try; any other is the module's, and final.
    pub fn is_ours(&self) -> bool {
        matches!(self, Self::Killed | Self::Start(_))
    }

    /// An upload is answered by a refusal, whatever stood in the way of reading it.
    pub(super) fn of_inspection(self) -> Self {
        let limit = match &self {
            Self::Cpu { seconds, .. } => format!("{seconds} s of CPU time"),
            Self::Memory { bytes, .. } => format!("{} MiB of memory", bytes >> 20),
            Self::Wall { seconds, .. } => format!("{seconds} s"),
            _ => return self,
        };
        Self::Refused(Refusal::InspectionLimit { limit })
    }

    pub(super) fn crashed(detail: impl Into<String>) -> Self {
        Self::Crashed {
            detail: detail.into(),
        }
    }

    pub(super) fn unexpected(answer: &Answer) -> Self {
        Self::crashed(format!("it answered {}", one_line(&format!("{answer:?}"))))
    }

    pub(super) fn of_exit(orders: &Orders, status: ExitStatus, stderr: &str) -> Self {
        let is = |signal: Signal| status.signal() == Some(signal.as_raw());
        if is(Signal::XCPU) {
            return Self::Cpu {
                task: orders.task,
                seconds: orders.limits.cpu_seconds,
            };
        }
        // The standard library says so before it gives up.
        if is(Signal::ABORT) && stderr.contains("memory allocation of") {
            return Self::Memory {
                task: orders.task,
                bytes: orders.limits.address_space_bytes,
            };
        }
        if is(Signal::KILL) {
            return Self::Killed;
        }
        if is(Signal::SYS) {
            return Self::crashed("it made a system call that the jail forbids");
        }
        Self::crashed(match one_line(stderr) {
            text if text.is_empty() => status.to_string(),
            text => format!("{status}: {text}"),
        })
    }
}
