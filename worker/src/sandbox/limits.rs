//! Memory and tables of one call, summed over all that its component has.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use domain::Limits;
use wasmtime::ResourceLimiter;

use super::{current::Current, meter::Meter};

const MAX_INSTANCES: usize = 256;
const MAX_MEMORIES: usize = 16;
const MAX_TABLES: usize = 64;
const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// What a call has used, readable after its store is gone.
pub(crate) struct Usage {
    pub(crate) meter: Meter,
    peak_memory_bytes: AtomicU64,
    /// The size a growth would have led to that was refused; zero if none was.
    refused_memory_bytes: AtomicU64,
}

impl Usage {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            meter: Meter::new(limits.cpu_ms),
            peak_memory_bytes: AtomicU64::new(0),
            refused_memory_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn peak_memory_bytes(&self) -> u64 {
        self.peak_memory_bytes.load(Relaxed)
    }

    pub(super) fn refused_memory_bytes(&self) -> Option<u64> {
        Some(self.refused_memory_bytes.load(Relaxed)).filter(|&bytes| bytes > 0)
    }
}

/// Counts what an instance has; each of its calls sees all of it.
pub(super) struct Limiter {
    current: Arc<Current>,
    used: u64,
}

impl Limiter {
    pub(super) fn new(current: Arc<Current>) -> Self {
        Self { current, used: 0 }
    }

    /// Another call begins with what the ones before it left.
    pub(super) fn begin(&self) {
        if let Some(invocation) = self.current.invocation() {
            let peak = &invocation.usage.peak_memory_bytes;
            peak.fetch_max(self.used, Relaxed);
        }
    }

    fn grow(&mut self, by: usize, possible: bool) -> bool {
        let Some(invocation) = self.current.invocation() else {
            return false;
        };
        let usage = &invocation.usage;
        let wanted = self.used.saturating_add(by as u64);
        // What was granted stays counted even if the growth fails afterwards: to undo it, one would
        // have to know which growth failed, and a guest could use a mistake in that.
        if wanted > invocation.limits.memory_bytes || !possible {
            usage.refused_memory_bytes.store(wanted, Relaxed);
            return false;
        }
        self.used = wanted;
        usage.peak_memory_bytes.fetch_max(wanted, Relaxed);
        true
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        Ok(self.grow(desired.saturating_sub(current), possible))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let possible = maximum.is_none_or(|maximum| desired <= maximum);
        let elements = desired.saturating_sub(current);
        Ok(self.grow(elements.saturating_mul(TABLE_ELEMENT_BYTES), possible))
    }

    fn instances(&self) -> usize {
        MAX_INSTANCES
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES
    }

    fn tables(&self) -> usize {
        MAX_TABLES
    }
}
