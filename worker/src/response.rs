//! From what a guest gave to what the connection sends.

use std::{sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use domain::Failure;
use http::{HeaderMap, Method, Response, StatusCode, header};
use http_body::Body;
use http_body_util::BodyExt as _;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};
use tokio_util::sync::CancellationToken;
use wasmtime_wasi_http::Error;

use crate::{
    ahead::Ahead,
    body::{self, GuestStream, ResponseBody},
    config::NodeLimits,
    headers,
    invocation::Invocation,
    outcome::Failed,
    sandbox::{Answer, Placed, wall_timeout},
};

/// How much longer than the wall limit a connection stands whose caller takes nothing.
const GRACE: Duration = Duration::from_millis(500);

/// Of the request, what shapes its response.
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a Method,
    pub(crate) host: &'a str,
    /// Cuts the connection, for a caller that takes nothing of a stream.
    pub(crate) cut: &'a CancellationToken,
}

pub(crate) async fn deliver(
    answer: Answer,
    invocation: &Arc<Invocation>,
    asked: &Asked<'_>,
    limits: &NodeLimits,
) -> Result<Response<ResponseBody>, Failed> {
    let result = shape(answer, invocation, asked, limits).await;
    if let Err(failed) = &result {
        invocation.fail(failed.clone());
    }
    result
}

async fn shape(
    answer: Answer,
    invocation: &Arc<Invocation>,
    asked: &Asked<'_>,
    limits: &NodeLimits,
) -> Result<Response<ResponseBody>, Failed> {
    let (mut head, given) = answer.response.into_parts();
    if !(200..600).contains(&head.status.as_u16()) {
        let detail = format!(
            "the function answered with the status {}",
            head.status.as_u16()
        );
        return Err(Failed::new(Failure::InvalidResponse, detail));
    }
    let length = headers::for_caller(&mut head.headers, asked.host)?;
    body::check_length(invocation, length.unwrap_or(0))?;

    if head.status == StatusCode::NO_CONTENT {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let bodyless = asked.method == Method::HEAD
        || matches!(
            head.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    let mut guest = answer.rest;
    let body = if bodyless {
        go_on(guest);
        invocation.delivered();
        Bytes::new().into()
    } else if guest.is_none() {
        whole(given, length, invocation).await?
    } else {
        let ahead = Ahead::of(given, &mut guest).await;
        if ahead.is_whole() {
            go_on(guest);
            whole(ahead, length, invocation).await?
        } else {
            stream(ahead, length, guest, invocation, asked, limits)
        }
    };
    invocation.responded(head.status.as_u16());
    Ok(Response::from_parts(head, body))
}

/// A guest may have something left to do when its body is complete.
fn go_on(guest: Option<Placed>) {
    if let Some(guest) = guest {
        tokio::spawn(guest);
    }
}

fn stream(
    body: Ahead,
    length: Option<u64>,
    guest: Option<Placed>,
    invocation: &Arc<Invocation>,
    asked: &Asked<'_>,
    limits: &NodeLimits,
) -> ResponseBody {
    let (gone, body_gone) = oneshot::channel();
    let task = tokio::spawn(outlast(
        guest,
        body_gone,
        Arc::clone(invocation),
        asked.cut.clone(),
    ));
    let guest = task.abort_handle();
    let (body, invocation) = (body.boxed_unsync(), Arc::clone(invocation));
    let stream = GuestStream::new(body, invocation, length, guest, gone, limits.stall);
    ResponseBody::Stream(Box::new(stream))
}

/// A body that is complete, or whose guest is done: everything that was written is there to be taken.
async fn whole(
    mut given: impl Body<Data = Bytes, Error = Error> + Unpin,
    length: Option<u64>,
    invocation: &Arc<Invocation>,
) -> Result<ResponseBody, Failed> {
    let mut first = Bytes::new();
    let mut all = BytesMut::new();
    let mut trailers: Option<HeaderMap> = None;
    while let Some(frame) = given.frame().await {
        let frame = frame.map_err(|error| {
            let failed = invocation.failure().cloned();
            failed.unwrap_or_else(|| body::broken_off(&error))
        })?;
        match frame.into_data() {
            Ok(data) => {
                body::count(invocation, data.len() as u64)?;
                if first.is_empty() && all.is_empty() {
                    first = data;
                    continue;
                }
                if all.is_empty() {
                    all.extend_from_slice(&first);
                }
                all.extend_from_slice(&data);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    // The end of a channel looks the same whether the guest finished or fell.
    if let Some(failed) = invocation.failure() {
        return Err(failed.clone());
    }
    let data = if all.is_empty() { first } else { all.freeze() };
    match length {
        Some(length) if length > data.len() as u64 => return Err(body::shorter()),
        Some(length) if length < data.len() as u64 => return Err(body::longer()),
        _ => {}
    }
    invocation.delivered();
    Ok(ResponseBody::whole(data, trailers))
}

/// Lets a guest go on beside its body, and both no longer than the wall limit.
async fn outlast(
    guest: Option<Placed>,
    body_gone: oneshot::Receiver<()>,
    invocation: Arc<Invocation>,
    cut: CancellationToken,
) {
    if let Some(guest) = guest {
        guest.await;
    }
    // A body that is polled ends by itself, and its stream alone.
    let deadline = Instant::from_std(invocation.deadline()) + GRACE;
    if timeout_at(deadline, body_gone).await.is_err() {
        // Nobody polls the body of a caller that reads nothing; only its connection can be ended.
        invocation.fail(wall_timeout(&invocation));
        cut.cancel();
    }
}
