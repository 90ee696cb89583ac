//! Waiting for an operation, and telling each of its steps when it is done.

use std::{
    collections::BTreeSet,
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use domain::{
    operation::{OperationState, Step},
    rest::operations::OperationView,
};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    api::{Api, Told},
    failure::Failure,
    output::{Output, printable},
};

/// How long the server may be away meanwhile: the operation goes on without us.
const AWAY: Duration = Duration::from_secs(60);
const FIRST_LOOK: Duration = Duration::from_millis(100);
const SLOWEST: Duration = Duration::from_secs(1);

/// Follows what a 202 answered to its end.
pub(crate) async fn follow(api: &Api, out: Output, accepted: &Told) -> Result<Value, Failure> {
    let mut telling = Telling::new(out);
    let mut told = accepted.raw.clone();
    let (mut pause, mut heard) = (FIRST_LOOK, Instant::now());
    loop {
        let operation: OperationView = super::api::read(&told)?;
        telling.tell(&operation);
        match operation.state {
            OperationState::Succeeded => return Ok(told),
            OperationState::Failed => return Err(failed(&operation)),
            OperationState::Pending | OperationState::Running => {}
        }
        sleep(pause).await;
        pause = (pause * 3 / 2).min(SLOWEST);
        match api.get(&format!("/operations/{}", operation.id)).await {
            Ok(found) => {
                told = found.raw;
                heard = Instant::now();
            }
            Err(failure) if may_pass(&failure) && heard.elapsed() < AWAY => {}
            Err(failure) => {
                telling.clear();
                out.note(format!(
                    "The operation {} goes on without us.",
                    operation.id
                ));
                return Err(failure);
            }
        }
    }
}

fn may_pass(failure: &Failure) -> bool {
    matches!(failure, Failure::Unreachable(_)) || failure.is_status(503) || failure.is_status(429)
}

fn failed(operation: &OperationView) -> Failure {
    let why = operation.error.as_deref().unwrap_or("it says not why");
    Failure::Failed(format!(
        "the {} failed: {}\n  What was live before goes on answering. (operation {})",
        printable(&operation.kind),
        printable(why),
        operation.id
    ))
}

/// At a terminal the step that is under way has a line that changes; elsewhere only what is done is told.
struct Telling {
    out: Output,
    at_terminal: bool,
    done: BTreeSet<String>,
}

impl Telling {
    fn new(out: Output) -> Self {
        Self {
            out,
            at_terminal: std::io::stderr().is_terminal(),
            done: BTreeSet::new(),
        }
    }

    fn tell(&mut self, operation: &OperationView) {
        self.clear();
        for step in &operation.steps {
            if step.finished_at.is_some() && self.done.insert(step.name.clone()) {
                self.out.note(line(step));
            }
        }
        let next = operation
            .steps
            .iter()
            .find(|step| step.finished_at.is_none());
        if let Some(step) = next.filter(|_| self.at_terminal && !operation.state.is_final()) {
            let mut stderr = std::io::stderr();
            let _ = write!(stderr, "{} …", line(step)).and_then(|()| stderr.flush());
        }
    }

    fn clear(&self) {
        if self.at_terminal {
            let _ = write!(std::io::stderr(), "\r\u{1b}[K");
        }
    }
}

fn line(step: &Step) -> String {
    let name = printable(&step.name);
    match step.total {
        // How much there is of it, it knows once it begins.
        0 => format!("  {name}"),
        total => format!("  {name} {}/{total}", step.done),
    }
}
