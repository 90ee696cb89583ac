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
    current::Current,
    run::{Ended, Started},
    state::{self, State},
    verdict::Phase,
};
use crate::invocation::Invocation;

pub(super) fn start(
    runtime: &Runtime<Wasi03>,
    pre: &ServicePre<State<Wasi03>>,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<Started> {
    let current = Current::new(invocation);
    let mut store = runtime.store(&current, state::wasi(&current));
    let (head, response) = oneshot::channel();
    let pre = pre.clone();
    let invocation = Arc::clone(invocation);
    let guest = async move {
        let ended = async {
            let service = pre
                .instantiate_async(&mut store)
                .await
                .map_err(Ended::at(Phase::Instantiating))?;
            let proxy = Proxy::P3(service);
            let looped = store.run_concurrent(async |accessor| {
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
                .map_err(Ended::at(Phase::Running))
        };
        let ended = ended.await;
        // Before the store goes, and with it the body's other end: who reads the body asks why.
        Ended::tell(&invocation, ended);
        drop(store);
    };
    Ok(Started {
        guest: Box::pin(guest),
        response,
    })
}
