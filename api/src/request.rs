//! What every request gets, whichever part answers it: an id, a span, one line in the log, and
//! its problem written out.

use std::{error::Error, fmt::Write, net::SocketAddr, sync::Arc, time::Instant};

use axum::{
    body::Body,
    extract::Request,
    middleware::Next,
    response::{IntoResponse, Response},
};
use control::Origin;
use domain::RequestId;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tracing::Instrument;

use crate::{invoke::OfFunction, problem::Problem};

pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The other end of the connection, put into every request by the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Gives the request its id; one that came with it is ignored, as anybody could have made it up.
pub(crate) async fn track(mut request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0);
    let as_page = wants_page(request.uri().path(), request.headers());
    let mut line = AccessLine::new(&request, id, peer);

    request.headers_mut().insert(X_REQUEST_ID, id_value(id));
    request.extensions_mut().insert(Origin {
        address: peer.map(|peer| peer.ip().to_canonical()),
        request_id: id.to_string(),
    });

    let span = tracing::info_span!("request", request_id = %id);
    let mut response = next.run(request).instrument(span).await;

    if let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = if as_page {
            with_body_of(
                response,
                web::error_page(problem.code().status(), &id.to_string()),
            )
        } else {
            written_out(response, &problem, id)
        };
    }
    // An invoked function's answer has the id of its own call.
    response
        .headers_mut()
        .entry(X_REQUEST_ID)
        .or_insert_with(|| id_value(id));
    line.answered(&response);
    response
}

/// A browser that meets a problem before the console could answer is shown a page.
fn wants_page(path: &str, headers: &HeaderMap) -> bool {
    let is_for_programs = path.starts_with("/v1/") || path.starts_with("/internal/");
    let accepts_html = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("text/html"));
    !is_for_programs && accepts_html
}

fn written_out(response: Response, problem: &Problem, id: RequestId) -> Response {
    let body = serde_json::to_vec(&problem.view(id.to_string()))
        .expect("a problem holds no map with keys other than strings");
    let kind = HeaderValue::from_static("application/problem+json");
    with_body_of(
        response,
        ([(header::CONTENT_TYPE, kind)], body).into_response(),
    )
}

/// Keeps the status, the headers and the extensions of `response`.
fn with_body_of(mut response: Response, page: Response) -> Response {
    let (parts, body) = page.into_parts();
    response.headers_mut().remove(header::CONTENT_LENGTH);
    response.headers_mut().extend(parts.headers);
    response.map(|_| Body::new(body))
}

fn id_value(id: RequestId) -> HeaderValue {
    HeaderValue::try_from(id.to_string()).expect("an id is ASCII")
}

/// Becomes one line when the answer's head is there, or when the caller left before that.
struct AccessLine {
    id: RequestId,
    peer: Option<SocketAddr>,
    method: Method,
    /// Without the query: it may hold a one-time token.
    path: String,
    started: Instant,
    outcome: Option<Outcome>,
}

struct Outcome {
    status: StatusCode,
    cause: Option<Arc<control::Error>>,
    /// The id of the call, where a function answered.
    call: Option<HeaderValue>,
}

impl AccessLine {
    fn new(request: &Request, id: RequestId, peer: Option<SocketAddr>) -> Self {
        Self {
            id,
            peer,
            method: request.method().clone(),
            path: request.uri().path().to_owned(),
            started: Instant::now(),
            outcome: None,
        }
    }

    fn answered(&mut self, response: &Response) {
        let extensions = response.extensions();
        let call = extensions.get::<OfFunction>();
        let call = call.and_then(|_| response.headers().get(X_REQUEST_ID));
        self.outcome = Some(Outcome {
            status: response.status(),
            cause: extensions.get::<Arc<control::Error>>().cloned(),
            call: call.cloned(),
        });
    }

    /// Asked for every few seconds by machines.
    fn is_routine(&self) -> bool {
        self.path.ends_with("/healthz")
            || self.path.ends_with("/readyz")
            || self.path.starts_with("/internal/v1/")
    }
}

impl Drop for AccessLine {
    fn drop(&mut self) {
        let (request_id, method, path) = (self.id, &self.method, &self.path);
        let peer = self.peer.map(|peer| peer.ip());
        let latency_ms = self.started.elapsed().as_secs_f64() * 1000.0;
        let Some(outcome) = self.outcome.take() else {
            tracing::info!(%request_id, %method, path, peer = ?peer, latency_ms, "the caller left");
            return;
        };
        let Outcome {
            status,
            cause,
            call,
        } = outcome;
        let status_code = status.as_u16();
        if let Some(call) = call {
            tracing::info!(%request_id, ?call, %method, path, status = status_code, latency_ms, peer = ?peer);
        } else if status.is_server_error() {
            let error = cause.map(|cause| chain(&*cause)).unwrap_or_default();
            tracing::error!(%request_id, %method, path, status = status_code, latency_ms, peer = ?peer, error);
        } else if self.is_routine() && status.is_success() {
            tracing::debug!(%request_id, %method, path, status = status_code, latency_ms, peer = ?peer);
        } else {
            tracing::info!(%request_id, %method, path, status = status_code, latency_ms, peer = ?peer);
        }
    }
}

/// An error and what it came from, on one line.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        write!(text, ": {error}").expect("a string takes all");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_logged_with_what_it_came_from() {
        let source = anyhow::anyhow!("connection refused").context("select from tenant");
        assert_eq!(
            chain(&control::Error::Internal(source)),
            "internal error: select from tenant: connection refused"
        );
    }

    #[test]
    fn only_a_browser_outside_the_api_is_shown_a_page() {
        let mut browser = HeaderMap::new();
        browser.insert(
            header::ACCEPT,
            HeaderValue::from_static("text/html,application/xhtml+xml,*/*;q=0.8"),
        );
        assert!(wants_page("/acme/functions", &browser));
        assert!(!wants_page("/v1/tenants", &browser));
        assert!(!wants_page("/acme/functions", &HeaderMap::new()));
    }
}
