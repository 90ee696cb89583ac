//! What is told of the calls that ended: counted exactly, and the last of them in detail as far as
//! there is room. Collected in shards, one for about each thread, so that no core waits for another
//! and no request for the control plane.

mod sender;
mod shard;

use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicUsize, Ordering::Relaxed},
};

use domain::telemetry::{InvocationRecord, LogLine};

pub(crate) use sender::send;
use shard::Shard;
pub(crate) use shard::{Key, Spent};

const SHARDS: usize = 16;

#[derive(Default)]
pub(crate) struct Telemetry {
    shards: [Mutex<Shard>; SHARDS],
}

impl Telemetry {
    /// Counts a call. `record` is asked for where there is room for it.
    pub(crate) fn ended(&self, key: Key, spent: &Spent, record: impl FnOnce() -> InvocationRecord) {
        self.shard().ended(key, spent, record);
    }

    pub(crate) fn line(&self, line: LogLine) {
        self.shard().line(line);
    }

    /// All that was collected since the last time.
    fn take(&self) -> Shard {
        let mut all = Shard::default();
        for shard in &self.shards {
            let taken = std::mem::take(&mut *lock(shard));
            all.merge(taken);
        }
        all
    }

    fn shard(&self) -> MutexGuard<'_, Shard> {
        static THREADS: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static MINE: usize = THREADS.fetch_add(1, Relaxed) % SHARDS;
        }
        lock(&self.shards[MINE.with(|mine| *mine)])
    }
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().expect("nobody panics while holding it")
}
