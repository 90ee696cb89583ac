//! The host names this server answers under.
//!
//! A page that resolves its own name to our address (DNS rebinding) would otherwise talk to the
//! console as if it were the console's own origin.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http::{header, uri::Authority};
use url::Url;

use crate::problem::{Code, Problem};

const LOOPBACK_NAMES: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

#[derive(Clone, Debug)]
pub(crate) struct Hosts(Arc<Known>);

#[derive(Debug)]
struct Known {
    /// The port of an authority that names none.
    default_port: u16,
    names: Vec<(String, u16)>,
}

impl Hosts {
    /// The public URL's host; where it or the listener is on loopback, loopback's own names too.
    pub(crate) fn new(public_url: &Url, listening: SocketAddr) -> Self {
        let default_port = if public_url.scheme() == "https" {
            443
        } else {
            80
        };
        let public_port = public_url.port().unwrap_or(default_port);
        let public_host = public_url.host_str().unwrap_or_default().to_lowercase();

        let mut names = Vec::new();
        if LOOPBACK_NAMES.contains(&public_host.as_str()) {
            names.extend(LOOPBACK_NAMES.map(|name| (name.to_owned(), public_port)));
        }
        if listening.ip().is_loopback() {
            names.extend(LOOPBACK_NAMES.map(|name| (name.to_owned(), listening.port())));
        }
        names.push((public_host, public_port));
        Self(Arc::new(Known {
            default_port,
            names,
        }))
    }

    fn know(&self, authority: &str) -> bool {
        let Ok(authority) = authority.parse::<Authority>() else {
            return false;
        };
        // `user@host` is no authority that a browser sends.
        if authority.as_str().contains('@') {
            return false;
        }
        let port = authority.port_u16().unwrap_or(self.0.default_port);
        let host = authority.host().to_lowercase();
        self.0
            .names
            .iter()
            .any(|(name, its_port)| *name == host && *its_port == port)
    }
}

/// The feed answers under any name: workers may use an internal one, and show a token, not a
/// cookie. So do the probes, which are asked by address and tell nothing.
fn is_open_to_any_host(path: &str) -> bool {
    path.starts_with("/internal/v1/")
        || matches!(path, "/healthz" | "/readyz" | "/v1/healthz" | "/v1/readyz")
}

pub(crate) async fn check(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    // HTTP/2 and absolute-form requests carry it in the URI, and that one counts (RFC 9112 §3.2.2).
    let authority = match request.uri().authority() {
        Some(authority) => authority.as_str(),
        None => request
            .headers()
            .get(header::HOST)
            .and_then(|host| host.to_str().ok())
            .unwrap_or_default(),
    };
    if is_open_to_any_host(request.uri().path()) || hosts.know(authority) {
        return next.run(request).await;
    }
    let detail = format!(
        "this server does not answer as `{}`; use the address it was given as its public URL",
        authority.escape_default()
    );
    Problem::new(Code::Misdirected, detail).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(public_url: &str, listening: &str) -> Hosts {
        Hosts::new(&public_url.parse().unwrap(), listening.parse().unwrap())
    }

    #[test]
    fn only_the_public_host_is_known_in_production() {
        let hosts = hosts("https://console.example.com", "0.0.0.0:8080");
        assert!(hosts.know("console.example.com"));
        assert!(hosts.know("Console.Example.com:443"));
        for foreign in [
            "",
            "evil.example",
            "localhost:8080",
            "127.0.0.1:8080",
            "console.example.com:8080",
            "console.example.com.evil.example",
            "evil@console.example.com",
            "a b",
        ] {
            assert!(!hosts.know(foreign), "{foreign}");
        }
    }

    #[test]
    fn a_loopback_listener_knows_its_own_names_with_its_port() {
        let hosts = hosts("http://127.0.0.1:8080", "127.0.0.1:45001");
        for own in [
            "localhost:45001",
            "127.0.0.1:45001",
            "[::1]:45001",
            "localhost:8080",
        ] {
            assert!(hosts.know(own), "{own}");
        }
        for foreign in ["localhost", "rebound.example:45001", "127.0.0.2:45001"] {
            assert!(!hosts.know(foreign), "{foreign}");
        }
    }
}
