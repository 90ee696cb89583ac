//! What parent and child say to each other: orders in one argument, the answer on stdout as a line
//! of JSON with the artifact's bytes behind it.

use std::{fmt, io::Write};

use domain::report::{ImportReport, Refusal};
use serde::{Deserialize, Serialize};

use super::Limits;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    Inspect,
    Compile,
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inspect => "reading",
            Self::Compile => "compiling",
        })
    }
}

#[derive(Debug)]
pub(super) struct Orders {
    pub task: Task,
    pub memory_bytes: u64,
    pub limits: Limits,
}

#[derive(Serialize, Deserialize)]
struct Argument {
    task: Task,
    memory_bytes: u64,
    cpu_seconds: u64,
    address_space_bytes: u64,
    wall_seconds: u64,
}

impl Orders {
    pub(super) fn to_argument(&self) -> String {
        let argument = Argument {
            task: self.task,
            memory_bytes: self.memory_bytes,
            cpu_seconds: self.limits.cpu_seconds,
            address_space_bytes: self.limits.address_space_bytes,
            wall_seconds: self.limits.wall_seconds,
        };
        serde_json::to_string(&argument).expect("numbers and a word")
    }

    pub(super) fn parse(argument: &str) -> Result<Self, String> {
        let argument: Argument = serde_json::from_str(argument)
            .map_err(|error| format!("the jail's orders cannot be read: {error}"))?;
        Ok(Self {
            task: argument.task,
            memory_bytes: argument.memory_bytes,
            limits: Limits {
                cpu_seconds: argument.cpu_seconds,
                address_space_bytes: argument.address_space_bytes,
                wall_seconds: argument.wall_seconds,
            },
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Report(ImportReport),
    /// So many bytes follow the line.
    Artifact {
        bytes: u64,
    },
    Refused(Refusal),
    Failed {
        detail: String,
    },
    OutOfMemory,
}

pub(super) fn write(out: &mut impl Write, answer: &Answer, artifact: &[u8]) -> std::io::Result<()> {
    // JSON has no line end of its own.
    serde_json::to_writer(&mut *out, answer)?;
    out.write_all(b"\n")?;
    out.write_all(artifact)?;
    out.flush()
}

pub(super) fn read(mut bytes: Vec<u8>) -> Option<(Answer, Vec<u8>)> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    let answer = serde_json::from_slice(&bytes[..end]).ok()?;
    bytes.drain(..=end);
    Some((answer, bytes))
}
