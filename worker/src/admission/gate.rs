//! The limits of one function, or of one tenant, on this worker: calls in flight, with a short queue
//! before them, and a rate. It outlives the table it came with, for calls do too.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

use domain::{Failure, FunctionId, TenantId};
use tokio::{sync::Semaphore, time::timeout_at};

use super::rate::Rate;
use crate::outcome::Failed;

/// Calls that wait at one gate; more are refused at once.
const MAX_WAITING: u32 = 128;
/// In thousandths: the whole limit.
pub(super) const WHOLE: u32 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Owner {
    Function(FunctionId),
    Tenant(TenantId),
}

pub(crate) struct Gate {
    pub(super) owner: Owner,
    /// Over all workers.
    concurrency: AtomicU32,
    rate_per_second: AtomicU32,
    /// This worker's part of both, in thousandths.
    share: AtomicU32,
    /// At most this many here, whatever the share.
    ceiling: u32,
    slots: Semaphore,
    resizing: Mutex<()>,
    /// Slots that exist, taken or free; more than the limit after it was lowered.
    issued: AtomicU32,
    waiting: AtomicU32,
    rate: Rate,
    /// Since the last heartbeat.
    pub(super) arrivals: AtomicU64,
    /// Whether the register of demand knows it.
    pub(super) registered: AtomicBool,
}

/// One call's part of a gate's limit.
pub(super) struct Slot(Arc<Gate>);

impl Gate {
    /// `ceiling` keeps one owner from taking all of a machine.
    fn new(owner: Owner, concurrency: u32, rate_per_second: u32, ceiling: u32) -> Self {
        let here = concurrency.min(ceiling);
        Self {
            owner,
            concurrency: AtomicU32::new(concurrency),
            rate_per_second: AtomicU32::new(rate_per_second),
            share: AtomicU32::new(WHOLE),
            ceiling,
            slots: Semaphore::new(here as usize),
            resizing: Mutex::default(),
            issued: AtomicU32::new(here),
            waiting: AtomicU32::new(0),
            rate: Rate::new(rate_per_second),
            arrivals: AtomicU64::new(0),
            registered: AtomicBool::new(false),
        }
    }

    /// The gate that was there before, with the limits of now, or a new one.
    pub(crate) fn of(
        before: Option<&Arc<Self>>,
        owner: Owner,
        [concurrency, rate_per_second]: [u32; 2],
        ceiling: u32,
    ) -> Arc<Self> {
        match before {
            Some(gate) => {
                gate.set_limits(concurrency, rate_per_second);
                Arc::clone(gate)
            }
            None => Arc::new(Self::new(owner, concurrency, rate_per_second, ceiling)),
        }
    }

    #[cfg(test)]
    pub(crate) fn limits(&self) -> [u32; 2] {
        [&self.concurrency, &self.rate_per_second].map(|limit| limit.load(Relaxed))
    }

    fn set_limits(&self, concurrency: u32, rate_per_second: u32) {
        self.concurrency.store(concurrency, Relaxed);
        self.rate_per_second.store(rate_per_second, Relaxed);
        self.resize();
    }

    pub(super) fn set_share(&self, share: u32) {
        self.share.store(share, Relaxed);
        self.resize();
    }

    /// Of a limit over all workers, what is this one's: never nothing.
    fn part(&self, limit: u32) -> u32 {
        let share = u64::from(self.share.load(Relaxed));
        let part = (u64::from(limit) * share).div_ceil(u64::from(WHOLE));
        u32::try_from(part).unwrap_or(u32::MAX).max(1)
    }

    fn here(&self) -> u32 {
        self.part(self.concurrency.load(Relaxed)).min(self.ceiling)
    }

    fn resize(&self) {
        let _alone = self
            .resizing
            .lock()
            .expect("nobody panics while holding it");
        self.rate.set(self.part(self.rate_per_second.load(Relaxed)));
        let (wanted, issued) = (self.here(), self.issued.load(Relaxed));
        if wanted > issued {
            self.issued.fetch_add(wanted - issued, Relaxed);
            self.slots.add_permits((wanted - issued) as usize);
        } else {
            // Those that are taken go when they are given back.
            let forgotten = self.slots.forget_permits((issued - wanted) as usize);
            self.issued.fetch_sub(forgotten as u32, Relaxed);
        }
    }

    pub(super) fn check_rate(&self, now: Instant) -> Result<(), Failed> {
        if self.rate.take(now) {
            return Ok(());
        }
        let limit = u64::from(self.rate_per_second.load(Relaxed));
        let detail = format!(
            "{} takes {limit} requests in a second; try again later",
            self.name()
        );
        Err(Failed::new(Failure::RateLimited, detail).over(limit, None))
    }

    pub(super) async fn enter(self: &Arc<Self>, deadline: Instant) -> Result<Slot, Failed> {
        if let Ok(permit) = self.slots.try_acquire() {
            permit.forget();
            return Ok(Slot(Arc::clone(self)));
        }
        let _waiting = Waiting::join(&self.waiting).ok_or_else(|| self.full())?;
        match timeout_at(deadline.into(), self.slots.acquire()).await {
            Ok(Ok(permit)) => {
                permit.forget();
                Ok(Slot(Arc::clone(self)))
            }
            Ok(Err(_)) | Err(_) => Err(self.full()),
        }
    }

    fn full(&self) -> Failed {
        let limit = u64::from(self.concurrency.load(Relaxed));
        let failure = match self.owner {
            Owner::Function(_) => Failure::FunctionConcurrency,
            Owner::Tenant(_) => Failure::TenantConcurrency,
        };
        let detail = format!(
            "{} may have {limit} calls in flight, {} of them on this worker; try again",
            self.name(),
            self.here()
        );
        Failed::new(failure, detail).over(limit, None)
    }

    fn name(&self) -> &'static str {
        match self.owner {
            Owner::Function(_) => "this function",
            Owner::Tenant(_) => "the tenant of this function",
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let gate = &self.0;
        let here = gate.here();
        let shrink = |issued: u32| (issued > here).then(|| issued - 1);
        if gate.issued.fetch_update(Relaxed, Relaxed, shrink).is_err() {
            gate.slots.add_permits(1);
        }
    }
}

/// A place in a queue, given back however the wait ends.
struct Waiting<'a>(&'a AtomicU32);

impl<'a> Waiting<'a> {
    fn join(queue: &'a AtomicU32) -> Option<Self> {
        let join = |waiting: u32| (waiting < MAX_WAITING).then(|| waiting + 1);
        let joined = queue.fetch_update(Relaxed, Relaxed, join);
        joined.is_ok().then_some(Self(queue))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn gate(concurrency: u32) -> Arc<Gate> {
        let owner = Owner::Function(FunctionId::generate());
        Arc::new(Gate::new(owner, concurrency, 1_000, 100))
    }

    async fn enter(gate: &Arc<Gate>) -> Option<Slot> {
        let soon = Instant::now() + Duration::from_millis(20);
        gate.enter(soon).await.ok()
    }

    #[tokio::test]
    async fn a_call_waits_for_another_to_end_and_no_longer_than_its_deadline() {
        let gate = gate(1);
        let first = enter(&gate).await.unwrap();
        assert!(enter(&gate).await.is_none());
        let later = Instant::now() + Duration::from_secs(5);
        let (second, ()) = tokio::join!(gate.enter(later), async { drop(first) });
        assert!(second.is_ok());
        assert_eq!(gate.waiting.load(Relaxed), 0);
    }

    #[tokio::test]
    async fn a_limit_that_changes_holds_once_the_calls_above_it_have_ended() {
        let gate = gate(3);
        let mut slots = Vec::new();
        for _ in 0..3 {
            slots.push(enter(&gate).await.unwrap());
        }
        gate.set_limits(1, 1_000);
        slots.pop();
        slots.pop();
        assert!(enter(&gate).await.is_none(), "one of one is taken");
        slots.pop();
        let one = enter(&gate).await.unwrap();
        assert!(enter(&gate).await.is_none());
        gate.set_limits(2, 1_000);
        let two = enter(&gate).await.unwrap();
        drop((one, two));
        gate.set_limits(100, 1_000);
        gate.set_share(1);
        let one = enter(&gate).await.unwrap();
        assert!(
            enter(&gate).await.is_none(),
            "a share is never less than one"
        );
        drop(one);
        assert_eq!(gate.slots.available_permits(), 1);
    }
}
