//! The path of a request: its id, its limits, its host, its function, and back. Whatever goes wrong
//! on it becomes one problem with that id.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    sync::{Arc, atomic::AtomicBool},
    time::Instant,
};

use bytes::Bytes;
use domain::{Failure, Limits, RequestId};
use futures::FutureExt as _;
use http::{HeaderValue, Method, Request, Response, Uri, header, uri::Authority};
use http_body::Body;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::{Error, WasiBody};

use crate::{
    access::{self, Granted},
    body::{RequestBody, ResponseBody},
    clock, forwarded,
    headers::{self, Origin},
    invocation::{About, Invocation},
    moved,
    node::Node,
    outcome::Failed,
    problem,
    response::{self, Asked},
    route::{self, Target},
    sandbox, tail,
    version::Version,
};

const MAX_URI_BYTES: usize = 8 << 10;
const MAX_HEADER_BYTES: usize = 32 << 10;

/// What is known of the connection that a request came on.
pub(crate) struct Connection {
    pub(crate) peer: SocketAddr,
    /// Absent where it is none of ours to end.
    pub(crate) tls: Option<Tls>,
    /// Ends it at once.
    pub(crate) cut: CancellationToken,
    /// Whether it ends with a reset: set while an answer is on its way whose end only the
    /// connection's end tells.
    pub(crate) reset: Arc<AtomicBool>,
}

pub(crate) struct Tls {
    /// That the handshake asked for (SNI).
    pub(crate) name: Option<String>,
}

impl Connection {
    pub(crate) fn new(peer: SocketAddr, tls: Option<Tls>) -> Self {
        Self {
            peer,
            tls,
            cut: CancellationToken::new(),
            reset: Arc::default(),
        }
    }
}

/// Answers a request, whatever becomes of it.
pub(crate) async fn answer<F>(
    accept: Option<&HeaderValue>,
    serve: impl FnOnce(RequestId) -> F,
) -> Response<ResponseBody>
where
    F: Future<Output = Result<Response<ResponseBody>, (Option<u32>, Failed)>>,
{
    let id = new_id();
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

/// Time-ordered like every id, without the lock that orders those of one millisecond.
fn new_id() -> RequestId {
    let millis = (clock::now().unix_timestamp_nanos() / 1_000_000) as u64;
    let uuid = uuid::Builder::from_unix_timestamp_millis(millis, &rand::random()).into_uuid();
    RequestId::from_uuid(uuid)
}

/// A call from the internet.
pub(crate) async fn public(
    node: &Arc<Node>,
    connection: &Connection,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, (Option<u32>, Failed)> {
    let started = Instant::now();
    let (client, scheme) = match &connection.tls {
        Some(_) => (connection.peer, "https"),
        None => forwarded::of(request.headers(), connection.peer, &node.trusted_proxies),
    };
    let routed = || {
        check_head(&request)?;
        let authority = route::authority(request.uri(), request.headers())?;
        let host = route::canonical_host(&authority);
        if let Some(tls) = &connection.tls
            && !node.tls.covers(tls.name.as_deref(), &host)
        {
            return Err(Failed::new(
                Failure::Misdirected,
                "this connection's certificate does not cover the host that the request is for",
            ));
        }
        let table = node.table.load();
        let asked = moved::Asked {
            scheme,
            authority: &authority,
            host: &host,
            uri: request.uri(),
        };
        if let Some(answer) = moved::led_on(&table, &node.apps_domain, &asked) {
            return Ok(Err(answer));
        }
        let target = route::find(&table, &node.apps_domain, &host, request.uri())?;
        Ok(Ok((authority, host, target)))
    };
    let (authority, host, target) = match routed().map_err(|failed| (None, failed))? {
        Ok(routed) => routed,
        Err(led_on) => return Ok(led_on),
    };
    let version = match access::of(node, &target, &request).map_err(|failed| (None, failed))? {
        Granted::Version(version) => version,
        Granted::Answer(answer) => return Ok(*answer),
    };
    let call = Call {
        id,
        started,
        client,
        scheme,
        authority,
        host,
        target,
        cut: &connection.cut,
        tail: false,
        caller: None,
    };
    invoke(node, call, version, request).await
}

/// The limits of a request's head that are told as problems; the parser has harder ones.
fn check_head(request: &Request<Incoming>) -> Result<(), Failed> {
    if request.method() == Method::CONNECT {
        return Err(Failed::new(
            Failure::BadRequest,
            "CONNECT asks for a tunnel, and a function is none",
        ));
    }
    let uri_bytes = request
        .uri()
        .path_and_query()
        .map_or(0, |path| path.as_str().len());
    if uri_bytes > MAX_URI_BYTES {
        let detail = format!("the URL has {uri_bytes} bytes, at most {MAX_URI_BYTES} are taken");
        return Err(
            Failed::new(Failure::UriTooLong, detail).over(MAX_URI_BYTES as u64, uri_bytes as u64)
        );
    }
    let sizes = request
        .headers()
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

/// A request that was let in, with where it goes.
pub(crate) struct Call<'a> {
    pub(crate) id: RequestId,
    pub(crate) started: Instant,
    pub(crate) client: SocketAddr,
    pub(crate) scheme: &'static str,
    pub(crate) authority: Authority,
    pub(crate) host: String,
    pub(crate) target: Target,
    pub(crate) cut: &'a CancellationToken,
    /// Whether the caller asked for the last log lines.
    pub(crate) tail: bool,
    /// The call that this one is made inside of.
    pub(crate) caller: Option<Arc<Invocation>>,
}

/// A body on its way in: of a connection, or of another function.
pub(crate) trait Arriving:
    Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static
{
}

impl<B: Body<Data = Bytes, Error: Into<Error>> + Send + Unpin + 'static> Arriving for B {}

/// Runs one version for one request.
pub(crate) async fn invoke(
    node: &Arc<Node>,
    call: Call<'_>,
    version: Arc<Version>,
    request: Request<impl Arriving>,
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
    request: Request<impl Arriving>,
) -> Result<Response<ResponseBody>, Failed> {
    let about = About {
        id: call.id,
        started: call.started,
        tenant: Arc::clone(&call.target.tenant),
        function: Arc::clone(&call.target.function),
        version,
        method: request.method().clone(),
        path: call.target.path(),
    };
    let checked = check_length(&about.function.limits, request.body());
    let ready = async {
        checked?;
        let permit = match &call.caller {
            None => node.admission.admit(&about.tenant, &about.function).await?,
            Some(_) => node.admission.inside()?,
        };
        let cold = !about.version.is_loaded();
        let guest = about.version.guest(&node.loader).await?;
        Ok((permit, cold, guest))
    };
    let (permit, cold, guest) = match ready.await {
        Ok(ready) => ready,
        Err(failed) => {
            node.telemetry.refused(&about, &failed);
            return Err(failed);
        }
    };
    let mut invocation = Invocation::new(about, permit, cold, call.tail, Arc::clone(node));
    if let Some(caller) = &call.caller {
        invocation = invocation.inside(Arc::clone(caller));
    }
    let invocation = Arc::new(invocation);

    let method = request.method().clone();
    let request = for_guest(&call, &invocation, request, node)?;
    let answer = sandbox::run(&node.sandbox, &guest, &invocation, request).await?;
    let asked = Asked {
        method: &method,
        host: &call.host,
        cut: call.cut,
    };
    let response = response::deliver(answer, &invocation, &asked, &node.limits).await?;
    if call.tail {
        return tail::with_logs(response, invocation).await;
    }
    Ok(response)
}

/// A declared length over the limit is refused before anything runs.
fn check_length(limits: &Limits, body: &impl Body) -> Result<(), Failed> {
    let limit = limits.request_body_bytes;
    match body.size_hint().exact() {
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
    request: Request<impl Arriving>,
    node: &Node,
) -> Result<Request<WasiBody>, Failed> {
    let (mut head, incoming) = request.into_parts();
    let origin = Origin {
        id: call.id,
        client: call.client,
        authority: call.authority.as_str(),
        scheme: call.scheme,
        version: invocation.about.version.number,
    };
    headers::for_guest(&mut head.headers, &call.target, &origin);
    head.uri = Uri::builder()
        .scheme(call.scheme)
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
