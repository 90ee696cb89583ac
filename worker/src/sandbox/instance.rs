//! An instance that has taken calls, one at a time, and may take another.

use std::{sync::Arc, time::Duration};

use wasmtime::Store;

use super::{
    Runtime,
    current::Current,
    idle::Room,
    state::{self, State},
};
use crate::{invocation::Invocation, put_off::put_off};

/// `P` is what its component exports.
pub(super) struct Instance<G: 'static, P> {
    pub(super) store: Store<State<G>>,
    /// Absent until its first call is under way.
    pub(super) proxy: Option<P>,
    current: Arc<Current>,
    calls: u32,
}

impl<G: 'static, P: Send + 'static> Instance<G, P> {
    /// One that waits, if the function has opted into reuse, or a new one.
    pub(super) fn take(
        runtime: &Runtime<G>,
        idle: &Room<Self>,
        invocation: &Arc<Invocation>,
    ) -> Self {
        let reuse = invocation.about.function.reuse;
        match reuse.and_then(|_| idle.take()) {
            Some(mut instance) => {
                instance.current.set(invocation);
                state::begin(&mut instance.store);
                instance
            }
            None => {
                let current = Current::new(invocation);
                Self {
                    store: runtime.store(&current, state::wasi(&current)),
                    proxy: None,
                    current,
                    calls: 0,
                }
            }
        }
    }

    /// After a call that ended in good order. It goes where it may take no other.
    pub(super) fn keep(mut self, proxy: P, invocation: Arc<Invocation>, idle: &Room<Self>) {
        self.calls += 1;
        if let Some(reuse) = invocation.about.function.reuse
            && self.calls < reuse.requests
        {
            self.proxy = Some(proxy);
            idle.put(self, Duration::from_secs(reuse.idle_seconds.into()));
        } else {
            // The call gives its place back after its instance.
            put_off((self, invocation));
        }
    }
}
