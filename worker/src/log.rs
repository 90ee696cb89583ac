//! The log of one call: lines of the guest and of the platform about it, each with its moment, bounded
//! by the function's limit. Writing never waits and never fails; what is over the limit is dropped.

use std::sync::{Arc, Mutex, MutexGuard};

use domain::{
    FunctionId, RequestId, TenantId,
    telemetry::{LogLine, LogStream},
};

use crate::{clock, invocation::About, telemetry::Telemetry};

const MAX_LINE_BYTES: usize = 8 << 10;
/// Of the last lines, for a caller that wants them with its response.
const TAIL_BYTES: usize = 4 << 10;

pub(crate) struct Log {
    tenant: TenantId,
    function: FunctionId,
    version: u32,
    request: RequestId,
    telemetry: Arc<Telemetry>,
    lines: Mutex<Lines>,
}

struct Lines {
    left_bytes: usize,
    /// That something was dropped is said once.
    is_over: bool,
    number: u32,
    /// The unfinished line of each stream.
    partial: [Vec<u8>; 2],
    tail: Option<String>,
}

impl Log {
    pub(crate) fn new(
        about: &About,
        limit_bytes: u32,
        tail: bool,
        telemetry: &Arc<Telemetry>,
    ) -> Self {
        Self {
            tenant: about.tenant.id,
            function: about.function.id,
            version: about.version.number,
            request: about.id,
            telemetry: Arc::clone(telemetry),
            lines: Mutex::new(Lines {
                left_bytes: limit_bytes as usize,
                is_over: false,
                number: 0,
                partial: Default::default(),
                tail: tail.then(String::new),
            }),
        }
    }

    /// Bytes of stdout or stderr, as they come.
    pub(crate) fn write(&self, stream: LogStream, bytes: &[u8]) {
        let mut lines = self.lines();
        let partial = partial_of(stream);
        let kept = lines.take(bytes.len());
        for piece in bytes[..kept].split_inclusive(|&byte| byte == b'\n') {
            for part in piece.chunks(MAX_LINE_BYTES) {
                lines.partial[partial].extend_from_slice(part);
                if part.ends_with(b"\n") || lines.partial[partial].len() >= MAX_LINE_BYTES {
                    self.flush(&mut lines, stream);
                }
            }
        }
        if kept < bytes.len() {
            self.flush(&mut lines, stream);
            self.say_that_it_is_over(&mut lines);
        }
    }

    /// A whole line of `wasi:logging`.
    pub(crate) fn say(&self, level: &str, text: &str) {
        let mut lines = self.lines();
        let kept = lines.take(text.len());
        let end = text.floor_char_boundary(kept.min(MAX_LINE_BYTES));
        if end > 0 || text.is_empty() {
            self.emit(&mut lines, LogStream::Log, level, &text[..end]);
        }
        if kept < text.len() {
            self.say_that_it_is_over(&mut lines);
        }
    }

    /// What the platform adds, beyond the limit too: there is little of it.
    pub(crate) fn platform(&self, level: &str, text: &str) {
        let end = text.floor_char_boundary(text.len().min(MAX_LINE_BYTES));
        let mut lines = self.lines();
        for line in text[..end].lines().filter(|line| !line.is_empty()) {
            self.emit(&mut lines, LogStream::Platform, level, line);
        }
    }

    /// Writes what has no end of line.
    pub(crate) fn end(&self) {
        let mut lines = self.lines();
        self.flush(&mut lines, LogStream::Stdout);
        self.flush(&mut lines, LogStream::Stderr);
    }

    pub(crate) fn tail(&self) -> String {
        self.end();
        self.lines().tail.clone().unwrap_or_default()
    }

    fn say_that_it_is_over(&self, lines: &mut Lines) {
        if !lines.is_over {
            lines.is_over = true;
            let text = "the log's limit is reached, the rest is dropped";
            self.emit(lines, LogStream::Platform, "warn", text);
        }
    }

    fn flush(&self, lines: &mut Lines, stream: LogStream) {
        let bytes = std::mem::take(&mut lines.partial[partial_of(stream)]);
        if bytes.is_empty() {
            return;
        }
        let text = String::from_utf8_lossy(&bytes);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let level = match stream {
            LogStream::Stderr => "error",
            _ => "info",
        };
        self.emit(lines, stream, level, line);
    }

    fn emit(&self, lines: &mut Lines, stream: LogStream, level: &str, text: &str) {
        lines.number += 1;
        // A log is read in terminals: a guest may not drive one.
        let text = text.replace(|c: char| c.is_control() && c != '\t', "\u{fffd}");
        if let Some(tail) = &mut lines.tail {
            keep_last(tail, level, &text);
        }
        tracing::debug!(target: "guest", request_id = %self.request, level, "{text}");
        self.telemetry.line(LogLine {
            tenant: self.tenant,
            function: self.function,
            version: self.version,
            request: self.request,
            number: lines.number,
            at: clock::now(),
            stream,
            level: level.to_owned(),
            text,
        });
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().expect("nobody panics while holding it")
    }
}

impl Lines {
    /// How many of these bytes are within the limit.
    fn take(&mut self, bytes: usize) -> usize {
        let taken = bytes.min(self.left_bytes);
        self.left_bytes -= taken;
        taken
    }
}

fn partial_of(stream: LogStream) -> usize {
    usize::from(stream == LogStream::Stderr)
}

fn keep_last(tail: &mut String, level: &str, text: &str) {
    tail.push_str(level);
    tail.push(' ');
    tail.push_str(text);
    tail.push('\n');
    if tail.len() > TAIL_BYTES {
        let over = tail.ceil_char_boundary(tail.len() - TAIL_BYTES);
        // Whole lines, unless the last one alone is too long.
        let cut = tail[over..].find('\n').map_or(over, |end| over + end + 1);
        let cut = if cut == tail.len() { over } else { cut };
        tail.drain(..cut);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_is_the_last_whole_lines() {
        let mut tail = String::new();
        for number in 0..1_000 {
            keep_last(&mut tail, "info", &format!("line {number}"));
        }
        assert!(tail.len() <= TAIL_BYTES && tail.len() > TAIL_BYTES - 20);
        assert!(tail.starts_with("info line ") && tail.ends_with("info line 999\n"));
        keep_last(&mut tail, "info", &"é".repeat(TAIL_BYTES));
        assert!(tail.len() <= TAIL_BYTES && tail.ends_with("é\n"));
    }
}
