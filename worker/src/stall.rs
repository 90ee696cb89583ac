//! The watch over a stream, in whichever direction: one that stands still is ended, so that nobody
//! keeps a place by sending or taking nothing.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use domain::Failure;
use tokio::time::{Instant, Sleep};

use crate::{invocation::Invocation, outcome::Failed, sandbox::wall_timeout};

/// Ends a stream that stands still.
pub(crate) struct Stall {
    after: Duration,
    /// At the latest, where the stream itself has a limit of time.
    until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Stall {
    pub(crate) fn new(after: Duration) -> Self {
        Self {
            after,
            until: None,
            sleep: None,
        }
    }

    pub(crate) fn at_the_latest(mut self, until: std::time::Instant) -> Self {
        self.until = Some(until.into());
        self
    }

    pub(crate) fn moved(&mut self) {
        self.sleep = None;
    }

    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self.sleep.get_or_insert_with(|| {
            let due = Instant::now() + self.after;
            let due = self.until.map_or(due, |until| until.min(due));
            Box::pin(tokio::time::sleep_until(due))
        });
        sleep.as_mut().poll(cx)
    }

    /// What to tell of a stream that was ended.
    pub(crate) fn failed(&self, invocation: &Invocation, failure: Failure, stream: &str) -> Failed {
        if self.until.is_some_and(|until| Instant::now() >= until) {
            return wall_timeout(invocation);
        }
        let seconds = self.after.as_secs();
        Failed::new(failure, format!("{stream} stood still for {seconds} s"))
    }
}
