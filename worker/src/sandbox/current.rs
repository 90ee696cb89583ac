//! For which call a store works: of a fresh instance always the same, of one that is reused the last
//! that began.

use std::sync::{Arc, Mutex};

use crate::invocation::Invocation;

pub(super) struct Current(Mutex<Arc<Invocation>>);

impl Current {
    pub(super) fn new(invocation: &Arc<Invocation>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Arc::clone(invocation))))
    }

    pub(super) fn invocation(&self) -> Arc<Invocation> {
        Arc::clone(&self.0.lock().expect("nobody panics while holding it"))
    }

    pub(super) fn set(&self, invocation: &Arc<Invocation>) {
        *self.0.lock().expect("nobody panics while holding it") = Arc::clone(invocation);
    }
}
