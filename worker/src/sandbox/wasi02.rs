//! Guests of `wasi:http/incoming-handler@0.2`: called directly, without the machinery of
//! concurrent components.

use std::sync::Arc;

use futures::channel::oneshot;
use wasmtime_wasi_http::{
    WasiBody, WasiHttpView as _,
    p2::bindings::{ProxyPre, http::types::Scheme},
};

use super::{
    Runtime, Wasi02,
    current::Current,
    run::{Ended, Started},
    state::{self, State},
    verdict::Phase,
};
use crate::invocation::Invocation;

pub(super) fn start(
    runtime: &Runtime<Wasi02>,
    pre: &ProxyPre<State<Wasi02>>,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<Started> {
    let current = Current::new(invocation);
    let mut store = runtime.store(&current, state::wasi(&current));
    let (head, response) = oneshot::channel();
    let scheme = match request.uri().scheme_str() {
        Some("http") => Scheme::Http,
        _ => Scheme::Https,
    };
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
    let pre = pre.clone();
    let invocation = Arc::clone(invocation);
    let guest = async move {
        let ended = async {
            let proxy = pre
                .instantiate_async(&mut store)
                .await
                .map_err(Ended::at(Phase::Instantiating))?;
            let handler = proxy.wasi_http_incoming_handler();
            handler
                .call_handle(&mut store, request, answer)
                .await
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
