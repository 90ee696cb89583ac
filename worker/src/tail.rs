//! The last log lines of a call with its response, for whoever tries a function: the body is gathered
//! first, since lines come until it ends.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Response};
use http_body_util::BodyExt as _;

use crate::{body::ResponseBody, invocation::Invocation, outcome::Failed};

const HEADER: &str = "x-atoll-logs";

/// Adds the lines, in base64: a header may not hold what a guest may write.
pub(crate) async fn with_logs(
    response: Response<ResponseBody>,
    invocation: Arc<Invocation>,
) -> Result<Response<ResponseBody>, Failed> {
    let (mut head, body) = response.into_parts();
    // No larger than the limit of responses.
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    let lines = BASE64_STANDARD.encode(invocation.tail());
    if let Ok(lines) = HeaderValue::try_from(lines) {
        head.headers.insert(HEADER, lines);
    }
    let body = ResponseBody::whole(body.to_bytes(), trailers);
    Ok(Response::from_parts(head, body))
}
