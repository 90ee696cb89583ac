//! The path of a request: its id, its limits, its host, its function, and back. Whatever goes wrong
//! on it becomes one problem with that id.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc, sync::atomic::Ordering::Relaxed};

use domain::{Failure, Limits, RequestId, function::Access, tenant::TenantState};
use futures::FutureExt as _;
use http::{HeaderMap, HeaderValue, Request, Response, Uri, header, uri::Authority};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use crate::{
    body::{RequestBody, ResponseBody},
    headers::{self, Origin},
    invocation::{Invocation, Place},
    node::Node,
    outcome::Failed,
    problem,
    response::{self, Asked},
    route::{self, Target},
    sandbox,
    version::Version,
};

const MAX_URI_BYTES: usize = 8 << 10;
const MAX_HEADER_BYTES: usize = 32 << 10;

/// What is known of the connection that a request came on.
pub(crate) struct Connection {
    pub(crate) client: SocketAddr,
    /// The name its TLS handshake asked for.
    pub(crate) sni: Option<String>,
    /// Ends it at once.
    pub(crate) cut: CancellationToken,
}

/// Answers a request, whatever becomes of it.
pub(crate) async fn answer<F>(
    accept: Option<&HeaderValue>,
    serve: impl FnOnce(RequestId) -> F,
) -> Response<ResponseBody>
where
    F: Future<Output = Result<Response<ResponseBody>, (Option<u32>, Failed)>>,
{
    let id = RequestId::generate();
    let html = problem::prefers_html(accept);
    let served = AssertUnwindSafe(serve(id)).catch_unwind().await;
    let served = served.unwrap_or_else(|panic| {
        let panic = sandbox::panic_text(panic.as_ref());
        tracing::error!(request_id = %id, panic, "the path of a request panicked");
        Err((None, Failed::internal()))
    });
    let mut response = served.unwrap_or_else(|(version, failed)| {
        let mut problem = problem::response(&failed, id, html).map(ResponseBody::from);
        if let Some(version) = version {
            problem
                .headers_mut()
                .insert("x-atoll-version", version.into());
        }
        problem
    });
    let id = HeaderValue::from_str(&id.to_string()).expect("an id is of letters and digits");
    response.headers_mut().insert("x-request-id", id);
    response
}

/// A call from the internet.
pub(crate) async fn public(
    node: &Arc<Node>,
    connection: &Connection,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, (Option<u32>, Failed)> {
    let routed = || {
        check_head(request.uri(), request.headers())?;
        let authority = route::authority(request.uri(), request.headers())?;
        let host = route::canonical_host(&authority);
        if !node.tls.covers(connection.sni.as_deref(), &host) {
            return Err(Failed::new(
                Failure::Misdirected,
                "this connection's certificate does not cover the host that the request is for",
            ));
        }
        let target = route::find(&node.table.load(), &node.apps_domain, &host, request.uri())?;
        may_anybody_call(&target)?;
        Ok((authority, host, target))
    };
    let (authority, host, target) = routed().map_err(|failed| (None, failed))?;
    let version = target.function.pick(rand::random_range(0..100)).cloned();
    let version = version.ok_or_else(|| (None, Failed::internal()))?;
    let call = Call {
        id,
        client: connection.client,
        authority,
        host,
        target,
        cut: &connection.cut,
    };
    invoke(node, call, version, request).await
}

/// The limits of a request's head that are told as problems; the parser has harder ones.
fn check_head(uri: &Uri, headers: &HeaderMap) -> Result<(), Failed> {
    let uri_bytes = uri.path_and_query().map_or(0, |path| path.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        let detail = format!("the URL has {uri_bytes} bytes, at most {MAX_URI_BYTES} are taken");
        return Err(
            Failed::new(Failure::UriTooLong, detail).over(MAX_URI_BYTES as u64, uri_bytes as u64)
        );
    }
    let sizes = headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + 4);
    let header_bytes: usize = sizes.sum();
    if header_bytes > MAX_HEADER_BYTES {
        let detail =
            format!("the headers have {header_bytes} bytes, at most {MAX_HEADER_BYTES} are taken");
        let failed = Failed::new(Failure::HeadersTooLarge, detail);
        return Err(failed.over(MAX_HEADER_BYTES as u64, header_bytes as u64));
    }
    Ok(())
}

fn may_anybody_call(target: &Target) -> Result<(), Failed> {
    is_serving(target)?;
    match target.function.access {
        Access::Public => Ok(()),
        Access::Private => Err(Failed::new(
            Failure::Forbidden,
            "this function is private: members of its tenant call it through the API's /invoke",
        )),
    }
}

/// Whether the function may run at all, whoever calls.
pub(crate) fn is_serving(target: &Target) -> Result<(), Failed> {
    match target.tenant.state {
        TenantState::Active => {}
        TenantState::Suspended => {
            return Err(Failed::new(
                Failure::TenantSuspended,
                "the tenant of this function is suspended",
            ));
        }
        TenantState::Deleted => {
            return Err(Failed::new(
                Failure::NotFound,
                "no function answers at this address",
            ));
        }
    }
    if !target.function.enabled {
        return Err(Failed::new(
            Failure::FunctionDisabled,
            "this function is disabled by its tenant",
        ));
    }
    if let Some(feature) = &target.function.lacking {
        let detail = format!("the function needs `{feature}`, which this worker's release lacks");
        return Err(Failed::new(Failure::UnsupportedFeature, detail));
    }
    Ok(())
}

/// A request that was let in, with where it goes.
pub(crate) struct Call<'a> {
    pub(crate) id: RequestId,
    pub(crate) client: SocketAddr,
    pub(crate) authority: Authority,
    pub(crate) host: String,
    pub(crate) target: Target,
    pub(crate) cut: &'a CancellationToken,
}

/// Runs one version for one request.
pub(crate) async fn invoke(
    node: &Arc<Node>,
    call: Call<'_>,
    version: Arc<Version>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, (Option<u32>, Failed)> {
    let number = version.number;
    let run = run(node, call, version, request).await;
    run.map(|mut response| {
        response
            .headers_mut()
            .insert("x-atoll-version", number.into());
        response
    })
    .map_err(|failed| (Some(number), failed))
}

async fn run(
    node: &Arc<Node>,
    call: Call<'_>,
    version: Arc<Version>,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, Failed> {
    check_length(&call.target.function.limits, &request)?;
    let guest = version.guest(&node.loader).await?;
    let permit = Arc::clone(&node.places).try_acquire_owned().map_err(|_| {
        Failed::new(
            Failure::NoCapacity,
            "this worker runs as many calls as it can; try again",
        )
    })?;
    let place = Place::take(permit, &node.in_flight);
    let (tenant, function) = (
        Arc::clone(&call.target.tenant),
        Arc::clone(&call.target.function),
    );
    let invocation = Arc::new(Invocation::new(call.id, tenant, function, version, place));

    let method = request.method().clone();
    let request = for_guest(&call, &invocation, request, node)?;
    let answer = sandbox::run(&node.sandbox, &guest, &invocation, request).await?;
    let asked = Asked {
        method: &method,
        host: &call.host,
        cut: call.cut,
    };
    response::deliver(answer, &invocation, &asked, &node.limits).await
}

/// A declared length over the limit is refused before anything runs.
fn check_length(limits: &Limits, request: &Request<Incoming>) -> Result<(), Failed> {
    let limit = limits.request_body_bytes;
    match request.body().size_hint().exact() {
        Some(bytes) if bytes > limit => {
            let detail =
                format!("the request's body has {bytes} bytes, this function takes {limit}");
            Err(Failed::new(Failure::RequestTooLarge, detail).over(limit, bytes))
        }
        _ => Ok(()),
    }
}

/// The request as the function sees it.
fn for_guest(
    call: &Call<'_>,
    invocation: &Arc<Invocation>,
    request: Request<Incoming>,
    node: &Node,
) -> Result<Request<wasmtime_wasi_http::WasiBody>, Failed> {
    let (mut head, incoming) = request.into_parts();
    let origin = Origin {
        id: call.id,
        client: call.client,
        authority: call.authority.as_str(),
        version: invocation.version.number,
    };
    headers::for_guest(&mut head.headers, &call.target, &origin);
    head.uri = Uri::builder()
        .scheme("https")
        .authority(call.authority.clone())
        .path_and_query(call.target.path_and_query.as_str())
        .build()
        .map_err(|_| Failed::new(Failure::BadRequest, "the request's path is malformed"))?;
    if incoming.is_end_stream() {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let body = RequestBody::new(incoming, Arc::clone(invocation), node.limits.stall);
    Ok(Request::from_parts(head, body.boxed_unsync()))
}

impl Node {
    pub(crate) fn calls_in_flight(&self) -> u32 {
        self.in_flight.load(Relaxed)
    }
}
