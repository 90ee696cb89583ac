//! Bodies on their way out and back, counted together against one limit.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{DEFAULT_FORBIDDEN_HEADERS, Error, WasiBody};

use crate::{invocation::Invocation, stall::Stall};

/// What a guest sends.
pub(super) struct Sent {
    body: WasiBody,
    invocation: Arc<Invocation>,
}

/// What it gets back.
pub(super) struct Received {
    body: WasiBody,
    invocation: Arc<Invocation>,
    stall: Stall,
}

impl Sent {
    pub(super) fn new(body: WasiBody, invocation: Arc<Invocation>) -> Self {
        Self { body, invocation }
    }
}

impl Received {
    pub(super) fn new(
        body: WasiBody,
        invocation: Arc<Invocation>,
        between_bytes: Duration,
    ) -> Self {
        Self {
            body,
            stall: Stall::new(between_bytes),
            invocation,
        }
    }
}

impl Body for Sent {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(mut frame) = ready!(Pin::new(&mut this.body).poll_frame(cx)).transpose()? else {
            return Poll::Ready(None);
        };
        if let Some(data) = frame.data_ref()
            && let Err(limit) = count(&this.invocation, data.len())
        {
            return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(limit)))));
        }
        if let Some(trailers) = frame.trailers_mut() {
            super::remove_ours(trailers);
            for name in &DEFAULT_FORBIDDEN_HEADERS {
                trailers.remove(name);
            }
            // Where a trailer could change how the message is framed, it would.
            trailers.remove(http::header::CONTENT_LENGTH);
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Body for Received {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
            ready!(this.stall.poll(cx));
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        this.stall.moved();
        let Some(frame) = frame.transpose()? else {
            return Poll::Ready(None);
        };
        if let Some(data) = frame.data_ref()
            && let Err(limit) = count(&this.invocation, data.len())
        {
            return Poll::Ready(Some(Err(Error::HttpResponseBodySize(Some(limit)))));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The limit, where these bytes go over it. Told once in the tenant's log.
fn count(invocation: &Invocation, bytes: usize) -> Result<(), u64> {
    let (bytes, limit) = (bytes as u64, invocation.limits.outbound_bytes);
    let before = invocation.outbound_bytes.fetch_add(bytes, Relaxed);
    if before + bytes <= limit {
        return Ok(());
    }
    if before <= limit {
        let text = format!(
            "the bodies of outbound requests have more than {limit} bytes together, the function's limit"
        );
        invocation.log.platform("warn", &text);
    }
    Err(limit)
}
