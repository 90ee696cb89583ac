//! Calling a function through a worker's internal listener, for `/invoke` and the try-it panel.

use std::time::{Duration, Instant};

use domain::{FunctionId, TenantId};
use rand::seq::IndexedRandom as _;
use store::nodes::{self, Node};

use crate::{Developer, Error, Member, Platform, feed, functions};

/// Over what the function may take: the way to the worker and back.
const GRACE: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Call {
    pub method: String,
    /// Path and query as the function sees them, `/items?page=2`.
    pub path: String,
    pub headers: Vec<(String, String)>,
    /// Streamed to the worker as it arrives.
    pub body: reqwest::Body,
    /// Asks for the invocation's last log lines, in the answer's header [`LOGS`].
    pub tail_logs: bool,
}

/// Base64 of at most 4 KiB of text, a line for each: its level, a space and what was written.
pub const LOGS: &str = "x-atoll-logs";

pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: reqwest::Body,
    /// From the call to the response's head.
    pub head_after: Duration,
}

/// `Unavailable` where no worker is live.
pub async fn call(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    call: Call,
) -> Result<Answer, Error> {
    let function = functions::get(p, &by.as_viewer(), function).await?.function;
    let node = pick(p).await?;
    let request = request(p, &node, by.tenant, function.id, call)?;
    let wall = Duration::from_millis(function.limits.wall_ms.into());

    let started = Instant::now();
    let sent = request.timeout(wall + GRACE).send().await;
    let response = sent.map_err(|error| away(Some(error.into())))?;
    let head_after = started.elapsed();
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = response.headers().iter();
    let headers = headers.map(|(name, value)| (name.to_string(), text(value.as_bytes())));
    Ok(Answer {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: response.into(),
        head_after,
    })
}

async fn pick(p: &Platform) -> Result<Node, Error> {
    let mut tx = p.db.platform().await?;
    let mut live = nodes::live(&mut tx).await?;
    // One that has just joined knows no function yet.
    live.retain(|node| node.applied.is_some());
    live.choose(&mut rand::rng())
        .cloned()
        .ok_or_else(|| away(None))
}

fn request(
    p: &Platform,
    node: &Node,
    tenant: TenantId,
    function: FunctionId,
    call: Call,
) -> Result<reqwest::RequestBuilder, Error> {
    let base = node.internal_url.trim_end_matches('/');
    let token = feed::invoke_token(p, function)?;
    let mut request = p
        .http
        .post(format!("{base}/internal/v1/invoke/{tenant}/{function}"))
        .bearer_auth(token)
        .header("x-atoll-invoke-method", call.method)
        .header("x-atoll-invoke-path", call.path);
    if call.tail_logs {
        request = request.header("x-atoll-invoke-logs", "tail");
    }
    for (name, value) in call.headers {
        if passes(&name) {
            request = request.header(name, value);
        }
    }
    Ok(request.body(call.body))
}

/// Not what belongs to this one connection (RFC 9110 §7.6.1), to us, or to the worker.
fn passes(name: &str) -> bool {
    const HELD_BACK: [&str; 12] = [
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = name.to_ascii_lowercase();
    !HELD_BACK.contains(&name.as_str()) && !name.starts_with("x-atoll-")
}

fn away(source: Option<anyhow::Error>) -> Error {
    Error::Unavailable {
        what: "a worker",
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::passes;

    #[test]
    fn our_own_credentials_and_the_connection_stay_behind() {
        assert!(passes("Accept") && passes("x-request-id") && passes("cookie"));
        assert!(!passes("Authorization") && !passes("X-Atoll-Invoke-Path"));
        assert!(!passes("Transfer-Encoding") && !passes("Host"));
    }
}
