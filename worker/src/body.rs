//! Bodies in both directions, counted, capped and watched: nothing else bounds what a caller sends
//! to a guest or a guest to a caller.

use std::{
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use domain::Failure;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use tokio::{sync::oneshot, task::AbortHandle};
use wasmtime_wasi_http::{Error, WasiBody};

use crate::{invocation::Invocation, outcome::Failed, stall::Stall};

/// A caller's body on its way to the guest.
pub(crate) struct RequestBody<B> {
    incoming: B,
    invocation: Arc<Invocation>,
    stall: Stall,
}

impl<B> RequestBody<B> {
    pub(crate) fn new(incoming: B, invocation: Arc<Invocation>, stall: Duration) -> Self {
        Self {
            incoming,
            // None of its own at the wall limit: the guest would take it for the caller's, and go on.
            stall: Stall::new(stall),
            invocation,
        }
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes, Error: Into<Error>> + Unpin,
{
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let invocation = &this.invocation;
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            invocation.awaits_caller.store(true, Relaxed);
            ready!(this.stall.poll(cx));
            let body = "the request's body";
            let failed = this.stall.failed(invocation, Failure::RequestTimeout, body);
            invocation.spoiled(failed);
            return Poll::Ready(Some(Err(Error::ConnectionReadTimeout)));
        };
        invocation.awaits_caller.store(false, Relaxed);
        this.stall.moved();
        let frame = match frame {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                invocation.spoiled(Failed::new(
                    Failure::BadRequest,
                    "the request's body broke off before its end",
                ));
                return Poll::Ready(Some(Err(error.into())));
            }
            None => return Poll::Ready(None),
        };
        if let Some(data) = frame.data_ref() {
            let bytes = data.len() as u64;
            let total = invocation.request_bytes.fetch_add(bytes, Relaxed) + bytes;
            let limit = invocation.limits.request_body_bytes;
            if total > limit {
                invocation.spoiled(too_large(limit));
                return Poll::Ready(Some(Err(Error::HttpRequestBodySize(Some(limit)))));
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

fn too_large(limit: u64) -> Failed {
    let detail =
        format!("the request's body has more than the {limit} bytes that this function takes");
    Failed::new(Failure::RequestTooLarge, detail).over(limit, None)
}

/// What the connection sends.
pub(crate) enum ResponseBody {
    /// All there is, its length known: a problem, or a guest that was done before its head was sent.
    Whole(Whole),
    Stream(Box<GuestStream>),
}

pub(crate) struct Whole {
    data: Option<Bytes>,
    trailers: Option<HeaderMap>,
}

impl From<Bytes> for ResponseBody {
    fn from(data: Bytes) -> Self {
        Self::whole(data, None)
    }
}

impl ResponseBody {
    /// Its call is over: a caller that is slow to take it holds no place of others.
    pub(crate) fn whole(data: Bytes, trailers: Option<HeaderMap>) -> Self {
        Self::Whole(Whole {
            data: Some(data).filter(|data| !data.is_empty()),
            trailers,
        })
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Failed;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        match self.get_mut() {
            Self::Whole(whole) => {
                let frame = whole.data.take().map(Frame::data);
                let frame = frame.or_else(|| whole.trailers.take().map(Frame::trailers));
                Poll::Ready(frame.map(Ok))
            }
            Self::Stream(stream) => stream.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.data.is_none() && whole.trailers.is_none(),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => {
                SizeHint::with_exact(whole.data.as_ref().map_or(0, |data| data.len() as u64))
            }
            Self::Stream(stream) => stream
                .left
                .map_or_else(SizeHint::default, SizeHint::with_exact),
        }
    }
}

/// A body that its guest is still writing.
pub(crate) struct GuestStream {
    pub(crate) body: WasiBody,
    pub(crate) invocation: Arc<Invocation>,
    /// Of the length that the guest declared.
    pub(crate) left: Option<u64>,
    /// The guest, which need not go on when nobody reads.
    pub(crate) guest: AbortHandle,
    /// Dropped with the body: tells the guest's task that nobody waits for it.
    pub(crate) _gone: oneshot::Sender<()>,
    stall: Stall,
    ended: bool,
}

impl GuestStream {
    pub(crate) fn new(
        body: WasiBody,
        invocation: Arc<Invocation>,
        length: Option<u64>,
        guest: AbortHandle,
        gone: oneshot::Sender<()>,
        stall: Duration,
    ) -> Self {
        Self {
            body,
            stall: Stall::new(stall).at_the_latest(invocation.deadline()),
            invocation,
            left: length,
            guest,
            _gone: gone,
            ended: false,
        }
    }

    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) else {
            ready!(self.stall.poll(cx));
            let stall = &self.stall;
            let failed = stall.failed(&self.invocation, Failure::WallTimeout, "the response");
            return self.broken(failed);
        };
        self.stall.moved();
        match frame {
            Some(Ok(frame)) => match frame.data_ref().map(|data| self.count(data.len() as u64)) {
                Some(Err(failed)) => self.broken(failed),
                _ => Poll::Ready(Some(Ok(frame))),
            },
            Some(Err(error)) => {
                let failed = self.invocation.failure().cloned();
                self.broken(failed.unwrap_or_else(|| broken_off(&error)))
            }
            // The end of a channel looks the same whether the guest finished or fell: it has told
            // the invocation before.
            None => match self.invocation.failure().cloned() {
                Some(failed) => self.broken(failed),
                None if self.left.is_some_and(|left| left > 0) => self.broken(shorter()),
                None => {
                    self.ended = true;
                    self.invocation.delivered();
                    Poll::Ready(None)
                }
            },
        }
    }

    fn count(&mut self, bytes: u64) -> Result<(), Failed> {
        count(&self.invocation, bytes)?;
        if let Some(left) = &mut self.left {
            *left = left.checked_sub(bytes).ok_or_else(longer)?;
            if *left == 0 {
                // Nobody asks for more than was declared.
                self.ended = true;
                self.invocation.delivered();
            }
        }
        Ok(())
    }

    /// An error here ends the connection without the terminator, or resets the stream.
    fn broken(&mut self, failed: Failed) -> Poll<Option<Result<Frame<Bytes>, Failed>>> {
        self.invocation.fail(failed.clone());
        self.ended = true;
        self.guest.abort();
        Poll::Ready(Some(Err(failed)))
    }
}

impl Drop for GuestStream {
    fn drop(&mut self) {
        if !self.ended {
            self.guest.abort();
        }
    }
}

/// Counts a piece of a response against its limit.
pub(crate) fn count(invocation: &Invocation, bytes: u64) -> Result<(), Failed> {
    let total = invocation.response_bytes.fetch_add(bytes, Relaxed) + bytes;
    check_length(invocation, total)
}

pub(crate) fn check_length(invocation: &Invocation, bytes: u64) -> Result<(), Failed> {
    let limit = invocation.limits.response_body_bytes;
    if bytes > limit {
        let detail = format!("the function's response has more than the {limit} bytes it may have");
        return Err(Failed::new(Failure::ResponseTooLarge, detail).over(limit, bytes));
    }
    Ok(())
}

pub(crate) fn broken_off(error: &Error) -> Failed {
    Failed::new(
        Failure::InvalidResponse,
        "the function's response broke off",
    )
    .because(error.to_string())
}

pub(crate) fn shorter() -> Failed {
    Failed::new(
        Failure::InvalidResponse,
        "the function's response is shorter than its Content-Length",
    )
}

pub(crate) fn longer() -> Failed {
    Failed::new(
        Failure::InvalidResponse,
        "the function's response is longer than its Content-Length",
    )
}
