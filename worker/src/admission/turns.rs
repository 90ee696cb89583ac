//! The turns of tenants on one data thread. What has come is known before it runs, and a tenant that
//! sent very much waits behind itself: between two of its calls the thread looks for others.
//!
//! A thread polls whoever is ready, first come, first served. Without turns, a caller with hundreds
//! of connections is hundreds of times ahead of everybody else's next request.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};

use domain::TenantId;
use tokio::sync::{Notify, oneshot};

/// In which a tenant's calls run as they come, until they have used its part.
const WINDOW: Duration = Duration::from_millis(1);
/// A tenant's part of a window.
const PART_NS: u64 = 250_000;
/// What a call costs a thread beside what its guest uses.
const CALL_NS: u64 = 25_000;
/// Calls of one tenant that wait on one thread; more are refused at once.
const MAX_WAITING: usize = 1_000;

thread_local! {
    static TURNS: RefCell<Option<Turns>> = const { RefCell::new(None) };
}

struct Turns {
    window: Instant,
    /// What was used in this window: few entries, for a call takes its time.
    used: Vec<(TenantId, u64)>,
    /// Tenants with somebody in their queue, the next one first.
    turns: VecDeque<TenantId>,
    waiting: HashMap<TenantId, VecDeque<Waiting>>,
    somebody: Arc<Notify>,
}

struct Waiting {
    deadline: Instant,
    go: oneshot::Sender<()>,
}

impl Turns {
    fn new(now: Instant) -> Self {
        Self {
            window: now,
            used: Vec::new(),
            turns: VecDeque::new(),
            waiting: HashMap::new(),
            somebody: Arc::default(),
        }
    }

    /// Whether it may run now; it then counts as run.
    fn try_run(&mut self, tenant: TenantId, now: Instant) -> bool {
        if now.duration_since(self.window) >= WINDOW {
            self.window = now;
            self.used.clear();
        }
        if !self.waiting.is_empty() && self.waiting.contains_key(&tenant) {
            return false;
        }
        let used = self.used(tenant);
        let may = *used < PART_NS;
        if may {
            *used += CALL_NS;
        }
        may
    }

    fn used(&mut self, tenant: TenantId) -> &mut u64 {
        let known = self.used.iter().position(|(other, _)| *other == tenant);
        let index = known.unwrap_or_else(|| {
            self.used.push((tenant, 0));
            self.used.len() - 1
        });
        &mut self.used[index].1
    }

    /// `None` where too many of the tenant wait already.
    fn queue(&mut self, tenant: TenantId, deadline: Instant) -> Option<oneshot::Receiver<()>> {
        let queue = self.waiting.entry(tenant).or_default();
        if queue.len() >= MAX_WAITING {
            return None;
        }
        let (go, gone) = oneshot::channel();
        queue.push_back(Waiting { deadline, go });
        if queue.len() == 1 {
            self.turns.push_back(tenant);
        }
        self.somebody.notify_one();
        Some(gone)
    }

    /// Lets one call of the next tenant go; those that waited too long are refused on the way.
    fn next(&mut self, now: Instant) {
        while let Some(tenant) = self.turns.pop_front() {
            let queue = self.waiting.get_mut(&tenant);
            let queue = queue.expect("a tenant in turn has a queue");
            let waiting = queue.pop_front().expect("a queue in turn is not empty");
            if queue.is_empty() {
                self.waiting.remove(&tenant);
            } else {
                self.turns.push_back(tenant);
            }
            if now <= waiting.deadline && waiting.go.send(()).is_ok() {
                *self.used(tenant) += CALL_NS;
                return;
            }
        }
    }
}

fn with<R>(act: impl FnOnce(&mut Turns) -> R) -> Option<R> {
    TURNS.with_borrow_mut(|turns| turns.as_mut().map(act))
}

/// Gives turns on this thread for as long as it is polled; on others nobody waits for one.
pub(crate) async fn give() {
    let turns = Turns::new(Instant::now());
    let somebody = Arc::clone(&turns.somebody);
    TURNS.set(Some(turns));
    loop {
        while with(|turns| turns.turns.is_empty()) == Some(true) {
            somebody.notified().await;
        }
        // The runtime goes on after it has looked which sockets are ready.
        tokio::task::yield_now().await;
        with(|turns| turns.next(Instant::now()));
    }
}

/// Waits until a call of the tenant may run on this thread: false where that is not before the
/// deadline, or too many wait already.
pub(super) async fn take(tenant: TenantId, now: Instant, deadline: Instant) -> bool {
    let queued = with(|turns| {
        if turns.try_run(tenant, now) {
            Ok(())
        } else {
            Err(turns.queue(tenant, deadline))
        }
    });
    match queued {
        None | Some(Ok(())) => true,
        Some(Err(Some(go))) => go.await.is_ok(),
        Some(Err(None)) => false,
    }
}

/// Counts what a guest has used of this thread, in nanoseconds, for a tenant that ran in this window.
pub(crate) fn used(tenant: TenantId, ns: u64) {
    with(|turns| {
        let known = turns.used.iter_mut().find(|(other, _)| *other == tenant);
        if let Some((_, used)) = known {
            *used += ns;
        }
    });
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use tokio::task::LocalSet;

    use super::*;

    const FAR: Duration = Duration::from_secs(60);

    /// Has a tenant use its part of this window.
    fn exhaust(tenant: TenantId, now: Instant) {
        while with(|turns| turns.try_run(tenant, now)) == Some(true) {}
    }

    /// Which of these calls ran, and which were refused, in the order in which that was known.
    async fn order(now: Instant, calls: &[(TenantId, Instant)]) -> Vec<(TenantId, bool)> {
        let order = Rc::new(RefCell::new(Vec::new()));
        let local = LocalSet::new();
        for &(tenant, deadline) in calls {
            let order = Rc::clone(&order);
            local.spawn_local(async move {
                let runs = take(tenant, now, deadline).await;
                order.borrow_mut().push((tenant, runs));
            });
        }
        local.await;
        order.take()
    }

    #[tokio::test]
    async fn a_call_comes_before_those_that_another_tenant_sent_too_much() {
        let giving = tokio::spawn(give());
        tokio::task::yield_now().await;
        let now = Instant::now();
        let (many, few) = (TenantId::generate(), TenantId::generate());
        exhaust(many, now);
        let calls = [many, many, many, few].map(|tenant| (tenant, now + FAR));
        let ran = order(now, &calls).await;
        assert_eq!(ran, [few, many, many, many].map(|tenant| (tenant, true)));
        giving.abort();
    }

    #[tokio::test]
    async fn tenants_that_wait_take_turns_and_nobody_waits_for_ever() {
        let giving = tokio::spawn(give());
        tokio::task::yield_now().await;
        let now = Instant::now();
        let (many, few) = (TenantId::generate(), TenantId::generate());
        exhaust(many, now);
        exhaust(few, now);
        let late = now + FAR;
        let calls = [(many, now), (many, late), (many, late), (few, late)];
        let (ran, refused): (Vec<_>, Vec<_>) = order(now, &calls)
            .await
            .into_iter()
            .partition(|(_, ran)| *ran);
        assert_eq!(ran, [few, many, many].map(|tenant| (tenant, true)));
        assert_eq!(refused, [(many, false)]);
        giving.abort();
    }
}
