//! The calls that this machine runs at once. When it is full, tenants take turns, however many calls
//! of each of them wait.

use std::{
    collections::{HashMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering::SeqCst},
    },
    time::Instant,
};

use domain::TenantId;
use tokio::{sync::oneshot, time::timeout_at};

/// Calls of one tenant that wait; more are refused at once.
const MAX_WAITING: usize = 64;

pub(super) struct Places {
    limit: u32,
    taken: AtomicU32,
    /// As many as `queues` holds: with none, nobody looks there.
    waiting: AtomicU32,
    queues: Mutex<Queues>,
}

#[derive(Default)]
struct Queues {
    /// Tenants with somebody in their queue, the next one first.
    turns: VecDeque<TenantId>,
    of: HashMap<TenantId, VecDeque<oneshot::Sender<()>>>,
}

pub(super) struct Place(Arc<Places>);

impl Places {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            taken: AtomicU32::new(0),
            waiting: AtomicU32::new(0),
            queues: Mutex::default(),
        }
    }

    pub(super) fn taken(&self) -> u32 {
        self.taken.load(SeqCst)
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// `None` where it would leave fewer than `spare`.
    pub(super) fn take_at_once(self: &Arc<Self>, spare: u32) -> Option<Place> {
        let most = self.limit.saturating_sub(spare);
        let take = |taken: u32| (taken < most).then_some(taken + 1);
        let taken = self.taken.fetch_update(SeqCst, SeqCst, take);
        taken.is_ok().then(|| Place(Arc::clone(self)))
    }

    /// `None` where none came free in time, or too many of the tenant wait already.
    pub(super) async fn take(
        self: &Arc<Self>,
        tenant: TenantId,
        deadline: Instant,
    ) -> Option<Place> {
        if self.waiting.load(SeqCst) == 0 && self.try_take() {
            return Some(Place(Arc::clone(self)));
        }
        let mut turn = self.queue(tenant)?;
        // One may have come free between the look and the queue.
        self.hand_out();
        let given = timeout_at(deadline.into(), &mut turn.given).await;
        match given {
            Ok(Ok(())) => {
                turn.taken = true;
                Some(Place(Arc::clone(self)))
            }
            // If it was given in this very moment, the turn gives it back.
            Ok(Err(_)) | Err(_) => None,
        }
    }

    fn try_take(&self) -> bool {
        let take = |taken: u32| (taken < self.limit).then(|| taken + 1);
        self.taken.fetch_update(SeqCst, SeqCst, take).is_ok()
    }

    fn queue(self: &Arc<Self>, tenant: TenantId) -> Option<Turn> {
        let mut queues = self.queues();
        let queue = queues.of.entry(tenant).or_default();
        if queue.len() >= MAX_WAITING {
            return None;
        }
        let (give, given) = oneshot::channel();
        queue.push_back(give);
        if queue.len() == 1 {
            queues.turns.push_back(tenant);
        }
        self.waiting.fetch_add(1, SeqCst);
        Some(Turn {
            places: Arc::clone(self),
            given,
            taken: false,
        })
    }

    fn give_back(&self) {
        self.taken.fetch_sub(1, SeqCst);
        if self.waiting.load(SeqCst) > 0 {
            self.hand_out();
        }
    }

    /// Gives what is free to those who wait, one tenant after the other.
    fn hand_out(&self) {
        let mut queues = self.queues();
        while !queues.turns.is_empty() && self.try_take() {
            if !self.give_next(&mut queues) {
                self.taken.fetch_sub(1, SeqCst);
            }
        }
    }

    /// Whether somebody took it; one who no longer waits leaves the queue without.
    fn give_next(&self, queues: &mut Queues) -> bool {
        let Some(tenant) = queues.turns.pop_front() else {
            return false;
        };
        let queue = queues
            .of
            .get_mut(&tenant)
            .expect("a tenant in turn has a queue");
        let give = queue.pop_front().expect("a queue in turn is not empty");
        self.waiting.fetch_sub(1, SeqCst);
        if queue.is_empty() {
            queues.of.remove(&tenant);
        } else {
            queues.turns.push_back(tenant);
        }
        give.send(()).is_ok()
    }

    fn queues(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().expect("nobody panics while holding it")
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.give_back();
    }
}

/// A call's wait in a queue, which may end in the moment when its turn comes.
struct Turn {
    places: Arc<Places>,
    given: oneshot::Receiver<()>,
    taken: bool,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.given.close();
        if !self.taken && self.given.try_recv().is_ok() {
            self.places.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn tenants_take_turns_however_many_calls_of_each_wait() {
        let places = Arc::new(Places::new(1));
        let deadline = Instant::now() + Duration::from_secs(5);
        let (many, few) = (TenantId::generate(), TenantId::generate());
        let held = places.take(many, deadline).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut waiting = Vec::new();
        for tenant in [many, many, many, few] {
            let (places, order) = (Arc::clone(&places), Arc::clone(&order));
            waiting.push(tokio::spawn(async move {
                let place = places.take(tenant, deadline).await.unwrap();
                order.lock().unwrap().push(tenant);
                drop(place);
            }));
            tokio::task::yield_now().await;
        }
        drop(held);
        for waiting in waiting {
            waiting.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), [many, few, many, many]);
        assert_eq!((places.taken(), places.waiting.load(SeqCst)), (0, 0));
    }

    #[tokio::test]
    async fn who_gives_up_waiting_leaves_nothing_behind() {
        let places = Arc::new(Places::new(1));
        let tenant = TenantId::generate();
        let far = Instant::now() + Duration::from_secs(60);
        let held = places.take(tenant, far).await.unwrap();
        let near = Instant::now() + Duration::from_millis(5);
        assert!(places.take(tenant, near).await.is_none());
        let gone = tokio::spawn({
            let places = Arc::clone(&places);
            async move { places.take(tenant, far).await.is_some() }
        });
        tokio::task::yield_now().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(held);
        assert_eq!(places.taken(), 0);
        assert!(places.take(tenant, far).await.is_some());
    }
}
