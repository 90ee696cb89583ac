//! Which versions are loaded, and which of them go when there are too many: those that were not called
//! for the longest time. A call that runs keeps its code by itself.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU32, Ordering::Relaxed},
    },
};

use domain::VersionId;

use crate::version::Version;

pub(crate) struct Loaded {
    max_count: usize,
    max_bytes: u64,
    /// Counts loads. Nothing has to go between two of them, so that a version notes only after which
    /// one it was last called: a call in a steady state writes to no memory that cores share.
    clock: AtomicU32,
    versions: Mutex<HashMap<VersionId, (Weak<Version>, u64)>>,
}

impl Loaded {
    pub(super) fn new(max_count: usize, max_bytes: u64) -> Self {
        Self {
            max_count,
            max_bytes,
            clock: AtomicU32::new(0),
            versions: Mutex::default(),
        }
    }

    pub(crate) fn now(&self) -> u32 {
        self.clock.load(Relaxed)
    }

    /// Takes note of a version that was loaded, and unloads others in its place.
    pub(crate) fn enter(&self, version: &Arc<Version>) {
        version.used_at(self.clock.fetch_add(1, Relaxed) + 1);
        let bytes = version.compiled.as_ref().map_or(0, |it| it.bytes);
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        versions.insert(version.id, (Arc::downgrade(version), bytes));
        // Those that no table names any more took their code with them.
        versions.retain(|_, (version, _)| version.strong_count() > 0);
        let mut total: u64 = versions.values().map(|(_, bytes)| bytes).sum();
        while versions.len() > 1 && (versions.len() > self.max_count || total > self.max_bytes) {
            let others = versions
                .iter()
                .filter(|(id, _)| **id != version.id)
                .filter_map(|(_, (other, bytes))| Some((other.upgrade()?, *bytes)));
            let Some((oldest, bytes)) = others.min_by_key(|(other, _)| other.last_used()) else {
                return;
            };
            oldest.unload();
            versions.remove(&oldest.id);
            total -= bytes;
        }
    }
}
