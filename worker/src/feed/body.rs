//! A state on its way in: read by a thread that may block while its chunks still come, so that no
//! state is ever in memory whole.

use std::{
    io::{self, Read},
    pin::Pin,
};

use bytes::{Buf as _, Bytes};
use futures::{Stream, StreamExt as _, stream};
use tokio::sync::mpsc;

/// More than any sane state.
const MAX_BYTES: usize = 512 << 20;
/// Chunks that wait for the thread that reads.
const AHEAD: usize = 16;

/// What travels: chunks from somewhere, the last of which may be a failure.
pub(super) struct Body(Pin<Box<dyn Stream<Item = io::Result<Bytes>> + Send>>);

pub(super) struct BodyReader {
    chunks: mpsc::Receiver<io::Result<Bytes>>,
    current: Bytes,
    seen: usize,
}

impl Body {
    pub(super) fn of_response(response: reqwest::Response) -> Self {
        let chunks = response.bytes_stream();
        Self(chunks.map(|chunk| chunk.map_err(io::Error::other)).boxed())
    }

    pub(super) fn of_bytes(bytes: Bytes) -> Self {
        Self(stream::iter([Ok(bytes)]).boxed())
    }

    /// The reader, and what has to be polled beside it until it ends.
    pub(super) fn split(mut self) -> (BodyReader, impl Future<Output = ()> + Send) {
        let (sender, chunks) = mpsc::channel(AHEAD);
        let pump = async move {
            while let Some(chunk) = self.0.next().await {
                // A reader that has seen enough goes away.
                if sender.send(chunk).await.is_err() {
                    return;
                }
            }
        };
        let reader = BodyReader {
            chunks,
            current: Bytes::new(),
            seen: 0,
        };
        (reader, pump)
    }
}

impl Read for BodyReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.current.is_empty() {
            match self.chunks.blocking_recv() {
                Some(chunk) => self.current = chunk?,
                None => return Ok(0),
            }
            self.seen += self.current.len();
            if self.seen > MAX_BYTES {
                let text = format!("the state has more than {MAX_BYTES} bytes");
                return Err(io::Error::other(text));
            }
        }
        let count = self.current.len().min(into.len());
        self.current.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
