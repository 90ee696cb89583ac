//! A deployment on its way: compiled, prepared on the workers, live on them.

use control::{Deployment, Operation};
use domain::{
    Timestamp,
    operation::{OperationState, Step},
};

use crate::format;

pub(crate) struct Progress {
    pub(crate) traffic: String,
    pub(crate) rollback: bool,
    pub(crate) runs: bool,
    pub(crate) error: Option<String>,
    pub(crate) steps: Vec<StepRow>,
}

pub(crate) struct StepRow {
    /// `done`, `current`, `next` or `failed`.
    pub(crate) class: &'static str,
    pub(crate) text: String,
    pub(crate) took: String,
}

impl Progress {
    /// `waits`: the deployment is not live yet and was not given up.
    pub(crate) fn new(deployment: &Deployment, operation: &Operation, waits: bool) -> Self {
        let runs = waits || !operation.state.is_final();
        let mut rows = Vec::new();
        let mut before = operation.created_at;
        let mut all_done = true;
        for step in &operation.steps {
            let class = match (step.finished_at, all_done, operation.state) {
                (Some(_), ..) | (None, _, OperationState::Succeeded) => "done",
                (None, true, OperationState::Failed) => "failed",
                (None, true, _) => "current",
                (None, false, _) => "next",
            };
            all_done &= class == "done";
            rows.push(StepRow {
                class,
                text: sentence(step, class == "done"),
                took: took(step, &mut before),
            });
        }
        Self {
            traffic: format::traffic(&deployment.traffic),
            rollback: deployment.rollback,
            runs,
            error: deployment
                .error
                .clone()
                .or_else(|| operation.error.clone())
                .filter(|_| operation.state == OperationState::Failed),
            steps: rows,
        }
    }
}

/// The time since the step before it ended.
fn took(step: &Step, before: &mut Timestamp) -> String {
    let Some(finished) = step.finished_at else {
        return String::new();
    };
    let took = finished - *before;
    *before = finished;
    if took.is_positive() {
        format::millis(took.as_seconds_f64() * 1000.0)
    } else {
        String::new()
    }
}

fn sentence(step: &Step, is_done: bool) -> String {
    let Step { done, total, .. } = step;
    match (step.name.as_str(), is_done) {
        ("compiled", true) => "Compiled and signed".to_owned(),
        ("compiled", false) => "Compile".to_owned(),
        ("prepared" | "live", true) if *total == 0 => {
            let what = if step.name == "live" {
                "Live"
            } else {
                "Prepared"
            };
            format!("{what}; no worker to wait for")
        }
        ("prepared", true) => format!("Prepared on {done} of {total} {}", workers(*total)),
        ("prepared", false) if *total == 0 => "Prepare on the workers".to_owned(),
        ("prepared", false) => format!("Prepare on the workers, {done} of {total}"),
        ("live", true) => format!("Live on {done} of {total} {}", workers(*total)),
        ("live", false) if *total == 0 => "Switch the traffic".to_owned(),
        ("live", false) => format!("Switch the traffic, {done} of {total}"),
        (name, _) => format!("{name} {done} of {total}"),
    }
}

fn workers(count: u32) -> &'static str {
    if count == 1 { "worker" } else { "workers" }
}
