//! `/v1/tenants/{tenant}/functions/{function}/invoke`: calls a function through a worker, and
//! answers as its URL would.

use axum::{
    body::{Body, HttpBody},
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use control::{
    Developer, Error, Platform,
    invocations::{self, Answer, Call},
};
use domain::{Problems, Role, Scope};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header::CONNECTION, uri::PathAndQuery,
};
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_axum::routes;

use crate::{
    access::As,
    params::{InFunction, Path, Query},
    problem::{Code, Problem},
    routes::{Need, Routes},
};

pub(crate) fn routes() -> Routes {
    let developer = Need::Member(Role::Developer, Scope::FunctionsInvoke);
    Routes::default().add(developer, &[&[Code::Invalid]], routes!(invoke))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
struct InvokeQuery {
    /// The method the function sees; `GET` unless told.
    method: Option<String>,
    /// The path and query the function sees; `/` unless told.
    path: Option<String>,
    /// `tail` answers the last log lines too, in the header `x-atoll-logs`: base64 of at most 4 KiB of text,
    /// each line its level, a space and what was written.
    logs: Option<String>,
}

impl InvokeQuery {
    fn parse(self) -> Result<(Method, PathAndQuery, bool), Problem> {
        let mut problems = Problems::default();
        let method = self.method.map_or(Ok(Method::GET), |text| text.parse());
        let method = method.ok().filter(|method| {
            // The one would end in a tunnel, the other tells what it was sent.
            *method != Method::CONNECT && *method != Method::TRACE
        });
        if method.is_none() {
            problems.push("method", "use an HTTP method such as `GET` or `POST`");
        }
        let path = self.path.unwrap_or_else(|| "/".to_owned());
        let path = Some(path).filter(|path| path.starts_with('/'));
        let path = path.and_then(|path| PathAndQuery::try_from(path).ok());
        if path.is_none() {
            problems.push("path", "use a path and query such as `/items?page=2`");
        }
        let tail_logs = self.logs.is_some();
        if self.logs.is_some_and(|logs| logs != "tail") {
            problems.push("logs", "use `tail`, or leave it out");
        }
        match (method, path) {
            (Some(method), Some(path)) if problems.0.is_empty() => Ok((method, path, tail_logs)),
            _ => Err(problems.into()),
        }
    }
}

/// Calls a function as the query says; headers and body of the request are passed on
///
/// The answer is the function's own, or the problem that its URL would have told.
#[utoipa::path(
    post, path = "/v1/tenants/{tenant}/functions/{function}/invoke", tag = "functions",
    operation_id = "invoke_function", params(InFunction, InvokeQuery),
    request_body(content = Vec<u8>, content_type = "*/*"),
    responses((status = "default", description = "The function's answer", content_type = "*/*", body = Vec<u8>))
)]
async fn invoke(
    State(platform): State<Platform>,
    As(developer): As<Developer>,
    Path(at): Path<InFunction>,
    Query(query): Query<InvokeQuery>,
    request: Request,
) -> Result<Response, Problem> {
    let (method, path, tail_logs) = query.parse()?;
    let (parts, body) = request.into_parts();
    let call = Call {
        method: method.to_string(),
        path: path.to_string(),
        headers: passed_on(&parts.headers),
        body: streamed(body),
        tail_logs,
    };
    let answer = invocations::call(&platform, &developer, &at.function, call).await?;
    answered(answer)
}

/// Marks an answer that is not this server's own: what is wrong with it, its worker has told.
#[derive(Clone, Copy)]
pub(crate) struct OfFunction;

/// A body that is not there must not be announced as one of unknown length.
fn streamed(body: Body) -> reqwest::Body {
    if body.is_end_stream() {
        return reqwest::Body::default();
    }
    reqwest::Body::wrap_stream(body.into_data_stream())
}

/// What concerns one connection alone (RFC 9110 §7.6.1).
const HOP_BY_HOP: &[&str] = &[
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// What is said to this server, not to the function.
const OURS: &[&str] = &["authorization", "cookie", "expect", "host"];

/// What a browser would keep for this server's origin, which is the console's.
const OF_THE_ORIGIN: &[&str] = &[
    "alt-svc",
    "clear-site-data",
    "nel",
    "report-to",
    "reporting-endpoints",
    "service-worker-allowed",
    "set-cookie",
    "strict-transport-security",
];

fn passed_on(headers: &HeaderMap) -> Vec<(String, String)> {
    let named = named_by_connection(headers);
    headers
        .iter()
        .filter(|(name, _)| {
            !HOP_BY_HOP.contains(&name.as_str())
                && !OURS.contains(&name.as_str())
                && !named.contains(name)
                // The platform's own words to a worker.
                && !name.as_str().starts_with("x-atoll-")
        })
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .collect()
}

fn answered(answer: Answer) -> Result<Response, Problem> {
    let broken = |error: http::Error| Error::Internal(error.into());
    let status = StatusCode::from_u16(answer.status).map_err(|error| broken(error.into()))?;
    let mut response = (status, Body::new(answer.body)).into_response();
    response.extensions_mut().insert(OfFunction);
    let headers = response.headers_mut();
    headers.clear();
    for (name, value) in answer.headers {
        let name = HeaderName::try_from(name).map_err(|error| broken(error.into()))?;
        let value = HeaderValue::try_from(value).map_err(|error| broken(error.into()))?;
        let dropped = [HOP_BY_HOP, OF_THE_ORIGIN]
            .iter()
            .any(|names| names.contains(&name.as_str()));
        if !dropped {
            headers.append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_credentials_stay_here() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("authorization", "Bearer secret"),
            ("cookie", "session=secret"),
            ("host", "console.example.com"),
            ("connection", "keep-alive, x-hop"),
            ("x-hop", "1"),
            ("x-atoll-invoke-path", "/other"),
            ("accept", "application/json"),
            ("content-length", "2"),
        ] {
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let mut passed: Vec<_> = passed_on(&headers)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        passed.sort();
        assert_eq!(passed, ["accept", "content-length"]);
    }

    #[test]
    fn a_function_sets_nothing_for_the_consoles_origin() {
        let headers = [
            ("Set-Cookie", "session=mine"),
            ("Clear-Site-Data", "\"*\""),
            ("Content-Type", "text/plain"),
        ];
        let answer = Answer {
            status: 200,
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            body: reqwest::Body::default(),
            head_after: std::time::Duration::ZERO,
        };
        let Ok(response) = answered(answer) else {
            panic!("it is an answer");
        };
        let names: Vec<_> = response.headers().keys().collect();
        assert_eq!(names, ["content-type"]);
    }

    #[test]
    fn the_whole_query_is_checked_together() {
        let query = InvokeQuery {
            method: Some("CONNECT".to_owned()),
            path: Some("items".to_owned()),
            logs: Some("all".to_owned()),
        };
        let problem = query.parse().unwrap_err();
        assert_eq!(problem.code(), Code::Invalid);
        for field in ["method: ", "path: ", "logs: "] {
            assert!(problem.to_string().contains(field), "{problem}");
        }
    }
}
