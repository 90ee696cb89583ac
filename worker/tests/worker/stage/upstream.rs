//! A host for functions to send requests to, plain or over TLS. It tells which of its connections a
//! request came on.

use std::{
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use worker::egress::{Resolve, Resolved};

pub(crate) struct Upstream {
    pub(crate) port: u16,
}

impl Upstream {
    pub(crate) async fn plain() -> Self {
        Self::start(None).await
    }

    /// For `name`, with a certificate of an authority of its own, which is written to `ca`.
    pub(crate) async fn tls(name: &str, ca: PathBuf, protocols: &[&[u8]]) -> Self {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        std::fs::write(ca, made.cert.pem()).unwrap();
        let key = rustls_pki_types::PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Self::start(Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            for connection in 1.. {
                let (stream, _): (_, SocketAddr) = listener.accept().await.unwrap();
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, connection).await;
                            }
                        }
                    }
                });
            }
        });
        Self { port }
    }

    /// As a parameter of the courier.
    pub(crate) fn url(&self, scheme: &str, host: &str, path: &str) -> String {
        format!("{scheme}://{host}:{}{path}", self.port)
    }
}

async fn serve(io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, connection: u32) {
    let service =
        service_fn(
            move |request| async move { Ok::<_, Infallible>(answer(request, connection).await) },
        );
    let server = auto::Builder::new(TokioExecutor::new());
    let _ = server.serve_connection(TokioIo::new(io), service).await;
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

async fn answer(request: Request<Incoming>, connection: u32) -> Response<Body> {
    let (head, body) = request.into_parts();
    let whole = |text: String| Response::new(http_body_util::Full::from(text).boxed_unsync());
    match head.uri.path() {
        "/" => whole(format!("connection {connection} {:?}", head.version)),
        "/headers" => {
            let mut lines: String = head
                .headers
                .iter()
                .map(|(name, value)| format!("saw {name}: {}\n", value.to_str().unwrap()))
                .collect();
            if let Some(authority) = head.uri.authority() {
                lines.push_str(&format!("saw authority {authority}\n"));
            }
            let collected = body.collect().await.unwrap();
            for (name, value) in collected.trailers().into_iter().flatten() {
                lines.push_str(&format!("trailer {name}: {}\n", value.to_str().unwrap()));
            }
            whole(lines)
        }
        "/count" => match body.collect().await {
            Ok(body) => whole(format!("{} bytes", body.to_bytes().len())),
            Err(_) => whole("broken off".to_owned()),
        },
        "/big" => whole("x".repeat(1 << 20)),
        "/slow-head" => {
            tokio::time::sleep(Duration::from_secs(20)).await;
            whole(String::new())
        }
        "/slow-body" => {
            let pieces = futures::stream::unfold(0, |piece| async move {
                if piece > 0 {
                    tokio::time::sleep(Duration::from_secs(20)).await;
                }
                Some((Ok(Frame::data(Bytes::from_static(b"piece "))), piece + 1))
            });
            Response::new(StreamBody::new(pieces).boxed_unsync())
        }
        path => whole(format!("no {path}")),
    }
}

/// Names that a test makes up; others have no address.
pub(crate) struct Names(pub(crate) Vec<(&'static str, Vec<&'static str>)>);

impl Resolve for Names {
    fn resolve(&self, host: &str) -> Resolved {
        let found = self.0.iter().find(|(name, _)| *name == host);
        let found = found.map(|(_, addresses)| {
            let parsed = addresses.iter().map(|text| text.parse().unwrap());
            parsed.collect::<Vec<IpAddr>>()
        });
        let missing = || std::io::Error::other("no such name");
        Box::pin(std::future::ready(found.ok_or_else(missing)))
    }
}
