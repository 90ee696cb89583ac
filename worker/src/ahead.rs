//! The beginning of a guest's body, taken before its head is sent. It is often all there is: then the
//! head tells its length, and one write to the socket carries both.

use std::{
    collections::VecDeque,
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use wasmtime_wasi_http::{Error, WasiBody};

/// More than this is sent as it comes.
const MAX_BYTES: usize = 64 << 10;
/// Times that the thread's other tasks run in between, an instance that calls share among them.
const TURNS: u32 = 2;

/// A guest's body, led by the pieces that were taken off it.
pub(crate) struct Ahead {
    taken: VecDeque<Frame<Bytes>>,
    bytes: usize,
    rest: WasiBody,
    end: Option<End>,
}

enum End {
    Whole,
    Broken(Error),
}

impl Ahead {
    /// Takes what comes at once, running the guest meanwhile; `guest` is left empty where it is done.
    pub(crate) async fn of<G>(body: WasiBody, guest: &mut Option<G>) -> Self
    where
        G: Future<Output = ()> + Unpin,
    {
        let mut ahead = Self {
            taken: VecDeque::new(),
            bytes: 0,
            rest: body,
            end: None,
        };
        let mut turns = 0;
        poll_fn(|cx| {
            ahead.take(cx);
            if let Some(running) = guest
                && Pin::new(running).poll(cx).is_ready()
            {
                *guest = None;
            }
            ahead.take(cx);
            if turns == TURNS || ahead.is_whole() || ahead.bytes >= MAX_BYTES {
                return Poll::Ready(());
            }
            turns += 1;
            // Not tokio's yield, which looks for new requests first.
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
        ahead
    }

    /// Whether nothing comes after what was taken.
    pub(crate) fn is_whole(&self) -> bool {
        self.end.is_some()
    }

    fn take(&mut self, cx: &mut Context<'_>) {
        while self.end.is_none() && self.bytes < MAX_BYTES {
            match Pin::new(&mut self.rest).poll_frame(cx) {
                Poll::Ready(Some(Ok(frame))) => {
                    self.bytes += frame.data_ref().map_or(0, Bytes::len);
                    self.taken.push_back(frame);
                }
                Poll::Ready(Some(Err(error))) => self.end = Some(End::Broken(error)),
                Poll::Ready(None) => self.end = Some(End::Whole),
                Poll::Pending => return,
            }
        }
    }
}

impl Body for Ahead {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Some(frame) = self.taken.pop_front() {
            return Poll::Ready(Some(Ok(frame)));
        }
        if self.end.is_none() {
            return Pin::new(&mut self.rest).poll_frame(cx);
        }
        match self.end.replace(End::Whole) {
            Some(End::Broken(error)) => Poll::Ready(Some(Err(error))),
            _ => Poll::Ready(None),
        }
    }
}
