//! What one call's store holds, and every limit that is set on it.

use std::{marker::PhantomData, sync::Arc};

use domain::telemetry::LogStream as Stream;
use wasmtime::{Engine, Store, UpdateDeadline, component::ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use super::{current::Current, hooks::Hooks, limits::Limiter, logs::LogStream};
use crate::invocation::Invocation;

/// Bytes that one call of the host may copy out of the guest, about.
const HOSTCALL_BYTES: usize = 16 << 20;
const COMPONENT_HANDLES: usize = 10_000;
const RESOURCES: usize = 4_096;
/// Of one set of headers in the host's memory.
const FIELD_BYTES: usize = 128 << 10;
const RANDOM_BYTES: u64 = 64 << 10;

pub(crate) struct State<G> {
    wasi: WasiCtx,
    table: ResourceTable,
    http: WasiHttpCtx,
    hooks: Hooks,
    limiter: Limiter,
    _engine: PhantomData<fn() -> G>,
}

impl<G> State<G> {
    /// `None` while an instance that is kept has no call.
    pub(super) fn invocation(&self) -> Option<Arc<Invocation>> {
        self.hooks.current.invocation()
    }
}

impl<G: 'static> WasiView for State<G> {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl<G: 'static> WasiHttpView for State<G> {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

/// The context of a call: no files, no sockets, no environment, output to the log.
pub(super) fn wasi(current: &Arc<Current>) -> WasiCtxBuilder {
    let stream = |stream| LogStream {
        current: Arc::clone(current),
        stream,
    };
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdout(stream(Stream::Stdout))
        .stderr(stream(Stream::Stderr))
        .max_random_size(RANDOM_BYTES)
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false);
    wasi
}

pub(super) fn store<G: 'static>(
    engine: &Engine,
    current: &Arc<Current>,
    mut wasi: WasiCtxBuilder,
) -> Store<State<G>> {
    let mut table = ResourceTable::new();
    table.set_max_capacity(RESOURCES);
    let mut http = WasiHttpCtx::new();
    http.set_field_size_limit(FIELD_BYTES);
    let state = State {
        wasi: wasi.build(),
        table,
        http,
        hooks: Hooks::new(Arc::clone(current)),
        limiter: Limiter::new(Arc::clone(current)),
        _engine: PhantomData,
    };
    let mut store = Store::new(engine, state);
    store.limiter(|state| &mut state.limiter);
    store.set_hostcall_fuel(HOSTCALL_BYTES);
    store.set_max_component_handles(COMPONENT_HANDLES);
    // At least one: at zero the first check of every call would yield.
    store.set_epoch_deadline(1);
    let watched = Arc::clone(current);
    watch(&mut store, move || {
        let exceeded = |call: Arc<Invocation>| call.usage.meter.is_exceeded();
        watched.invocation().is_none_or(exceeded)
    });
    store
}

/// Has a guest that computes stopped once `exceeded` says so.
pub(super) fn watch<G: 'static>(
    store: &mut Store<State<G>>,
    exceeded: impl Fn() -> bool + Send + Sync + 'static,
) {
    store.epoch_deadline_callback(move |_| {
        Ok(if exceeded() {
            UpdateDeadline::Interrupt
        } else {
            UpdateDeadline::Yield(1)
        })
    });
}

/// Prepares a store that has worked before for another call.
pub(super) fn begin<G: 'static>(store: &mut Store<State<G>>) {
    // The epoch went on meanwhile.
    store.set_epoch_deadline(1);
    store.data().limiter.begin();
}
