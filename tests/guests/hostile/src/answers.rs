//! Answers that try to break the framing of HTTP, or to hold what they were given.

use std::io::Write;

use wasip2::http::types::{
    Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam,
};

pub fn text(out: ResponseOutparam, text: &str) {
    finish(start(out, Fields::new()), text.as_bytes(), None);
}

/// Each that the host takes is in the answer's trailers, each that it refuses in its body.
pub fn forbidden_trailers(out: ResponseOutparam) {
    let trailers = Fields::new();
    let mut refused = Vec::new();
    let names = [
        "content-length", "transfer-encoding", "host", "connection", "trailer", "te", "upgrade",
        "set-cookie", "x-atoll-error", "x-request-id", "content-encoding", "x-fine",
    ];
    for name in names {
        if trailers.append(name, b"100").is_err() {
            refused.push(name);
        }
    }
    let body = start(out, Fields::new());
    finish(body, refused.join(",").as_bytes(), Some(trailers));
}

/// How the host takes a value that would be two headers, or a head of its own.
pub fn split_value(out: ResponseOutparam) {
    let fields = Fields::new();
    let mut taken = Vec::new();
    let values: [&[u8]; 6] = [
        b"a\r\nx-split: 1",
        b"a\nx-split: 1",
        b"a\rx-split: 1",
        b"a\0b",
        b"a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"a\r\n folded",
    ];
    for (number, value) in values.into_iter().enumerate() {
        if fields.append("x-value", value).is_ok() {
            taken.push(number.to_string());
        }
    }
    for name in ["x split", "x-split:", "x-\r\nsplit", "", "x-\u{e9}"] {
        if fields.append(name, b"1").is_ok() {
            taken.push(format!("{name:?}"));
        }
    }
    finish(start(out, fields), taken.join(",").as_bytes(), None);
}

/// Every status that the host would take, of all that a number of 16 bits can say.
pub fn statuses() -> String {
    let taken: Vec<u16> = (0..=u16::MAX)
        .filter(|status| {
            OutgoingResponse::new(Fields::new())
                .set_status_code(*status)
                .is_ok()
        })
        .collect();
    let (first, last) = (taken.first(), taken.last());
    format!("{first:?} to {last:?}, {} in all", taken.len())
}

/// Two lengths, both wrong.
pub fn lying_length(out: ResponseOutparam) {
    let fields = Fields::new();
    let _ = fields.append("content-length", b"3");
    let _ = fields.append("content-length", b"7");
    finish(start(out, fields), b"five!", None);
}

pub fn endless_body(out: ResponseOutparam) {
    let body = start(out, Fields::new());
    let mut stream = body.write().expect("the first take of the stream");
    let piece = [b'x'; 4096];
    while stream.write_all(&piece).is_ok() {}
}

/// Takes the request's body, reads none of it, and answers all the same.
pub fn hold_body(request: IncomingRequest, out: ResponseOutparam) {
    let body = request.consume();
    text(out, "held");
    drop(body);
}

fn start(out: ResponseOutparam, fields: Fields) -> OutgoingBody {
    let response = OutgoingResponse::new(fields);
    let body = response.body().expect("the first take of the body");
    ResponseOutparam::set(out, Ok(response));
    body
}

fn finish(body: OutgoingBody, text: &[u8], trailers: Option<Fields>) {
    if let Ok(mut stream) = body.write() {
        // A caller who went away is not our fault.
        let _ = stream.write_all(text);
    }
    let _ = OutgoingBody::finish(body, trailers);
}
