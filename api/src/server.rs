//! The listener: accepts connections, ends TLS where it is asked to, and drains before it goes.

use std::{net::SocketAddr, time::Duration};

use anyhow::Context;
use axum::{Router, body::Body};
use control::Platform;
use hyper::{Request, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::CancellationToken;
use tower::Service;

use crate::{
    feed::Draining,
    headers::Https,
    hosts::Hosts,
    request::Peer,
    router::{Front, router},
    tls::{Tls, TlsFiles},
};

/// From the first byte of a request, or the end of the one before, to the end of its head.
const HEAD_DEADLINE: Duration = Duration::from_secs(30);
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// What is still in flight this long after shutdown began is cut off.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);

/// An API server, bound and not yet answering.
pub struct Server {
    listener: TcpListener,
    local_addr: SocketAddr,
    tls: Option<Tls>,
    router: Router,
    draining: CancellationToken,
}

impl Server {
    /// Port 0 takes a free one, see [`Self::local_addr`].
    pub async fn bind(
        platform: Platform,
        listen: SocketAddr,
        tls: Option<TlsFiles>,
    ) -> anyhow::Result<Self> {
        let tls = tls.map(Tls::load).transpose()?;
        let listener = TcpListener::bind(listen)
            .await
            .with_context(|| format!("cannot listen on {listen}; choose another by `--console`"))?;
        let local_addr = listener.local_addr()?;

        let public_url = &platform.config.public_url;
        let draining = CancellationToken::new();
        let front = Front {
            hosts: Hosts::new(public_url, local_addr),
            https: Https(public_url.scheme() == "https"),
            draining: Draining(draining.clone()),
        };
        Ok(Self {
            listener,
            local_addr,
            tls,
            router: router(platform, front),
            draining,
        })
    }

    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Serves until `shutdown` resolves, then lets what is in flight finish.
    pub async fn run(self, shutdown: impl Future<Output = ()>) {
        let connections = GracefulShutdown::new();
        let reload = self.tls.clone().map(|tls| tokio::spawn(tls.follow_files()));
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let (stream, peer) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // Most likely out of descriptors: trying again at once would spin.
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = &mut shutdown => break,
            };
            let connection = Connection {
                peer,
                router: self.router.clone(),
                watcher: connections.watcher(),
            };
            tokio::spawn(connection.serve(stream, self.tls.clone()));
        }

        drop(self.listener);
        self.draining.cancel();
        if tokio::time::timeout(DRAIN_DEADLINE, connections.shutdown())
            .await
            .is_err()
        {
            tracing::warn!("some requests did not end in time and are cut off");
        }
        if let Some(reload) = reload {
            reload.abort();
        }
    }
}

struct Connection {
    peer: SocketAddr,
    router: Router,
    watcher: Watcher,
}

impl Connection {
    async fn serve(self, stream: TcpStream, tls: Option<Tls>) {
        // A small answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let Some(tls) = tls else {
            // Plain HTTP/2 is not looked for: a client that sends half a preface would wait for ever.
            return self.speak(stream, builder().http1_only()).await;
        };
        let handshake = tls.acceptor().accept(stream);
        let Ok(Ok(stream)) = tokio::time::timeout(HANDSHAKE_DEADLINE, handshake).await else {
            return;
        };
        let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let builder = builder();
        let builder = if is_http2 {
            builder.http2_only()
        } else {
            builder.http1_only()
        };
        self.speak(stream, builder).await;
    }

    async fn speak<S>(self, stream: S, builder: auto::Builder<TokioExecutor>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self {
            peer,
            router,
            watcher,
        } = self;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(Peer(peer));
            let mut router = router.clone();
            async move { router.call(request).await }
        });
        let connection = builder.serve_connection(TokioIo::new(stream), service);
        // How a connection ends is the client's affair; requests are logged one by one.
        let _ = watcher.watch(connection.into_owned()).await;
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(32 << 10)
        .keep_alive_interval(Duration::from_secs(20))
        .keep_alive_timeout(Duration::from_secs(10));
    builder
}
