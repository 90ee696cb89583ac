//! Failures as pages. A handler's failure leaves as a status and a sentence; the page around it
//! is made here, where the request's id is known. Rendering logs nothing: the listener does, from
//! the error in the response's extensions.

use std::sync::Arc;

use askama::Template;
use axum::{
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use control::{Error, Origin};

use crate::{
    format::{self, Prose},
    page::Page,
};

pub(crate) type Result<T, E = Problem> = std::result::Result<T, E>;

/// Why there is no page.
pub(crate) enum Problem {
    Failed(Error),
    /// Nobody is signed in; come back to `next` afterwards.
    SignIn {
        next: String,
    },
    /// The request cannot have come from one of our pages, or from one that is too old.
    Form(StatusCode, &'static str),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::Unauthenticated => Self::SignIn {
                next: "/".to_owned(),
            },
            error => Self::Failed(error),
        }
    }
}

/// What the page will say; put into the response for [`explain`].
#[derive(Clone)]
struct Told(String);

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        match self {
            Self::SignIn { next } => {
                let query = serde_urlencoded::to_string([("next", next)])
                    .expect("a pair of strings has a query");
                Redirect::to(&format!("/sign-in?{query}")).into_response()
            }
            Self::Form(status, detail) => {
                let mut response = status.into_response();
                response.extensions_mut().insert(Told(detail.to_owned()));
                response
            }
            Self::Failed(error) => {
                let status = status(&error);
                let mut response = status.into_response();
                if let Error::TooManyAttempts {
                    retry_after_seconds,
                } = error
                {
                    let seconds = HeaderValue::from(retry_after_seconds);
                    response.headers_mut().insert(header::RETRY_AFTER, seconds);
                }
                if status == StatusCode::SERVICE_UNAVAILABLE {
                    let seconds = HeaderValue::from_static("5");
                    response.headers_mut().insert(header::RETRY_AFTER, seconds);
                }
                response.extensions_mut().insert(Told(sentence(&error)));
                response.extensions_mut().insert(Arc::new(error));
                response
            }
        }
    }
}

pub(crate) fn status(error: &Error) -> StatusCode {
    match error {
        Error::Unauthenticated | Error::WrongCredentials => StatusCode::UNAUTHORIZED,
        Error::NotFound(_) => StatusCode::NOT_FOUND,
        Error::Forbidden(_)
        | Error::OutOfScope(_)
        | Error::OtherFunction
        | Error::SessionOnly
        | Error::PersonOnly => StatusCode::FORBIDDEN,
        Error::Taken(_)
        | Error::Conflict(_)
        | Error::QuotaExceeded { .. }
        | Error::RouteConflict { .. } => StatusCode::CONFLICT,
        Error::Invalid(_) | Error::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Error::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Incomplete => StatusCode::BAD_REQUEST,
        Error::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Error::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Error::TooManyAttempts { .. } => StatusCode::TOO_MANY_REQUESTS,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The error as a sentence of its own: capital letter, full stop.
pub(crate) fn sentence(error: &Error) -> String {
    let text = match error {
        Error::Internal(_) => {
            return default_detail(StatusCode::INTERNAL_SERVER_ERROR).to_owned();
        }
        Error::TooLarge { limit } => {
            format!("it is larger than the limit of {}", format::bytes(*limit))
        }
        error => error.to_string(),
    };
    let mut letters = text.chars();
    let first = letters.next().map(char::to_uppercase);
    first
        .into_iter()
        .flatten()
        .chain(letters)
        .collect::<String>()
        + "."
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage<'a> {
    status: u16,
    title: &'static str,
    detail: Prose<'a>,
    request_id: &'a str,
}

/// A failure of a layer around the console, in the console's look.
pub fn error_page(status: StatusCode, request_id: &str) -> Response {
    page(status, default_detail(status), request_id)
}

fn page(status: StatusCode, detail: &str, request_id: &str) -> Response {
    let page = Page(ErrorPage {
        status: status.as_u16(),
        title: title(status),
        detail: Prose::new(detail),
        request_id,
    });
    (status, page).into_response()
}

/// Gives every failure its page: ours, and those that the framework answers by itself.
pub(crate) async fn explain(request: Request, next: Next) -> Response {
    let origin = request.extensions().get::<Origin>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let is_page = response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !failed || is_page || method == Method::HEAD {
        return response;
    }
    let told = response.extensions().get::<Told>();
    let detail = told.map_or_else(|| default_detail(response.status()), |Told(text)| text);
    let id = origin.map(|origin| origin.request_id).unwrap_or_default();
    let (mut head, body) = page(response.status(), detail, &id).into_parts();
    let (old, _) = response.into_parts();
    for (name, value) in old.headers {
        let Some(name) = name else { continue };
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            head.headers.insert(name, value);
        }
    }
    head.extensions = old.extensions;
    Response::from_parts(head, body)
}

pub(crate) async fn no_such_page() -> Problem {
    Error::NotFound("page").into()
}

pub(crate) async fn no_such_method() -> Problem {
    Problem::Form(
        StatusCode::METHOD_NOT_ALLOWED,
        "This address takes no such request. Go back and use the page's own buttons.",
    )
}

fn title(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "Not allowed",
        404 => "Not found",
        409 => "Not possible now",
        412 => "It changed meanwhile",
        413 => "Too large",
        421 => "Wrong address",
        429 => "Too many attempts",
        503 => "Not available",
        400..=499 => "That did not work",
        _ => "Something failed",
    }
}

fn default_detail(status: StatusCode) -> &'static str {
    match status.as_u16() {
        403 => "Your account may not do this.",
        404 => "There is nothing at this address, or nothing that you may see.",
        413 => "What was sent is larger than this page takes.",
        421 => {
            "The console does not answer to this host name. Use the address it was started with."
        }
        503 => "Something the console needs is away at the moment. Try again shortly.",
        400..=499 => "The request could not be read. Go back, reload the page and try again.",
        _ => {
            "This is our failure, not yours. Try again; if it stays, tell the operator the request id below."
        }
    }
}
