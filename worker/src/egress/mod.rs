//! Requests that functions send: judged by the function's allowed hosts, resolved once, connected to
//! the address that was judged, counted, and bounded in time and bytes.
//!
//! Connections belong to the process's main runtime and not to the thread of the call: they outlive
//! it, one pool serves all threads, and what a tenant has open can be counted.

mod address;
mod body;
mod connect;
mod failure;
mod pool;
mod resolve;
mod tls;

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::{Duration, Instant},
};

use domain::egress::{AllowedHosts, Scheme, canonical_host, internal_function};
use http::{HeaderMap, Method, Request, Response, Uri, header};
use http_body_util::BodyExt as _;
use ipnet::IpNet;
use tokio::runtime::Handle;
use tokio_util::task::AbortOnDropHandle;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

pub use resolve::{Resolve, Resolved, SystemResolver};

use crate::{headers::remove_where, invocation::Invocation, nested, node::Node};
use address::Guard;
use body::{Received, Sent};
use connect::{CONNECT_WITHIN, Connector};
use pool::Pools;

/// What a request gets that names no timeouts of its own, or longer ones.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(60);
const BETWEEN_BYTES_TIMEOUT: Duration = Duration::from_secs(60);

/// What the operator says of requests that leave the machine.
#[derive(Clone)]
pub struct Settings {
    /// Networks that no function reaches, besides those that are not public.
    pub deny: Vec<IpNet>,
    /// Networks that functions may reach although they are not public.
    pub allow: Vec<IpNet>,
    /// More authorities than the system's, PEM.
    pub ca: Option<PathBuf>,
    pub resolver: Arc<dyn Resolve>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            deny: Vec::new(),
            allow: Vec::new(),
            ca: None,
            resolver: Arc::new(SystemResolver),
        }
    }
}

pub(crate) struct Egress {
    runtime: Handle,
    pools: Pools,
}

impl Egress {
    /// `own` are the worker's listeners. To be called within the runtime that shall own the connections.
    pub(crate) fn new(settings: Settings, own: Vec<SocketAddr>) -> anyhow::Result<Self> {
        let connector = Connector {
            tls: tls::client(settings.ca.as_deref())?,
            guard: Guard {
                own,
                deny: settings.deny,
                allow: settings.allow,
            },
            resolver: settings.resolver,
        };
        Ok(Self {
            runtime: Handle::current(),
            pools: Pools::new(connector),
        })
    }
}

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Destination {
    pub(crate) scheme: Scheme,
    /// Canonical; an IPv6 address is in brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Destination {
    fn of(uri: &Uri) -> Option<Self> {
        let scheme = match uri.scheme_str()? {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        let authority = uri.authority()?;
        // Credentials in a URL are sent by nobody and logged by somebody.
        if authority.host().is_empty() || authority.as_str().contains('@') {
            return None;
        }
        let port = match authority.as_str().rsplit_once(':') {
            Some((_, port)) if !port.ends_with(']') => {
                port.parse().ok().filter(|&port| port > 0)?
            }
            _ => scheme.default_port(),
        };
        Some(Self {
            scheme,
            host: canonical_host(authority.host()),
            port,
        })
    }

    /// With the port spelt out only where it is not the scheme's.
    pub(crate) fn authority(&self) -> String {
        if self.port == self.scheme.default_port() {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

impl std::fmt::Display for Destination {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", self.scheme.name(), self.authority())
    }
}

/// Takes one of the requests that the call may send.
pub(crate) fn count(invocation: &Invocation) -> Result<(), Error> {
    let limit = invocation.limits.outbound_requests;
    let counted = invocation
        .outbound_requests
        .fetch_update(Relaxed, Relaxed, |sent| (sent < limit).then_some(sent + 1));
    counted.map_err(|_| Error::ConnectionLimitReached)?;
    Ok(())
}

/// Sends a request that was counted. What goes wrong before the head is told in the tenant's log.
pub(crate) async fn send(
    node: &Arc<Node>,
    invocation: Arc<Invocation>,
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Error> {
    let Some(to) = Destination::of(request.uri()) else {
        invocation.log.platform(
            "warn",
            "a request was not sent: its address is not a host of http or https",
        );
        return Err(Error::HttpRequestUriInvalid);
    };
    let sent = judge_and_send(node, &invocation, &to, request, options).await;
    sent.map_err(|refused| {
        let text = format!("the request to {to} failed: {}", refused.reason);
        invocation.log.platform("warn", &text);
        refused.error
    })
}

/// What the guest is told, and what the tenant reads.
struct Refused {
    error: Error,
    reason: String,
}

impl Refused {
    fn new(error: Error, reason: impl Into<String>) -> Self {
        Self {
            error,
            reason: reason.into(),
        }
    }
}

async fn judge_and_send(
    node: &Arc<Node>,
    invocation: &Arc<Invocation>,
    to: &Destination,
    mut request: Request<WasiBody>,
    options: Option<RequestOptions>,
) -> Result<Response<WasiBody>, Refused> {
    let allowed = &invocation.about.function.allowed_outbound_hosts;
    if !allowed.allows(to.scheme, &to.host, to.port) {
        let reason = "no entry of the function's allowed_outbound_hosts allows it";
        return Err(Refused::new(Error::HttpRequestDenied, reason));
    }
    if request.method() == Method::CONNECT {
        let reason = "tunnels are not offered";
        return Err(Refused::new(Error::HttpRequestMethodInvalid, reason));
    }
    let timeouts = Timeouts::of(options, invocation.deadline());
    clean(request.headers_mut());
    let request = request.map(|body| Sent::new(body, Arc::clone(invocation)).boxed_unsync());
    let response = match internal_function(&to.host) {
        Some(function) => {
            invocation.count_inside().map_err(|limit| {
                let reason =
                    format!("{limit} calls of functions are all that one call may lead to");
                Refused::new(Error::ConnectionLimitReached, reason)
            })?;
            let called = nested::call(node, invocation, &function, to, request);
            tokio::time::timeout(timeouts.first_byte, called)
                .await
                .map_err(|_elapsed| no_response(timeouts.first_byte))?
                .map_err(|error| Refused::new(error, "the platform failed"))?
        }
        None => over_the_network(&node.egress, invocation, allowed, to, request, timeouts).await?,
    };
    Ok(response.map(|body| {
        Received::new(body, Arc::clone(invocation), timeouts.between_bytes).boxed_unsync()
    }))
}

async fn over_the_network(
    egress: &Egress,
    invocation: &Invocation,
    allowed: &Arc<AllowedHosts>,
    to: &Destination,
    mut request: Request<WasiBody>,
    timeouts: Timeouts,
) -> Result<Response<WasiBody>, Refused> {
    *request.uri_mut() = uri(to, request.uri())?;
    let lease = egress.pools.lease(invocation.about.tenant.id, allowed);
    let exchange = CONNECT_WITHIN.scope(timeouts.connect, async move {
        tokio::time::timeout(timeouts.head, lease.client.request(request)).await
    });
    // Dropped with the call, and with it the request.
    let exchange = AbortOnDropHandle::new(egress.runtime.spawn(exchange));
    match exchange.await {
        Ok(Ok(Ok(response))) => Ok(response.map(|body| {
            body.map_err(|error| failure::of_response(&error))
                .boxed_unsync()
        })),
        Ok(Ok(Err(error))) => Err(failure::of_request(&error, invocation)),
        Ok(Err(_elapsed)) => Err(no_response(timeouts.head)),
        Err(_) => Err(Refused::new(
            Error::InternalError(None),
            "the worker is going away",
        )),
    }
}

fn no_response(within: Duration) -> Refused {
    let reason = format!("no response began within {} ms", within.as_millis());
    Refused::new(Error::HttpResponseTimeout, reason)
}

fn uri(to: &Destination, asked: &Uri) -> Result<Uri, Refused> {
    let path = asked.path_and_query().map_or("/", |path| path.as_str());
    Uri::builder()
        .scheme(to.scheme.name())
        .authority(to.authority())
        .path_and_query(path)
        .build()
        .map_err(|_| Refused::new(Error::HttpRequestUriInvalid, "its address is malformed"))
}

/// Removes what is not a guest's to say to another host. The framing is made by the client.
fn clean(headers: &mut HeaderMap) {
    headers.remove(header::HOST);
    if headers.get(header::TE).is_some_and(|te| te != "trailers") {
        headers.remove(header::TE);
    }
    remove_ours(headers);
}

fn remove_ours(headers: &mut HeaderMap) {
    remove_where(headers, |name| name.as_str().starts_with("x-atoll-"));
}

/// A guest's timeouts, none longer than ours, and none beyond its call.
#[derive(Clone, Copy)]
struct Timeouts {
    connect: Duration,
    first_byte: Duration,
    /// Both: from the start to the response's head, where a connection may have to be made.
    head: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    fn of(options: Option<RequestOptions>, deadline: Instant) -> Self {
        let left = deadline.saturating_duration_since(Instant::now());
        let asked = |timeout: Option<Duration>, most: Duration| {
            timeout.map_or(most, |timeout| timeout.min(most)).min(left)
        };
        let connect = asked(options.and_then(|o| o.connect_timeout), CONNECT_TIMEOUT);
        let first_byte = asked(
            options.and_then(|o| o.first_byte_timeout),
            FIRST_BYTE_TIMEOUT,
        );
        Self {
            connect,
            first_byte,
            head: (connect + first_byte).min(left),
            between_bytes: asked(
                options.and_then(|o| o.between_bytes_timeout),
                BETWEEN_BYTES_TIMEOUT,
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn destination(uri: &str) -> Option<String> {
        Some(Destination::of(&uri.parse().ok()?)?.to_string())
    }

    #[test]
    fn a_destination_is_told_without_what_should_not_be_logged() {
        let told = destination("https://API.Example.com./path?token=secret");
        assert_eq!(told.as_deref(), Some("https://api.example.com"));
        let told = destination("http://[2001:db8::1]:8080/");
        assert_eq!(told.as_deref(), Some("http://[2001:db8::1]:8080"));
        assert_eq!(
            destination("http://[::1]/").as_deref(),
            Some("http://[::1]")
        );
        for refused in [
            "http://user:secret@example.com/",
            "ftp://example.com/",
            "http://example.com:0/",
            "http://example.com:/",
            "/path",
        ] {
            assert_eq!(destination(refused), None, "{refused}");
        }
    }

    #[test]
    fn a_guest_shortens_timeouts_and_never_lengthens_them() {
        let options = RequestOptions {
            connect_timeout: Some(Duration::from_secs(600)),
            first_byte_timeout: Some(Duration::from_millis(5)),
            between_bytes_timeout: None,
        };
        let far = Timeouts::of(Some(options), Instant::now() + Duration::from_secs(300));
        assert_eq!(far.connect, CONNECT_TIMEOUT);
        assert_eq!(far.head, CONNECT_TIMEOUT + Duration::from_millis(5));
        assert_eq!(far.between_bytes, BETWEEN_BYTES_TIMEOUT);
        let near = Timeouts::of(None, Instant::now());
        assert_eq!((near.connect, near.head), (Duration::ZERO, Duration::ZERO));
    }

    #[test]
    fn a_guest_does_not_speak_for_the_platform() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "evil"),
            ("te", "gzip"),
            ("x-atoll-function", "forged"),
            ("accept", "*/*"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        clean(&mut headers);
        let left: Vec<_> = headers.keys().map(http::HeaderName::as_str).collect();
        assert_eq!(left, ["accept"]);
    }
}
