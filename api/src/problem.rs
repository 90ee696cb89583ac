//! Every way the API refuses: one code and one status each, told as `application/problem+json`
//! (RFC 9457).
//!
//! A [`Problem`] is turned into bytes by the request middleware, which alone knows the request's id.

use std::{fmt, sync::Arc};

use axum::response::{IntoResponse, Response};
use control::Error;
use domain::{Invalid, rest::problem::ProblemView};
use http::{HeaderValue, StatusCode, header};

macro_rules! codes {
    ($($name:ident = $status:literal $code:literal $title:literal;)*) => {
        /// What went wrong, as a program reads it. Each has a page at `/docs/errors/<code>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $($name,)*
        }

        impl Code {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            pub fn status(self) -> StatusCode {
                let status: u16 = match self { $(Self::$name => $status,)* };
                StatusCode::from_u16(status).expect("the table holds statuses")
            }

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    BadRequest = 400 "bad_request" "The request is malformed";
    IncompleteBody = 400 "incomplete_body" "The body ended early";
    Unauthenticated = 401 "unauthenticated" "The caller is not known";
    WrongCredentials = 401 "wrong_credentials" "The e-mail address or the password is wrong";
    Forbidden = 403 "forbidden" "You may not do this";
    NotFound = 404 "not_found" "Not found";
    MethodNotAllowed = 405 "method_not_allowed" "The resource does not take this method";
    RequestTimeout = 408 "request_timeout" "The request's body took too long";
    Conflict = 409 "conflict" "The resource's state does not allow this";
    RouteConflict = 409 "route_conflict" "Another route matches the same requests";
    Taken = 409 "taken" "The name is already taken";
    QuotaExceeded = 409 "quota_exceeded" "The plan does not allow one more";
    PositionGone = 410 "position_gone" "The position is not of this history";
    PreconditionFailed = 412 "precondition_failed" "The resource changed since you read it";
    RequestTooLarge = 413 "request_too_large" "The request's body is larger than the limit";
    UnsupportedMediaType = 415 "unsupported_media_type" "The body's content type is not taken here";
    Misdirected = 421 "misdirected" "This server does not answer under this host name";
    Invalid = 422 "invalid" "The input is not valid";
    ModuleRefused = 422 "module_refused" "The module cannot run here";
    PreconditionRequired = 428 "precondition_required" "The change must name the revision it is based on";
    TooManyAttempts = 429 "too_many_attempts" "Too many attempts in a short time";
    Internal = 500 "internal" "The platform failed";
    Unavailable = 503 "unavailable" "A part of the platform is not reachable";
}

/// A refusal on its way to the caller.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: String,
    /// What a verb refused with. The log prints all of it; the caller is told what is his.
    cause: Option<Arc<Error>>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            cause: None,
        }
    }

    pub(crate) fn code(&self) -> Code {
        self.code
    }

    fn retry_after_seconds(&self) -> Option<u64> {
        match self.cause.as_deref()? {
            Error::TooManyAttempts {
                retry_after_seconds,
            } => Some(*retry_after_seconds),
            Error::Unavailable { .. } => Some(1),
            _ => None,
        }
    }

    /// The body, once the request's id is known.
    pub(crate) fn view(&self, request_id: String) -> ProblemView {
        let mut view = ProblemView {
            kind: format!("/docs/errors/{}", self.code.as_str()),
            title: self.code.title().to_owned(),
            status: self.code.status().as_u16(),
            detail: self.detail.clone(),
            code: self.code.as_str().to_owned(),
            request_id,
            problems: Vec::new(),
            quota: None,
            limit: None,
            observed: None,
            refusal: None,
        };
        match self.cause.as_deref() {
            Some(Error::Invalid(problems)) => view.problems = problems.0.clone(),
            Some(Error::Refused(refusal)) => view.refusal = Some(refusal.clone()),
            Some(Error::TooLarge { limit }) => view.limit = Some(*limit),
            Some(Error::QuotaExceeded {
                quota,
                limit,
                observed,
            }) => {
                view.quota = Some((*quota).to_owned());
                view.limit = Some(*limit);
                view.observed = Some(*observed);
            }
            _ => {}
        }
        view
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Unauthenticated => Code::Unauthenticated,
            Error::WrongCredentials => Code::WrongCredentials,
            Error::NotFound(_) => Code::NotFound,
            Error::Forbidden(_)
            | Error::OutOfScope(_)
            | Error::OtherFunction
            | Error::SessionOnly
            | Error::PersonOnly => Code::Forbidden,
            Error::Taken(_) => Code::Taken,
            Error::RouteConflict { .. } => Code::RouteConflict,
            Error::Invalid(_) => Code::Invalid,
            Error::Refused(_) => Code::ModuleRefused,
            Error::TooLarge { .. } => Code::RequestTooLarge,
            Error::Incomplete => Code::IncompleteBody,
            Error::Conflict(_) => Code::Conflict,
            Error::QuotaExceeded { .. } => Code::QuotaExceeded,
            Error::PreconditionFailed => Code::PreconditionFailed,
            Error::PreconditionRequired => Code::PreconditionRequired,
            Error::TooManyAttempts { .. } => Code::TooManyAttempts,
            Error::Unavailable { .. } => Code::Unavailable,
            Error::Internal(_) => Code::Internal,
        };
        Self {
            code,
            detail: error.to_string(),
            cause: Some(Arc::new(error)),
        }
    }
}

impl From<domain::Problems> for Problem {
    fn from(problems: domain::Problems) -> Self {
        Error::from(problems).into()
    }
}

impl From<Invalid> for Problem {
    fn from(problem: Invalid) -> Self {
        Error::from(problem).into()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.code.status().into_response();
        let headers = response.headers_mut();
        if self.code == Code::Unauthenticated {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after_seconds() {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(cause) = &self.cause {
            response.extensions_mut().insert(Arc::clone(cause));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests {
    use domain::Problems;

    use super::*;

    fn json(error: Error) -> serde_json::Value {
        serde_json::to_value(Problem::from(error).view("req_1".to_owned())).unwrap()
    }

    #[test]
    fn every_code_is_its_own() {
        let mut codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Code::ALL.len());
    }

    #[test]
    fn all_problems_of_an_input_are_told_at_once() {
        let mut problems = Problems::default();
        problems.push("slug", "use 1 to 20");
        problems.push("name", "give it a name");
        assert_eq!(
            json(Error::Invalid(problems)),
            serde_json::json!({
                "type": "/docs/errors/invalid",
                "title": "The input is not valid",
                "status": 422,
                "detail": "slug: use 1 to 20; name: give it a name",
                "code": "invalid",
                "request_id": "req_1",
                "problems": [
                    {"field": "slug", "detail": "use 1 to 20"},
                    {"field": "name", "detail": "give it a name"},
                ],
            })
        );
    }

    #[test]
    fn the_cause_of_an_internal_error_stays_inside() {
        let error = Error::Internal(anyhow::anyhow!("password of the database: hunter2"));
        assert_eq!(json(error)["detail"], "internal error");
    }

    #[test]
    fn a_throttled_caller_is_told_when_to_come_back() {
        let error = Error::TooManyAttempts {
            retry_after_seconds: 7,
        };
        let response = Problem::from(error).into_response();
        assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(response.headers()[header::RETRY_AFTER], "7");
    }
}
