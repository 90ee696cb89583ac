//! Bodies: streamed, large, wrongly declared, with trailers.

use wasip2::http::types::{Fields, IncomingBody, IncomingRequest};
use wasip2::io::streams::StreamError;

use crate::call::{Call, headers, pause, start};

const CHUNK: u64 = 64 * 1024;

/// The head leaves before the first byte of the request's body is read, and each piece as it arrives.
pub fn echo(call: Call) {
    let Call { request, out } = call;
    let list = Fields::new();
    let content_type = request.headers().get("content-type");
    if !content_type.is_empty() {
        list.set("content-type", &content_type)
            .expect("it was valid when it came in");
    }
    let mut response = start(out, 200, list);
    let arrived_whole = read(&request, |piece| response.send_now(piece));
    if arrived_whole {
        response.finish(None);
    }
}

/// Reads the whole body before it answers its length.
pub fn count(call: Call) {
    let mut bytes = 0;
    let arrived_whole = read(&call.request, |piece| {
        bytes += piece.len();
        true
    });
    if arrived_whole {
        call.text(200, &format!("{bytes} bytes\n"));
    } else {
        call.text(400, &format!("the body broke off after {bytes} bytes\n"));
    }
}

pub fn stream(call: Call) {
    let chunks = call.number("chunks").unwrap_or(3);
    let milliseconds = call.number("ms").unwrap_or(0);
    let mut body = call.start(200, headers(&[("content-type", "text/plain")]));
    for number in 1..=chunks {
        if !body.send_now(format!("chunk {number}\n").as_bytes()) {
            return;
        }
        if number < chunks {
            pause(milliseconds);
        }
    }
    body.finish(None);
}

pub fn big(call: Call) {
    let mut left = call.number("bytes").unwrap_or(1024 * 1024);
    let mut body = call.start(
        200,
        headers(&[("content-type", "application/octet-stream")]),
    );
    let piece = [b'x'; CHUNK as usize];
    while left > 0 {
        let size = left.min(CHUNK);
        if !body.send(&piece[..size as usize]) {
            return;
        }
        left -= size;
    }
    body.finish(None);
}

/// Promises 100 bytes and writes 10.
pub fn wrong_length(call: Call) {
    let list = headers(&[("content-type", "text/plain"), ("content-length", "100")]);
    let mut body = call.start(200, list);
    body.send(b"ten bytes\n");
    let accepted = body.finish(None);
    eprintln!("the host took the short body: {accepted}");
}

pub fn trailers(call: Call) {
    let list = headers(&[("content-type", "text/plain"), ("trailer", "x-checksum")]);
    let mut body = call.start(200, list);
    body.send(b"a trailer follows\n");
    body.finish(Some(headers(&[("x-checksum", "0123abcd")])));
}

/// Goes on working after the response is complete.
pub fn linger(call: Call) {
    let milliseconds = call.number("ms").unwrap_or(1000);
    call.text(200, "answered\n");
    pause(milliseconds);
    println!("lingered {milliseconds} ms");
}

/// Gives the request's body to `take` in pieces until that says no; whether the body arrived whole.
fn read(request: &IncomingRequest, mut take: impl FnMut(&[u8]) -> bool) -> bool {
    let body = request.consume().expect("the first take of the body");
    let stream = body.stream().expect("the first take of the stream");
    let whole = loop {
        match stream.blocking_read(CHUNK) {
            Ok(piece) if take(&piece) => {}
            Ok(_) => break false,
            Err(StreamError::Closed) => break true,
            Err(StreamError::LastOperationFailed(_)) => break false,
        }
    };
    drop(stream);
    drop(IncomingBody::finish(body));
    whole
}
