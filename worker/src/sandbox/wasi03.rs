//! Guests of `wasi:http/handler@0.3`: their store is an event loop, which turns until the body has
//! been streamed and the guest has nothing left to do.

use std::{future::poll_fn, sync::Arc};

use futures::channel::oneshot;
use wasmtime::AsContextMut as _;
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView,
    handler::{Prepared, Proxy},
    p3::bindings::ServicePre,
};

use super::{
    Runtime, Wasi03,
    idle::Room,
    instance::Instance,
    run::{Ended, Started},
    shared::Shared,
    state::State,
    verdict::Phase,
};
use crate::invocation::Invocation;

/// A loaded version.
pub(crate) struct Http03 {
    pub(super) pre: ServicePre<State<Wasi03>>,
    pub(super) idle: Arc<Room<Instance<Wasi03, Proxy>>>,
    pub(super) shared: Shared,
}

pub(super) fn start(
    runtime: &Runtime<Wasi03>,
    guest: &Http03,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> Started {
    let mut instance = Instance::take(runtime, &guest.idle, invocation);
    let (head, response) = oneshot::channel();
    let pre = guest.pre.clone();
    let idle = Arc::clone(&guest.idle);
    let invocation = Arc::clone(invocation);
    let guest = async move {
        let called = async {
            let proxy = match instance.proxy.take() {
                Some(proxy) => proxy,
                None => pre
                    .instantiate_async(&mut instance.store)
                    .await
                    .map(Proxy::P3)
                    .map_err(Ended::at(Phase::Instantiating))?,
            };
            let looped = instance.store.run_concurrent(async |accessor| {
                let prepared = accessor.with(|mut store| {
                    let view = <State<Wasi03> as WasiHttpView>::http;
                    Prepared::new(store.as_context_mut(), &proxy, request, view, head)
                })?;
                // The wall limit is kept outside: in here, a busy guest would hide it.
                prepared.run(accessor, std::future::pending()).await?;
                poll_fn(|cx| accessor.poll_no_interesting_tasks(cx)).await;
                Ok(())
            });
            looped
                .await
                .and_then(|inner| inner)
                .map_err(Ended::at(Phase::Running))?;
            Ok(proxy)
        };
        match called.await {
            Ok(proxy) => instance.keep(proxy, invocation, &idle),
            // Before the store goes, and with it the body's other end: who reads the body asks why.
            Err(ended) => Ended::tell(&invocation, &ended),
        }
    };
    Started {
        guest: Box::pin(guest),
        response,
        is_shared: false,
    }
}
