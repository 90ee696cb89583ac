//! Calls between functions of one tenant: `http://<function>.atoll.internal/…`, without a network.
//!
//! The callee runs as if it had been called from outside, with its own limits, log and record. It is
//! let in with its caller: waiting for admission, a chain could wait for itself.

use std::{net::SocketAddr, sync::Arc, time::Instant};

use domain::{Failure, egress::Scheme};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::{
    access,
    egress::Destination,
    invocation::Invocation,
    node::Node,
    outcome::Failed,
    request::{self, Call},
    route::{Meets, Target},
    version::Version,
};

/// Calls that a call may be inside of.
const MAX_DEPTH: u8 = 5;
/// What a callee is told of its caller, as Spin has it.
const CLIENT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// The function's response, or the problem that a caller from outside would get.
pub(crate) async fn call(
    node: &Arc<Node>,
    caller: &Arc<Invocation>,
    function: &str,
    to: &Destination,
    request: Request<WasiBody>,
) -> Result<Response<WasiBody>, Error> {
    let (node, caller) = (Arc::clone(node), Arc::clone(caller));
    let (function, to) = (function.to_owned(), to.clone());
    // A task of its own: a caller of WASI 0.3 would be billed for the callee's time.
    let answered = tokio::spawn(async move {
        let accept = request.headers().get(http::header::ACCEPT).cloned();
        request::answer(accept.as_ref(), async |id| {
            let found = find(&node, &caller, &function, &request);
            let (target, version) = found.map_err(|failed| (None, failed))?;
            let authority = to.authority();
            let call = Call {
                id,
                started: Instant::now(),
                client: CLIENT,
                scheme: match to.scheme {
                    Scheme::Http => "http",
                    Scheme::Https => "https",
                },
                authority: authority.parse().map_err(|_| (None, Failed::internal()))?,
                host: to.host.clone(),
                target,
                cut: &CancellationToken::new(),
                tail: false,
                caller: Some(Arc::clone(&caller)),
            };
            request::invoke(&node, call, version, request).await
        })
        .await
    });
    let answered = AbortOnDropHandle::new(answered).await;
    let response = answered.map_err(|_| Error::InternalError(None))?;
    Ok(response.map(|body| {
        // Its own record says how it broke off.
        body.map_err(|_failed| Error::HttpResponseIncomplete)
            .boxed_unsync()
    }))
}

fn find(
    node: &Node,
    caller: &Invocation,
    function: &str,
    request: &Request<WasiBody>,
) -> Result<(Target, Arc<Version>), Failed> {
    if caller.depth >= MAX_DEPTH {
        let detail = format!("functions call each other more than {MAX_DEPTH} deep");
        return Err(Failed::new(Failure::LoopDetected, detail));
    }
    let not_found = || {
        let detail = format!("the tenant has no function `{function}` that is live");
        Failed::new(Failure::NotFound, detail)
    };
    // The caller's own tenant and no other, whatever the name says.
    let table = node.table.load();
    let tenant = table
        .tenant_by_id(caller.about.tenant.id)
        .ok_or_else(not_found)?;
    let function = tenant
        .function(function)
        .filter(|function| function.is_deployed())
        .ok_or_else(not_found)?;
    let path = request.uri().path_and_query();
    let target = Target {
        tenant: Arc::clone(tenant),
        function: Arc::clone(function),
        prefix: String::new(),
        pattern: "/...".to_owned(),
        path_and_query: path.map_or("/", |path| path.as_str()).to_owned(),
        meets: Meets::Traffic,
    };
    let version = access::of_inside(node, &target, request.headers())?;
    Ok((target, version))
}
