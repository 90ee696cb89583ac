//! Headers that every answer carries unless its maker set them.

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use http::{HeaderName, HeaderValue, header};

/// Whether people reach this server by https, whoever ends the TLS.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Https(pub(crate) bool);

const ALWAYS: &[(HeaderName, &str)] = &[
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_FRAME_OPTIONS, "DENY"),
];

/// What the API answers is data: nothing in it may run, and nobody on the way may keep it.
const API: &[(HeaderName, &str)] = &[
    (header::CACHE_CONTROL, "no-store"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; sandbox",
    ),
];

/// A page that did not bring its own policy has a stylesheet at most.
const PAGE: &[(HeaderName, &str)] = &[(
    header::CONTENT_SECURITY_POLICY,
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
)];

pub(crate) async fn secure(
    State(Https(https)): State<Https>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path();
    let is_api = path.starts_with("/v1/") || path.starts_with("/internal/");
    let mut response = next.run(request).await;

    let mut set = |name: &HeaderName, value: &'static str| {
        response
            .headers_mut()
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    };
    for (name, value) in ALWAYS.iter().chain(if is_api { API } else { PAGE }) {
        set(name, value);
    }
    if https {
        set(&header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    response
}
