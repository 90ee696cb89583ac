//! JSON bodies, read with a cap and a deadline, and refused with what is wrong and where.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{FromRequest, Request},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use control::Error;
use domain::Invalid;
use http::{HeaderMap, HeaderValue, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::{Serialize, de::DeserializeOwned};
use tower_http::timeout::TimeoutError;

use crate::problem::{Code, Problem};

const MAX_BYTES: usize = 256 << 10;
const DEADLINE: Duration = Duration::from_secs(30);

/// A JSON body, in or out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequest<S> for Json<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        json(request, MAX_BYTES).await.map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(bytes) => {
                let kind = HeaderValue::from_static("application/json");
                ([(header::CONTENT_TYPE, kind)], bytes).into_response()
            }
            Err(error) => Problem::from(Error::Internal(error.into())).into_response(),
        }
    }
}

/// A JSON body of at most so many bytes.
pub(crate) async fn json<T: DeserializeOwned>(
    request: Request,
    max_bytes: usize,
) -> Result<T, Problem> {
    let (parts, body) = request.into_parts();
    if !is_json(&parts.headers) {
        return Err(unsupported("application/json", &parts.headers));
    }
    refuse_encoded(&parts.headers)?;
    parse(&read(&parts.headers, body, max_bytes).await?)
}

/// The body's type without its parameters, in lower case.
pub(crate) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE);
    let value = value.and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("");
    essence.trim().to_ascii_lowercase()
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let kind = media_type(headers);
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

pub(crate) fn unsupported(expected: &str, headers: &HeaderMap) -> Problem {
    let detail = match media_type(headers).as_str() {
        "" => format!("the body has no content type; send `{expected}`"),
        seen => format!("the body is `{}`; send `{expected}`", seen.escape_default()),
    };
    Problem::new(Code::UnsupportedMediaType, detail)
}

/// A compressed body could be a thousand times larger than it looks.
pub(crate) fn refuse_encoded(headers: &HeaderMap) -> Result<(), Problem> {
    match headers.get(header::CONTENT_ENCODING) {
        Some(encoding) if encoding != "identity" => Err(Problem::new(
            Code::UnsupportedMediaType,
            "the body has a content encoding; send it plain",
        )),
        _ => Ok(()),
    }
}

/// What the request says its body's length is.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

async fn read(headers: &HeaderMap, body: Body, max_bytes: usize) -> Result<Bytes, Problem> {
    let too_large = || Error::TooLarge {
        limit: max_bytes as u64,
    };
    if declared_length(headers).is_some_and(|length| length > max_bytes as u64) {
        return Err(too_large().into());
    }
    let late = || {
        Problem::new(
            Code::RequestTimeout,
            "the body did not arrive in 30 seconds",
        )
    };
    let collected = tokio::time::timeout(DEADLINE, Limited::new(body, max_bytes).collect()).await;
    match collected {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large().into()),
        Ok(Err(error)) if is_timeout(&*error) => Err(late()),
        Ok(Err(_)) => Err(Error::Incomplete.into()),
        Err(_) => Err(late()),
    }
}

/// Whether the body stalled longer than the server waits between two pieces of it.
fn is_timeout(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut error = Some(error);
    while let Some(current) = error {
        if current.is::<TimeoutError>() {
            return true;
        }
        error = current.source();
    }
    false
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    // It would be read as the fields in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        return Err(Invalid::new("body", "send a JSON object; this is an array").into());
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        refused(path, error.inner())
    })?;
    json.end()
        .map_err(|error| refused(".".to_owned(), &error))?;
    Ok(value)
}

fn refused(path: String, error: &serde_json::Error) -> Problem {
    if error.classify() == serde_json::error::Category::Data {
        let field = if path == "." { "body".to_owned() } else { path };
        return Invalid::new(field, error.to_string()).into();
    }
    Problem::new(Code::BadRequest, format!("the body is not JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use domain::deployment::Share;
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        #[expect(dead_code, reason = "only its parsing matters")]
        traffic: Vec<Share>,
    }

    fn refusal(body: &str) -> (Code, String) {
        let problem = parse::<Wanted>(body.as_bytes()).unwrap_err();
        (problem.code(), problem.to_string())
    }

    #[test]
    fn malformed_json_is_told_by_line_and_column() {
        let (code, detail) = refusal("{\n  \"traffic\": [,]\n}");
        assert_eq!(code, Code::BadRequest);
        assert!(detail.contains("line 2 column 15"), "{detail}");
        assert_eq!(refusal("").0, Code::BadRequest);
        assert_eq!(refusal("{\"traffic\": []} x").0, Code::BadRequest);
    }

    #[test]
    fn a_wrong_value_is_told_by_its_field() {
        let (code, detail) = refusal(r#"{"traffic": [{"version": 1, "percent": "all"}]}"#);
        assert_eq!(code, Code::Invalid);
        assert!(detail.starts_with("traffic[0].percent: "), "{detail}");
    }

    #[test]
    fn an_unknown_field_is_refused_by_name() {
        let (code, detail) = refusal(r#"{"traffic": [], "trafic": 1}"#);
        assert_eq!(code, Code::Invalid);
        assert!(detail.contains("unknown field `trafic`"), "{detail}");
    }

    #[test]
    fn a_content_type_is_read_without_its_parameters() {
        let mut headers = HeaderMap::new();
        assert!(!is_json(&headers));
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("Application/JSON; charset=utf-8"),
        );
        assert!(is_json(&headers));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        assert!(!is_json(&headers));
    }
}
