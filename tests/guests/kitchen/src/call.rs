//! A request with its answer: the little of wasi:http that every path needs.
//!
//! A caller who goes away is not our fault: writes report it, and none of them panics.

use std::{fmt::Write as _, io::Write};

use wasip2::{
    clocks::monotonic_clock,
    http::types::{
        Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam, Trailers,
    },
    io::streams::OutputStream,
};

pub struct Call {
    pub request: IncomingRequest,
    pub out: ResponseOutparam,
}

impl Call {
    pub fn new(request: IncomingRequest, out: ResponseOutparam) -> Self {
        Self { request, out }
    }

    pub fn path(&self) -> String {
        let target = self.target();
        target
            .split_once('?')
            .map_or(target.clone(), |(path, _)| path.to_owned())
    }

    pub fn target(&self) -> String {
        self.request
            .path_with_query()
            .unwrap_or_else(|| "/".to_owned())
    }

    /// A parameter of the query, percent-decoded.
    pub fn parameter(&self, name: &str) -> Option<String> {
        let target = self.target();
        let (_, query) = target.split_once('?')?;
        query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decoded(value))
    }

    pub fn number(&self, name: &str) -> Option<u64> {
        self.parameter(name)?.parse().ok()
    }

    pub fn text(self, status: u16, text: &str) {
        self.answer(status, "text/plain", text);
    }

    pub fn answer(self, status: u16, content_type: &str, text: &str) {
        let mut body = self.start(status, headers(&[("content-type", content_type)]));
        body.send(text.as_bytes());
        body.finish(None);
    }

    /// Sends the head; the body follows as the caller of this writes it.
    pub fn start(self, status: u16, headers: Fields) -> Body {
        start(self.out, status, headers)
    }
}

pub fn start(out: ResponseOutparam, status: u16, headers: Fields) -> Body {
    let response = OutgoingResponse::new(headers);
    if response.set_status_code(status).is_err() {
        // The host takes no such status: say so with one that it takes.
        response.set_status_code(500).expect("a valid status");
    }
    let body = response.body().expect("the first take of the body");
    ResponseOutparam::set(out, Ok(response));
    let stream = body.write().expect("the first take of the stream");
    Body { stream, body }
}

pub fn headers(list: &[(&str, &str)]) -> Fields {
    let fields = Fields::new();
    for (name, value) in list {
        fields
            .append(name, value.as_bytes())
            .expect("a valid header");
    }
    fields
}

/// A response's body while it is written. Its fields are dropped in this order: a body may not go before its stream.
pub struct Body {
    stream: OutputStream,
    body: OutgoingBody,
}

impl Body {
    /// Whether the caller is still there.
    pub fn send(&mut self, bytes: &[u8]) -> bool {
        self.stream.write_all(bytes).is_ok()
    }

    pub fn send_now(&mut self, bytes: &[u8]) -> bool {
        self.send(bytes) && self.stream.blocking_flush().is_ok()
    }

    /// Whether the host was content with the body as a whole.
    pub fn finish(self, trailers: Option<Trailers>) -> bool {
        drop(self.stream);
        OutgoingBody::finish(self.body, trailers).is_ok()
    }
}

pub fn pause(milliseconds: u64) {
    if milliseconds > 0 {
        monotonic_clock::subscribe_duration(milliseconds * 1_000_000).block();
    }
}

/// `text` as a JSON string, quotes included.
pub fn quoted(text: &str) -> String {
    let mut json = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            character if character < ' ' => {
                let _ = write!(json, "\\u{:04x}", character as u32);
            }
            character => json.push(character),
        }
    }
    json.push('"');
    json
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
