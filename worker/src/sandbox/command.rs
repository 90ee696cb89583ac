//! Commands: `wasi:cli/run` as a CGI program, its variables the request, its stdin the body, its
//! stdout the response.

use std::sync::Arc;

use futures::channel::oneshot;
use wasmtime::format_err;
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::WasiBody;

use super::{
    Runtime, Wasi02, cgi,
    current::Current,
    run::{Ended, Started},
    state::{self, State},
    stdio::{Stdin, Stdout},
    verdict::Phase,
};
use crate::{invocation::Invocation, put_off::put_off};

pub(super) fn start(
    runtime: &Runtime<Wasi02>,
    pre: &CommandPre<State<Wasi02>>,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> wasmtime::Result<Started> {
    let current = Current::new(invocation);
    let (answer, response) = oneshot::channel();
    let stdout = Stdout::new(answer);
    let (parts, body) = request.into_parts();

    let mut wasi = state::wasi(&current);
    for (name, value) in cgi::variables(&parts) {
        wasi.env(name, value);
    }
    wasi.arg(&invocation.about.function.name)
        .stdin(Stdin::new(body))
        .stdout(stdout.clone());
    let mut store = runtime.store(&current, wasi);

    let pre = pre.clone();
    let invocation = Arc::clone(invocation);
    let guest = async move {
        let ended = async {
            let command = pre
                .instantiate_async(&mut store)
                .await
                .map_err(Ended::at(Phase::Instantiating))?;
            let run = command.wasi_cli_run().call_run(&mut store).await;
            run.and_then(|result| {
                result.map_err(|()| format_err!("the command ended with an error"))
            })
            .map_err(Ended::at(Phase::Running))
        };
        if let Err(ended) = ended.await {
            // Before the store goes, and with it the body's other end: who reads the body asks why.
            Ended::tell(&invocation, &ended);
        }
        stdout.close();
        put_off((store, invocation));
    };
    Ok(Started {
        guest: Box::pin(guest),
        response,
        is_shared: false,
    })
}
