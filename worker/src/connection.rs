//! One connection: its handshake, its protocol, and its end.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering::Relaxed},
    time::Duration,
};

use http::{
    HeaderValue, Request, Version,
    header::{ACCEPT, CONNECTION},
};
use hyper::{
    body::{Body as _, Incoming},
    rt::{Read, Write},
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::{
    internal,
    node::Node,
    put_off::after_writing,
    request::{self, Connection, Tls},
    socket::Socket,
};

const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// For a request's head, and for the next one on a connection that is kept.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// A head larger than this is refused by the parser, without a word from us.
const MAX_HEAD_BYTES: usize = 128 << 10;
const MAX_STREAMS: u32 = 128;

/// What a socket is for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose {
    /// Callers of functions, over TLS.
    Functions,
    /// The same behind a proxy that has ended TLS.
    FunctionsPlain,
    /// API servers, and whoever asks after our health.
    Internal,
}

pub(crate) async fn serve(
    purpose: Purpose,
    node: Arc<Node>,
    stream: TcpStream,
    client: SocketAddr,
    stop: CancellationToken,
) {
    match purpose {
        Purpose::Functions => over_tls(node, stream, client, stop).await,
        Purpose::FunctionsPlain => {
            // Over TLS a stream without its closing alert tells the same as a reset.
            let connection = Arc::new(Connection::new(client, None));
            let socket = Socket::new(stream, Arc::clone(&connection.reset));
            functions(node, connection, TokioIo::new(socket), false, stop).await;
        }
        Purpose::Internal => internal(node, stream, client, stop).await,
    }
}

async fn over_tls(node: Arc<Node>, stream: TcpStream, client: SocketAddr, stop: CancellationToken) {
    let acceptor = TlsAcceptor::from(Arc::clone(&node.tls.config));
    // Scanners and clients that do not trust the CA fail here all day long: no word in the log.
    let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await
    else {
        return;
    };
    let session = stream.get_ref().1;
    let is_h2 = session.alpn_protocol() == Some(b"h2");
    let tls = Tls {
        name: session.server_name().map(str::to_ascii_lowercase),
    };
    let connection = Arc::new(Connection::new(client, Some(tls)));
    functions(node, connection, TokioIo::new(stream), is_h2, stop).await;
}

async fn functions<I>(
    node: Arc<Node>,
    connection: Arc<Connection>,
    io: I,
    is_h2: bool,
    stop: CancellationToken,
) where
    I: Read + Write + Unpin + Send + 'static,
{
    let (cut, reset) = (connection.cut.clone(), Arc::clone(&connection.reset));
    let service = service_fn(move |request: Request<Incoming>| {
        let (node, connection) = (Arc::clone(&node), Arc::clone(&connection));
        if request.version() == Version::HTTP_10 {
            connection.reset.store(true, Relaxed);
        }
        async move {
            let accept = request.headers().get(ACCEPT).cloned();
            let is_http_10 = request.version() == Version::HTTP_10;
            let serve = |id| request::public(&node, &connection, id, request);
            let mut response = request::answer(accept.as_ref(), serve).await;
            if is_http_10 && response.body().size_hint().exact().is_none() {
                // Else it would be told to keep what has to end with the body.
                let close = HeaderValue::from_static("close");
                response.headers_mut().insert(CONNECTION, close);
            }
            Ok::<_, Infallible>(response)
        }
    });
    if is_h2 {
        let connection = http2().serve_connection(io, service);
        drive!(connection, stop, cut, reset);
    } else {
        let connection = http1().serve_connection(io, service);
        drive!(connection, stop, cut, reset);
    }
}

async fn internal(node: Arc<Node>, stream: TcpStream, client: SocketAddr, stop: CancellationToken) {
    let connection = Arc::new(Connection::new(client, None));
    let (cut, reset) = (connection.cut.clone(), Arc::clone(&connection.reset));
    let stopping = stop.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (node, connection, stopping) =
            (Arc::clone(&node), Arc::clone(&connection), stopping.clone());
        async move {
            let accept = request.headers().get(ACCEPT).cloned();
            let serve = |id| internal::serve(&node, &connection, &stopping, id, request);
            Ok::<_, Infallible>(request::answer(accept.as_ref(), serve).await)
        }
    });
    let connection = http1().serve_connection(TokioIo::new(stream), service);
    drive!(connection, stop, cut, reset);
}

fn http1() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_header_list_size(MAX_HEAD_BYTES as u32)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(20));
    builder
}

/// Drives a connection to its end: at once when it is cut, after the requests in flight when the
/// worker stops. The two kinds of connection have no trait in common.
macro_rules! drive {
    ($connection:expr, $stop:expr, $cut:expr, $reset:expr) => {{
        let mut connection = std::pin::pin!($connection);
        let ended = async {
            let ended = tokio::select! {
                ended = connection.as_mut() => ended,
                () = $stop.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            };
            if ended.is_ok() {
                $reset.store(false, Relaxed);
            }
        };
        tokio::select! {
            () = after_writing(ended) => {}
            () = $cut.cancelled() => {}
        }
    }};
}
use drive;
