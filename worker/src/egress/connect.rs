//! One connection: a name resolved once, its addresses judged, and no other connected to.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Weak},
    task::{Context, Poll},
    time::Duration,
};

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::{
    client::legacy::connect::{Connected, Connection},
    rt::TokioIo,
};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    sync::OwnedSemaphorePermit,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use super::{address::Guard, pool::TenantPool, resolve::Resolve};

/// Of a name that has many; each gets its share of the time.
const MOST_ADDRESSES: usize = 4;

tokio::task_local! {
    /// The time that the request which opens a connection gives it: its client knows of a request
    /// no more than the address.
    pub(super) static CONNECT_WITHIN: Duration;
}

pub(super) struct Connector {
    pub(super) tls: Arc<ClientConfig>,
    pub(super) guard: Guard,
    pub(super) resolver: Arc<dyn Resolve>,
}

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unconnected {
    /// Without the address: names of the operator's network are not for tenants to look up.
    #[error("{host} has no address that functions may reach: it {why}")]
    Prohibited { host: String, why: &'static str },
    #[error("its name could not be resolved: {0}")]
    Dns(io::Error),
    #[error("its name has no address")]
    NoAddress,
    #[error("no connection could be made: {0}")]
    Connect(io::Error),
    #[error("the TLS handshake failed: {0}")]
    Tls(io::Error),
    #[error("its host can be no name of a certificate")]
    NoServerName,
    #[error("no connection was made within {} ms", .0.as_millis())]
    TimedOut(Duration),
    #[error("the tenant has as many connections open as it may")]
    TooMany,
}

impl Connector {
    async fn connect(&self, uri: &Uri) -> Result<(Box<dyn Stream>, bool), Unconnected> {
        let host = uri.host().unwrap_or_default();
        let is_https = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let stream = self.reach(host, port).await?;
        if !is_https {
            return Ok((Box::new(stream), false));
        }
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Unconnected::NoServerName)?;
        let tls = TlsConnector::from(Arc::clone(&self.tls));
        let stream = tls.connect(name, stream).await.map_err(Unconnected::Tls)?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        Ok((Box::new(stream), is_h2))
    }

    async fn reach(&self, host: &str, port: u16) -> Result<TcpStream, Unconnected> {
        let addresses = match host.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self
                .resolver
                .resolve(host)
                .await
                .map_err(Unconnected::Dns)?,
        };
        let mut last = Unconnected::NoAddress;
        let mut tried = 0;
        for address in addresses {
            let to = SocketAddr::new(address.to_canonical(), port);
            if let Some(why) = self.guard.refusal(to) {
                if tried == 0 {
                    last = Unconnected::Prohibited {
                        host: host.to_owned(),
                        why,
                    };
                }
                continue;
            }
            if tried == MOST_ADDRESSES {
                break;
            }
            tried += 1;
            let share = within() / MOST_ADDRESSES as u32;
            match timeout(share, TcpStream::connect(to)).await {
                Ok(Ok(stream)) => {
                    let _ = stream.set_nodelay(true);
                    return Ok(stream);
                }
                Ok(Err(error)) => last = Unconnected::Connect(error),
                Err(_) => last = Unconnected::TimedOut(share),
            }
        }
        Err(last)
    }
}

fn within() -> Duration {
    CONNECT_WITHIN
        .try_with(|within| *within)
        .unwrap_or(super::CONNECT_TIMEOUT)
}

/// What a client opens the connections of one tenant with.
#[derive(Clone)]
pub(super) struct TenantConnector {
    pub(super) connector: Arc<Connector>,
    pub(super) pool: Weak<TenantPool>,
}

impl Service<Uri> for TenantConnector {
    type Response = Open;
    type Error = Unconnected;
    type Future = Pin<Box<dyn Future<Output = Result<Open, Unconnected>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Unconnected>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let Self { connector, pool } = self.clone();
        let within = within();
        let open = async move {
            let pool = pool.upgrade().ok_or(Unconnected::TooMany)?;
            let slot = timeout(within, pool.slot()).await;
            let slot = slot.map_err(|_| Unconnected::TooMany)?;
            drop(pool);
            let (stream, is_h2) = timeout(within, connector.connect(&uri))
                .await
                .map_err(|_| Unconnected::TimedOut(within))??;
            Ok(Open {
                stream: TokioIo::new(stream),
                is_h2,
                _slot: slot,
            })
        };
        Box::pin(CONNECT_WITHIN.scope(within, open))
    }
}

pub(super) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection, and its place among those of its tenant.
pub(super) struct Open {
    stream: TokioIo<Box<dyn Stream>>,
    is_h2: bool,
    _slot: OwnedSemaphorePermit,
}

impl Connection for Open {
    fn connected(&self) -> Connected {
        let connected = Connected::new();
        if self.is_h2 {
            connected.negotiated_h2()
        } else {
            connected
        }
    }
}

impl Read for Open {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl Write for Open {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
