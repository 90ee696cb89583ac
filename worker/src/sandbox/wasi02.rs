//! Guests of `wasi:http/incoming-handler@0.2`: called directly, without the machinery of
//! concurrent components.

use std::sync::Arc;

use futures::channel::oneshot;
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView as _,
    p2::bindings::{Proxy, ProxyPre, http::types::Scheme},
};

use super::{
    Runtime, Wasi02,
    idle::Room,
    instance::Instance,
    run::{Ended, Started},
    state::State,
    verdict::Phase,
};
use crate::invocation::Invocation;

/// A loaded version.
pub(crate) struct Http02 {
    pub(super) pre: ProxyPre<State<Wasi02>>,
    pub(super) idle: Arc<Room<Instance<Wasi02, Proxy>>>,
}

pub(super) fn start(
    runtime: &Runtime<Wasi02>,
    guest: &Http02,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<Started> {
    let mut instance = Instance::take(runtime, &guest.idle, invocation);
    let (head, response) = oneshot::channel();
    let scheme = match request.uri().scheme_str() {
        Some("http") => Scheme::Http,
        _ => Scheme::Https,
    };
    let store = &mut instance.store;
    let request = store
        .data_mut()
        .http()
        .new_incoming_request(scheme, request)?;
    let answer = store
        .data_mut()
        .http()
        .new_response_outparam_from_callback(move |given| {
            // Nobody may be waiting any more.
            let _ = head.send(given.map_err(Into::into));
        })?;
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
                    .map_err(Ended::at(Phase::Instantiating))?,
            };
            let handler = proxy.wasi_http_incoming_handler();
            handler
                .call_handle(&mut instance.store, request, answer)
                .await
                .map_err(Ended::at(Phase::Running))?;
            Ok(proxy)
        };
        match called.await {
            Ok(proxy) => instance.keep(proxy, invocation, &idle),
            // Before the store goes, and with it the body's other end: who reads the body asks why.
            Err(ended) => Ended::tell(&invocation, &ended),
        }
    };
    Ok(Started {
        guest: Box::pin(guest),
        response,
        is_shared: false,
    })
}
