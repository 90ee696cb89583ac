//! The internal listener: calls that API servers make for members, and health.

use std::{sync::Arc, time::Instant};

use bytes::Bytes;
use domain::{Failure, FunctionId, RequestId, TenantId};
use http::{Method, Request, Response, StatusCode, header, uri::Authority};
use hyper::body::Incoming;
use tokio_util::sync::CancellationToken;

use crate::{
    access,
    body::ResponseBody,
    node::Node,
    outcome::Failed,
    preview::{self, Token},
    request::{self, Call, Connection},
    route::{Meets, Target},
    version::Version,
};

const INVOKE: &str = "/internal/v1/invoke/";
const METHOD: &str = "x-atoll-invoke-method";
const PATH: &str = "x-atoll-invoke-path";
const VERSION: &str = "x-atoll-invoke-version";
const LOGS: &str = "x-atoll-invoke-logs";

pub(crate) async fn serve(
    node: &Arc<Node>,
    connection: &Connection,
    stopping: &CancellationToken,
    id: RequestId,
    request: Request<Incoming>,
) -> Result<Response<ResponseBody>, (Option<u32>, Failed)> {
    match (request.method(), request.uri().path()) {
        (&Method::GET, "/healthz") => Ok(plain(StatusCode::OK, "ok\n")),
        (&Method::GET, "/readyz") if stopping.is_cancelled() => {
            Ok(plain(StatusCode::SERVICE_UNAVAILABLE, "draining\n"))
        }
        (&Method::GET, "/readyz") if node.table.load().position.is_none() => Ok(plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "no snapshot was applied yet\n",
        )),
        (&Method::GET, "/readyz") => Ok(plain(StatusCode::OK, "ready\n")),
        (&Method::POST, path) if path.starts_with(INVOKE) => {
            invoke(node, connection, id, request).await
        }
        _ => Err((None, Failed::new(Failure::NotFound, "nothing is here"))),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Response<ResponseBody> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()).into());
    *response.status_mut() = status;
    response
}

/// The same call that a request from outside makes, but of private functions too, and of a version
/// that may take no traffic.
async fn invoke(
    node: &Arc<Node>,
    connection: &Connection,
    id: RequestId,
    mut request: Request<Incoming>,
) -> Result<Response<ResponseBody>, (Option<u32>, Failed)> {
    let started = Instant::now();
    let prepared = prepare(node, &mut request);
    let (target, version) = prepared.map_err(|failed| (None, failed))?;
    let host = format!("{}.{}", target.tenant.slug, node.apps_domain);
    let authority = Authority::try_from(host.as_str()).map_err(|_| (None, Failed::internal()))?;
    let tail = take(&mut request, LOGS).map_err(|failed| (None, failed))?;
    let call = Call {
        id,
        started,
        client: connection.peer,
        scheme: "https",
        authority,
        host,
        target,
        cut: &connection.cut,
        tail: tail.as_deref() == Some("tail"),
        caller: None,
    };
    request::invoke(node, call, version, request).await
}

fn prepare(node: &Node, request: &mut Request<Incoming>) -> Result<(Target, Arc<Version>), Failed> {
    let not_found = || Failed::new(Failure::NotFound, "this worker knows no such function");
    let ids = request
        .uri()
        .path()
        .strip_prefix(INVOKE)
        .and_then(|rest| rest.split_once('/'));
    let ids = ids.and_then(|(tenant, function)| {
        Some((
            tenant.parse::<TenantId>().ok()?,
            function.parse::<FunctionId>().ok()?,
        ))
    });
    let (tenant, function) = ids.ok_or_else(not_found)?;
    authenticate(node, request, function)?;

    let table = node.table.load();
    let tenant = Arc::clone(table.tenant_by_id(tenant).ok_or_else(not_found)?);
    let function = Arc::clone(tenant.function_by_id(function).ok_or_else(not_found)?);
    let version = match take(request, VERSION)? {
        Some(number) => number
            .parse()
            .ok()
            .and_then(|number| function.version(number)),
        None => function.pick(rand::random_range(0..100)),
    };
    let version = Arc::clone(version.ok_or_else(access::gone)?);

    let malformed = |name| {
        Failed::new(
            Failure::BadRequest,
            format!("the header {name} is missing or malformed"),
        )
    };
    let method = take(request, METHOD)?.and_then(|text| Method::from_bytes(text.as_bytes()).ok());
    *request.method_mut() = method.ok_or_else(|| malformed(METHOD))?;
    let path = take(request, PATH)?.filter(|path| path.starts_with('/'));
    let target = Target {
        prefix: format!("/{}", function.name),
        pattern: format!("/{}/...", function.name),
        meets: Meets::Traffic,
        path_and_query: path.ok_or_else(|| malformed(PATH))?,
        tenant,
        function,
    };
    access::is_serving(&target)?;
    Ok((target, version))
}

fn authenticate(
    node: &Node,
    request: &mut Request<Incoming>,
    function: FunctionId,
) -> Result<(), Failed> {
    let refused = || {
        Failed::new(
            Failure::Unauthenticated,
            "the call carries no valid token for this function",
        )
    };
    // Ours, not the guest's to see.
    let bearer = request
        .headers_mut()
        .remove(header::AUTHORIZATION)
        .ok_or_else(refused)?;
    let token = bearer
        .to_str()
        .ok()
        .and_then(|value| value.strip_prefix("Bearer "));
    let keys = node.loader.keys.load_full().ok_or_else(refused)?;

    match preview::check(token.ok_or_else(refused)?, "invoke", function, &keys) {
        Token::Valid => Ok(()),
        Token::Expired | Token::Foreign => Err(refused()),
    }
}

fn take(request: &mut Request<Incoming>, name: &str) -> Result<Option<String>, Failed> {
    let Some(value) = request.headers_mut().remove(name) else {
        return Ok(None);
    };
    let text = value.to_str().map(str::to_owned);
    text.map(Some).map_err(|_| {
        Failed::new(
            Failure::BadRequest,
            format!("the header {name} is malformed"),
        )
    })
}
