//! A command's stdin and stdout: the request's body, and the response as it is being written.
//! Both stream, so that neither side holds more than a few chunks of the other's.

use std::{
    sync::{Arc, Mutex},
    task::{Context, Poll, Waker},
};

use bytes::Bytes;
use futures::channel::oneshot;
use http::Response;
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt as _, StreamBody};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc,
};
use wasmtime_wasi::{
    cli::{IsTerminal, StdinStream, StdoutStream},
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult},
};
use wasmtime_wasi_http::WasiBody;

use super::{cgi, verdict::Invalid};

const CHUNKS: usize = 16;
const CHUNK_BYTES: usize = 16 << 10;
const MAX_HEAD_BYTES: usize = 64 << 10;

/// The request's body as stdin. Handles of the guest share it.
#[derive(Clone)]
pub(super) struct Stdin(Arc<Mutex<Input>>);

struct Input {
    body: Option<WasiBody>,
    /// Read from the body and not yet by the guest.
    chunk: Bytes,
}

impl Stdin {
    pub(super) fn new(body: WasiBody) -> Self {
        Self(Arc::new(Mutex::new(Input {
            body: Some(body),
            chunk: Bytes::new(),
        })))
    }
}

impl Input {
    /// Ready once there is a chunk or there never will be one.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.chunk.is_empty()
            && let Some(body) = &mut self.body
        {
            match std::pin::Pin::new(body).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(frame))) => self.chunk = frame.into_data().unwrap_or_default(),
                // A body that broke off ends: CGI has no word for it, and the call is marked.
                Poll::Ready(None | Some(Err(_))) => self.body = None,
            }
        }
        Poll::Ready(())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdin {
    async fn ready(&mut self) {
        let fill = |cx: &mut Context<'_>| self.0.lock().expect(UNPOISONED).poll_fill(cx);
        std::future::poll_fn(fill).await;
    }
}

impl InputStream for Stdin {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut input = self.0.lock().expect(UNPOISONED);
        let filled = input.poll_fill(&mut Context::from_waker(Waker::noop()));
        if input.chunk.is_empty() && filled.is_ready() {
            return Err(StreamError::Closed);
        }
        let size = size.min(input.chunk.len());
        Ok(input.chunk.split_to(size))
    }
}

impl IsTerminal for Stdin {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdinStream for Stdin {
    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        // Only guests of WASI 0.3 ask for it, and commands are of 0.2.
        Box::new(tokio::io::empty())
    }
}

/// A CGI response being written to stdout. Handles of the guest share it.
#[derive(Clone)]
pub(super) struct Stdout(Arc<Mutex<Output>>);

type Answer = oneshot::Sender<wasmtime::Result<Response<WasiBody>>>;

enum Output {
    Head(Vec<u8>, Answer),
    Body(mpsc::Sender<Bytes>),
    Closed,
}

impl Stdout {
    pub(super) fn new(answer: Answer) -> Self {
        Self(Arc::new(Mutex::new(Output::Head(Vec::new(), answer))))
    }

    /// The command has ended: a head that is not whole will never be.
    pub(super) fn close(&self) {
        let mut output = self.0.lock().expect(UNPOISONED);
        if let Output::Head(_, answer) = std::mem::replace(&mut *output, Output::Closed) {
            let invalid =
                Invalid("the command ended before the empty line that ends the CGI header");
            let _ = answer.send(Err(invalid.into()));
        }
    }
}

impl Output {
    fn write(&mut self, bytes: Bytes) {
        let Self::Head(written, _) = self else {
            if let Self::Body(sender) = self {
                // Full only if a guest writes more than it was permitted to.
                let _ = sender.try_send(bytes);
            }
            return;
        };
        written.extend_from_slice(&bytes);
        let parsed = match cgi::head(written) {
            Some((parsed, body)) => {
                parsed.map(|head| (head, Bytes::copy_from_slice(&written[body..])))
            }
            None if written.len() <= MAX_HEAD_BYTES => return,
            None => Err(Invalid(
                "the command wrote a CGI header of more than 64 KiB",
            )),
        };
        let (sender, mut receiver) = mpsc::channel(CHUNKS + 1);
        let Self::Head(_, answer) = std::mem::replace(self, Self::Closed) else {
            return;
        };
        let answered = parsed.map(|(head, rest)| {
            if !rest.is_empty() {
                let _ = sender.try_send(rest);
            }
            let frames = futures::stream::poll_fn(move |cx| receiver.poll_recv(cx));
            let frames = futures::StreamExt::map(frames, |chunk| Ok(Frame::data(chunk)));
            *self = Self::Body(sender);
            head.map(|()| StreamBody::new(frames).boxed_unsync())
        });
        let _ = answer.send(answered.map_err(Into::into));
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stdout {
    async fn ready(&mut self) {
        let sender = match &*self.0.lock().expect(UNPOISONED) {
            Output::Body(sender) => sender.clone(),
            Output::Head(..) | Output::Closed => return,
        };
        // Ready too when nobody reads any more: the next write says so.
        let _ = sender.reserve().await;
    }
}

impl OutputStream for Stdout {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.0.lock().expect(UNPOISONED).write(bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        match &*self.0.lock().expect(UNPOISONED) {
            Output::Head(..) => Ok(CHUNK_BYTES),
            Output::Body(sender) if sender.is_closed() => Err(StreamError::Closed),
            Output::Body(sender) if sender.capacity() == 0 => Ok(0),
            Output::Body(_) => Ok(CHUNK_BYTES),
            Output::Closed => Err(StreamError::Closed),
        }
    }
}

impl IsTerminal for Stdout {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stdout {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only guests of WASI 0.3 ask for it, and commands are of 0.2.
        Box::new(tokio::io::sink())
    }
}

const UNPOISONED: &str = "nobody panics while holding it";
