//! CPU time of one call: the thread's own clock around each poll of its future, so that waiting
//! costs nothing and computing on somebody else's poll is not counted.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::{Context, Poll},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

use crate::{admission::turns, invocation::Invocation};

const NOT_RUNNING: u64 = u64::MAX;

pub(crate) struct Meter {
    limit_ns: u64,
    /// Of the polls that ended.
    spent_ns: AtomicU64,
    /// The thread's clock when the running poll began, or [`NOT_RUNNING`].
    began_ns: AtomicU64,
}

impl Meter {
    pub(super) fn new(limit_ms: u32) -> Self {
        Self {
            limit_ns: u64::from(limit_ms) * 1_000_000,
            spent_ns: AtomicU64::new(0),
            began_ns: AtomicU64::new(NOT_RUNNING),
        }
    }

    pub(crate) fn spent(&self) -> Duration {
        Duration::from_nanos(self.spent_ns.load(Relaxed))
    }

    /// Its part of what somebody else measured.
    pub(super) fn add(&self, ns: u64) {
        self.spent_ns.fetch_add(ns, Relaxed);
    }

    /// With the poll that is running on this thread.
    pub(super) fn spent_now(&self) -> Duration {
        let running = match self.began_ns.load(Relaxed) {
            NOT_RUNNING => 0,
            began => thread_ns().saturating_sub(began),
        };
        self.spent() + Duration::from_nanos(running)
    }

    pub(super) fn is_exceeded(&self) -> bool {
        self.spent_now().as_nanos() > u128::from(self.limit_ns)
    }

    pub(super) fn limit_ms(&self) -> u64 {
        self.limit_ns / 1_000_000
    }
}

/// A future whose polls are metered for a call.
pub(super) struct Metered {
    pub(super) future: Pin<Box<dyn Future<Output = ()> + Send>>,
    pub(super) invocation: Arc<Invocation>,
}

impl Future for Metered {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let invocation = Arc::clone(&self.invocation);
        let meter = &invocation.usage.meter;
        let began = thread_ns();
        meter.began_ns.store(began, Relaxed);
        let polled = self.future.as_mut().poll(cx);
        let spent = thread_ns().saturating_sub(began);
        meter.spent_ns.fetch_add(spent, Relaxed);
        turns::used(invocation.about.tenant.id, spent);
        meter.began_ns.store(NOT_RUNNING, Relaxed);
        polled
    }
}

pub(super) fn thread_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
