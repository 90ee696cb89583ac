//! For which call a store works: of a fresh instance always the same, of one that is reused the last
//! that began.

use std::sync::{Arc, Mutex, MutexGuard, Weak};

use crate::invocation::Invocation;

/// Does not hold the call, which holds its part of the instance: neither would ever end.
pub(super) struct Current(Mutex<Weak<Invocation>>);

impl Current {
    pub(super) fn new(invocation: &Arc<Invocation>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Arc::downgrade(invocation))))
    }

    /// `None` where the call has ended.
    pub(super) fn invocation(&self) -> Option<Arc<Invocation>> {
        self.cell().upgrade()
    }

    pub(super) fn set(&self, invocation: &Arc<Invocation>) {
        *self.cell() = Arc::downgrade(invocation);
    }

    fn cell(&self) -> MutexGuard<'_, Weak<Invocation>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}
