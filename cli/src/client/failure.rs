//! Every way a command of the client fails, what it says then, and the exit code by which a script tells them apart.

use std::{fmt, io, process::ExitCode};

use domain::{Problems, rest::problem::ProblemView};
use serde_json::{Value, json};

use super::output::printable;

#[derive(Debug)]
pub(crate) enum Failure {
    /// The server refused, and said why.
    Refused(Box<ProblemView>),
    /// What was asked for came to nothing.
    Failed(String),
    /// The command line, a file or a setting is wrong; the server was not asked.
    Usage(String),
    /// There is no credential to ask with.
    NotSignedIn(String),
    Unreachable(String),
    /// The result says what failed.
    Told,
    /// The person thought better of it.
    Interrupted,
    /// Nobody reads what we write, as after `| head`.
    Closed,
}

/// As docs/cli.md promises them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Denied = 3,
    NotFound = 4,
    Unreachable = 5,
    /// As a shell tells Ctrl-C.
    Interrupted = 130,
}

impl Failure {
    pub(crate) fn exit(&self) -> Exit {
        match self {
            Self::Refused(problem) => match problem.status {
                401 | 403 => Exit::Denied,
                404 => Exit::NotFound,
                503 => Exit::Unreachable,
                _ => Exit::Failed,
            },
            Self::Failed(_) | Self::Told => Exit::Failed,
            Self::Usage(_) => Exit::Usage,
            Self::NotSignedIn(_) => Exit::Denied,
            Self::Unreachable(_) => Exit::Unreachable,
            Self::Interrupted => Exit::Interrupted,
            Self::Closed => Exit::Done,
        }
    }

    /// The server's refusal with this status.
    pub(crate) fn is_status(&self, status: u16) -> bool {
        matches!(self, Self::Refused(problem) if problem.status == status)
    }

    /// For whoever asked with `--json`.
    pub(crate) fn json(&self) -> Value {
        let error = match self {
            Self::Refused(problem) => json!(problem),
            other => json!({ "code": other.code(), "detail": other.to_string() }),
        };
        json!({ "error": error })
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Usage(_) => "usage",
            Self::NotSignedIn(_) => "not_signed_in",
            Self::Unreachable(_) => "unreachable",
            _ => "failed",
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(problem) => refused(problem, f),
            Self::Failed(text)
            | Self::Usage(text)
            | Self::NotSignedIn(text)
            | Self::Unreachable(text) => f.write_str(text),
            Self::Told => f.write_str("it failed"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Closed => f.write_str("nobody reads the output"),
        }
    }
}

fn refused(problem: &ProblemView, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if problem.problems.is_empty() {
        f.write_str(&printable(&problem.detail))?;
    } else {
        f.write_str(&printable(&problem.title))?;
    }
    for one in &problem.problems {
        write!(
            f,
            "\n  {}: {}",
            printable(&one.field),
            printable(&one.detail)
        )?;
    }
    write!(
        f,
        "\n  ({}, {}, request {})",
        problem.status,
        printable(&problem.code),
        printable(&problem.request_id)
    )
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl From<Problems> for Failure {
    fn from(problems: Problems) -> Self {
        let told: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
        Self::Usage(told.join("\n  "))
    }
}

/// Of our own output; files have messages that name them.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Failed(format!("the output cannot be written: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::Invalid;

    use super::*;

    fn problem(status: u16, problems: Vec<Invalid>) -> Failure {
        Failure::Refused(Box::new(ProblemView {
            kind: "/docs/errors/invalid".to_owned(),
            title: "The input is not valid".to_owned(),
            status,
            detail: "slug: use 1 to 20\u{1b}[2J".to_owned(),
            code: "invalid".to_owned(),
            request_id: "req_1".to_owned(),
            problems,
            limit: None,
            observed: None,
            quota: None,
            refusal: None,
        }))
    }

    #[test]
    fn a_refusal_tells_its_fields_its_code_and_its_request() {
        let fields = vec![
            Invalid::new("slug", "use 1 to 20"),
            Invalid::new("name", "give one"),
        ];
        assert_eq!(
            problem(422, fields).to_string(),
            "The input is not valid\n  slug: use 1 to 20\n  name: give one\n  (422, invalid, request req_1)"
        );
    }

    #[test]
    fn what_a_server_says_moves_no_cursor() {
        let told = problem(409, Vec::new()).to_string();
        assert!(!told.contains('\u{1b}'), "{told}");
    }

    #[test]
    fn a_script_tells_failures_apart_by_the_exit_code() {
        for (status, exit) in [
            (401, Exit::Denied),
            (403, Exit::Denied),
            (404, Exit::NotFound),
            (409, Exit::Failed),
            (422, Exit::Failed),
            (500, Exit::Failed),
            (503, Exit::Unreachable),
        ] {
            assert_eq!(problem(status, Vec::new()).exit(), exit, "{status}");
        }
    }
}
