//! A guest's stdout and stderr: cut into lines, stamped with the call they come from, bounded, and
//! written as they come, so that those before a trap are kept. Writing never blocks a guest, and
//! too much of it never fails: what is over the limit is dropped.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
};

use bytes::Bytes;
use domain::RequestId;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

use crate::{
    invocation::Invocation,
    table::{Function, Tenant},
};

const MAX_LINE_BYTES: usize = 8 << 10;
/// What a guest may hand over at a time.
const WRITE_BYTES: usize = 64 << 10;

#[derive(Clone, Copy)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

/// The log of one call.
#[derive(Clone)]
pub(super) struct Logs(Arc<Mutex<Lines>>);

struct Lines {
    tenant: Arc<Tenant>,
    function: Arc<Function>,
    version: u32,
    id: RequestId,
    left_bytes: usize,
    /// The unfinished line of each stream.
    partial: [Vec<u8>; 2],
}

impl Logs {
    pub(super) fn of(invocation: &Invocation) -> Self {
        Self(Arc::new(Mutex::new(Lines {
            tenant: Arc::clone(&invocation.tenant),
            function: Arc::clone(&invocation.function),
            version: invocation.version.number,
            id: invocation.id,
            left_bytes: invocation.limits.log_bytes as usize,
            partial: Default::default(),
        })))
    }

    pub(super) fn stream(&self, stream: Stream) -> LogStream {
        LogStream {
            logs: self.clone(),
            stream,
        }
    }
}

impl Lines {
    fn write(&mut self, stream: Stream, mut bytes: &[u8]) {
        if self.left_bytes == 0 {
            return;
        }
        let over = bytes.len() >= self.left_bytes;
        bytes = &bytes[..bytes.len().min(self.left_bytes)];
        self.left_bytes -= bytes.len();
        for piece in bytes.split_inclusive(|&byte| byte == b'\n') {
            for part in piece.chunks(MAX_LINE_BYTES) {
                self.partial[stream as usize].extend_from_slice(part);
                if part.ends_with(b"\n") || self.partial[stream as usize].len() >= MAX_LINE_BYTES {
                    self.flush(stream);
                }
            }
        }
        if over {
            self.flush(stream);
            self.emit(
                "platform",
                "the log's limit is reached, the rest is dropped",
            );
        }
    }

    fn flush(&mut self, stream: Stream) {
        let bytes = std::mem::take(&mut self.partial[stream as usize]);
        if bytes.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        // A log is read in terminals: a guest may not drive one.
        let line = line.replace(|c: char| c.is_control() && c != '\t', "\u{fffd}");
        let name = match stream {
            Stream::Stdout => "stdout",
            Stream::Stderr => "stderr",
        };
        self.emit(name, &line);
    }

    fn emit(&self, stream: &str, line: &str) {
        tracing::info!(
            target: "guest",
            tenant = %self.tenant.slug,
            function = self.function.name,
            version = self.version,
            request_id = %self.id,
            stream,
            "{line}",
        );
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.flush(Stream::Stdout);
        self.flush(Stream::Stderr);
    }
}

#[derive(Clone)]
pub(super) struct LogStream {
    logs: Logs,
    stream: Stream,
}

impl LogStream {
    fn push(&self, bytes: &[u8]) {
        let mut lines = self.logs.0.lock().expect("nobody panics while holding it");
        lines.write(self.stream, bytes);
    }
}

impl IsTerminal for LogStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogStream {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for LogStream {
    async fn ready(&mut self) {}
}

impl OutputStream for LogStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.push(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}

impl AsyncWrite for LogStream {
    fn poll_write(
        self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.push(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
