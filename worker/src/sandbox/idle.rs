//! Instances between two calls, of functions that opted into reuse: bounded for the machine, and gone
//! after the time that the function allows.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, Weak,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
    time::{Duration, Instant},
};

const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// All that waits on this machine.
pub(super) struct Waiting {
    max: u32,
    count: AtomicU32,
    rooms: Mutex<Vec<Weak<dyn Sweep>>>,
}

/// The idle instances of one loaded version.
pub(super) struct Room<I> {
    instances: Mutex<Vec<(Instant, I)>>,
    waiting: Arc<Waiting>,
}

pub(super) trait Sweep: Send + Sync {
    /// Lets go of what has waited long enough.
    fn sweep(&self, now: Instant);
}

impl Waiting {
    pub(super) fn new(max: u32) -> Arc<Self> {
        let waiting = Arc::new(Self {
            max,
            count: AtomicU32::new(0),
            rooms: Mutex::default(),
        });
        let watched = Arc::downgrade(&waiting);
        let sweep = move || {
            while let Some(waiting) = watched.upgrade() {
                waiting.sweep();
                drop(waiting);
                std::thread::sleep(SWEEP_EVERY);
            }
        };
        std::thread::Builder::new()
            .name("idle".to_owned())
            .spawn(sweep)
            .expect("a thread at start");
        waiting
    }

    fn sweep(&self) {
        let rooms: Vec<_> = {
            let mut rooms = self.rooms.lock().expect("nobody panics while holding it");
            rooms.retain(|room| room.strong_count() > 0);
            rooms.iter().filter_map(Weak::upgrade).collect()
        };
        let now = Instant::now();
        for room in rooms {
            room.sweep(now);
        }
    }

    /// `None` where the machine has no more room.
    pub(super) fn stay(self: &Arc<Self>) -> Option<Stay> {
        self.try_join().then(|| Stay(Arc::clone(self)))
    }

    fn try_join(&self) -> bool {
        let join = |count: u32| (count < self.max).then(|| count + 1);
        self.count.fetch_update(Relaxed, Relaxed, join).is_ok()
    }
}

/// Of an instance that waits elsewhere, counted with the others.
pub(super) struct Stay(Arc<Waiting>);

impl Drop for Stay {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Relaxed);
    }
}

impl<I: Send + 'static> Room<I> {
    pub(super) fn new(waiting: &Arc<Waiting>) -> Arc<Self> {
        let room = Arc::new(Self {
            instances: Mutex::default(),
            waiting: Arc::clone(waiting),
        });
        let swept: Weak<dyn Sweep> = Arc::downgrade(&room) as Weak<dyn Sweep>;
        let mut rooms = waiting
            .rooms
            .lock()
            .expect("nobody panics while holding it");
        rooms.push(swept);
        room
    }

    /// The one that came last: its memory is still warm.
    pub(super) fn take(&self) -> Option<I> {
        let mut instances = self.instances();
        while let Some((until, instance)) = instances.pop() {
            self.waiting.count.fetch_sub(1, Relaxed);
            if Instant::now() < until {
                return Some(instance);
            }
        }
        None
    }

    /// Drops it where there is no more room on the machine.
    pub(super) fn put(&self, instance: I, idle: Duration) {
        if self.waiting.try_join() {
            self.instances().push((Instant::now() + idle, instance));
        }
    }

    fn instances(&self) -> MutexGuard<'_, Vec<(Instant, I)>> {
        self.instances
            .lock()
            .expect("nobody panics while holding it")
    }
}

impl<I: Send + 'static> Sweep for Room<I> {
    fn sweep(&self, now: Instant) {
        // Dropped without the lock: an instance gives its memory back.
        let gone: Vec<_> = self
            .instances()
            .extract_if(.., |(until, _)| *until <= now)
            .collect();
        self.waiting.count.fetch_sub(gone.len() as u32, Relaxed);
    }
}

impl<I> Drop for Room<I> {
    fn drop(&mut self) {
        let instances = self
            .instances
            .get_mut()
            .expect("nobody panics while holding it");
        self.waiting
            .count
            .fetch_sub(instances.len() as u32, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_wait_as_long_as_they_may_and_no_more_than_fit() {
        let waiting = Waiting::new(2);
        let room = Room::new(&waiting);
        let long = Duration::from_secs(60);
        for instance in 1..=3 {
            room.put(instance, long);
        }
        assert_eq!(
            (room.take(), room.take(), room.take()),
            (Some(2), Some(1), None)
        );
        room.put(4, Duration::ZERO);
        assert_eq!(room.take(), None);
        room.put(5, long);
        room.sweep(Instant::now() + long * 2);
        assert_eq!(waiting.count.load(Relaxed), 0);
        room.put(6, long);
        drop(room);
        assert_eq!(waiting.count.load(Relaxed), 0);
    }
}
