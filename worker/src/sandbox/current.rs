//! For which call a store works: of a fresh instance always the same, of one that is reused the last
//! that began.

use std::sync::{Arc, Mutex, MutexGuard};

use crate::invocation::Invocation;

/// Nobody's while its instance waits: a call that has ended must not be held.
pub(super) struct Current(Mutex<Option<Arc<Invocation>>>);

impl Current {
    pub(super) fn new(invocation: &Arc<Invocation>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Some(Arc::clone(invocation)))))
    }

    pub(super) fn invocation(&self) -> Option<Arc<Invocation>> {
        self.cell().clone()
    }

    pub(super) fn set(&self, invocation: &Arc<Invocation>) {
        *self.cell() = Some(Arc::clone(invocation));
    }

    pub(super) fn rest(&self) {
        // The last to hold a call writes its record: not under the lock.
        let ended = self.cell().take();
        drop(ended);
    }

    fn cell(&self) -> MutexGuard<'_, Option<Arc<Invocation>>> {
        self.0.lock().expect("nobody panics while holding it")
    }
}
