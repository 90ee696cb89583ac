//! Requests: one with all its parts, many at once, one that passes a body through, and a chain of functions.

use std::io::Write as _;

use wasip2::{
    http::{
        outgoing_handler,
        types::{
            ErrorCode, Fields, FutureIncomingResponse, HeaderError, IncomingBody, IncomingRequest, IncomingResponse,
            Method, OutgoingBody, OutgoingRequest, OutgoingResponse, RequestOptions, ResponseOutparam, Scheme,
        },
    },
    io::streams::{InputStream, StreamError},
};

use crate::{answer, query::Query};

const PIECE: usize = 4096;

/// `url`, `method`, `header=name:value` as often as wanted, `body=N` bytes, `trailer=name:value`, and the three
/// timeouts in milliseconds. Answers with status, headers and the body, or with the error.
pub fn one(query: &Query) -> String {
    match start(query).and_then(|future| wait(&future)) {
        Ok(response) => {
            let status = response.status();
            let headers = response.headers().entries();
            let headers = headers.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)));
            let headers: String = headers.collect();
            format!("{status}\n{headers}\n{}", read(&response))
        }
        Err(error) => format!("error: {error}\n"),
    }
}

/// `count` of them at once, then what came of each, in order.
pub fn many(query: &Query) -> String {
    let count = query.number("count").unwrap_or(2);
    let started: Vec<_> = (0..count).map(|_| start(query)).collect();
    let told = started.into_iter().map(|future| match future.and_then(|future| wait(&future)) {
        Ok(response) => format!("{} {}\n", response.status(), read(&response).trim()),
        Err(error) => format!("error: {error}\n"),
    });
    told.collect()
}

/// Sends the request's own body to `url`, and what comes back to the caller, both as they come.
pub fn relay(request: IncomingRequest, out: ResponseOutparam, query: &Query) {
    let sent = prepare(query).and_then(|(onward, options)| {
        let body = onward.body().expect("the first take of the body");
        let future = outgoing_handler::handle(onward, options).map_err(named)?;
        let incoming = request.consume().expect("the first take of the body");
        let input = incoming.stream().expect("the first take of the stream");
        let output = body.write().expect("the first take of the stream");
        let mut bytes = 0;
        while let Ok(piece) = input.blocking_read(PIECE as u64) {
            bytes += piece.len();
            if output.blocking_write_and_flush(&piece).is_err() {
                break;
            }
        }
        eprintln!("relayed {bytes} bytes");
        drop(output);
        let _ = OutgoingBody::finish(body, None);
        wait(&future)
    });
    match sent {
        Ok(response) => pass(&response, out),
        Err(error) => answer(out, 502, &format!("error: {error}\n")),
    }
}

/// Asks `host` for the same path with `left` one less, until that is 0; passes its answer on.
pub fn depth(out: ResponseOutparam, query: &Query) {
    let left = query.number("left").unwrap_or(0);
    if left == 0 {
        return answer(out, 200, "bottom\n");
    }
    let host = query.text("host").unwrap_or("courier.atoll.internal");
    let url = format!("http://{host}/depth?host={host}&left={}", left - 1);
    let onward = Query::parse(&format!("url={}", url.replace('%', "%25").replace('&', "%26")));
    match start(&onward).and_then(|future| wait(&future)) {
        Ok(response) => pass(&response, out),
        Err(error) => answer(out, 502, &format!("error: {error}\n")),
    }
}

fn start(query: &Query) -> Result<FutureIncomingResponse, String> {
    let (request, options) = prepare(query)?;
    let body = request.body().expect("the first take of the body");
    let future = outgoing_handler::handle(request, options).map_err(named)?;
    let mut stream = body.write().expect("the first take of the stream");
    let mut left = query.number("body").unwrap_or(0) as usize;
    while left > 0 {
        let size = left.min(PIECE);
        if stream.write_all(&[b'x'; PIECE][..size]).is_err() {
            break;
        }
        left -= size;
    }
    drop(stream);
    let trailers = query.text("trailer").map(|line| fields(std::iter::once(line))).transpose()?;
    let _ = OutgoingBody::finish(body, trailers);
    Ok(future)
}

fn prepare(query: &Query) -> Result<(OutgoingRequest, Option<RequestOptions>), String> {
    let url = query.text("url").ok_or("url is missing")?;
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let request = OutgoingRequest::new(fields(query.all("header"))?);
    let method = match query.text("method") {
        None if query.number("body").is_some() => Method::Post,
        None | Some("GET") => Method::Get,
        Some("POST") => Method::Post,
        Some("CONNECT") => Method::Connect,
        Some(other) => Method::Other(other.to_owned()),
    };
    request.set_method(&method).map_err(|()| "the method was refused")?;
    request.set_scheme(Some(&scheme)).map_err(|()| "the scheme was refused")?;
    request.set_authority(Some(authority)).map_err(|()| "the authority was refused")?;
    let path = if path.is_empty() { "/" } else { path };
    request.set_path_with_query(Some(path)).map_err(|()| "the path was refused")?;

    let options = RequestOptions::new();
    let ms = |name| query.number(name).map(|ms| ms * 1_000_000);
    let _ = options.set_connect_timeout(ms("connect_ms"));
    let _ = options.set_first_byte_timeout(ms("first_byte_ms"));
    let _ = options.set_between_bytes_timeout(ms("between_bytes_ms"));
    Ok((request, Some(options)))
}

fn fields<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Fields, String> {
    let fields = Fields::new();
    for line in lines {
        let (name, value) = line.split_once(':').unwrap_or((line, ""));
        fields.append(name, value.as_bytes()).map_err(|error| match error {
            HeaderError::Forbidden => format!("{name} is forbidden"),
            HeaderError::InvalidSyntax => format!("{name} is malformed"),
            _ => format!("{name} was refused"),
        })?;
    }
    Ok(fields)
}

fn wait(future: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    future.subscribe().block();
    let response = future.get().expect("it is ready").expect("the first take of the response");
    response.map_err(named)
}

/// The body as text, with what broke it off.
fn read(response: &IncomingResponse) -> String {
    let body = response.consume().expect("the first take of the body");
    let stream = body.stream().expect("the first take of the stream");
    let mut bytes = Vec::new();
    let end = pieces(&stream, |piece| {
        bytes.extend_from_slice(piece);
        true
    });
    drop(stream);
    drop(IncomingBody::finish(body));
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if bytes.len() > 64 * 1024 {
        text = format!("{} bytes", bytes.len());
    }
    match end {
        Ok(()) => text,
        Err(error) => format!("{text}\nbroken off: {error}\n"),
    }
}

fn pass(response: &IncomingResponse, out: ResponseOutparam) {
    let onward = OutgoingResponse::new(Fields::new());
    onward.set_status_code(response.status()).expect("a valid status");
    for value in response.headers().get("x-atoll-error") {
        let _ = onward.headers().append("x-callee-error", &value);
    }
    let outgoing = onward.body().expect("the first take of the body");
    ResponseOutparam::set(out, Ok(onward));
    let mut output = outgoing.write().expect("the first take of the stream");
    let body = response.consume().expect("the first take of the body");
    let stream = body.stream().expect("the first take of the stream");
    let _ = pieces(&stream, |piece| output.write_all(piece).is_ok() && output.blocking_flush().is_ok());
    drop(stream);
    drop(output);
    let _ = OutgoingBody::finish(outgoing, None);
}

fn pieces(stream: &InputStream, mut take: impl FnMut(&[u8]) -> bool) -> Result<(), String> {
    loop {
        match stream.blocking_read(PIECE as u64) {
            Ok(piece) if take(&piece) => {}
            Ok(_) | Err(StreamError::Closed) => return Ok(()),
            Err(StreamError::LastOperationFailed(error)) => {
                let code = wasip2::http::types::http_error_code(&error);
                return Err(code.map_or_else(|| error.to_debug_string(), named));
            }
        }
    }
}

/// `ErrorCode::DnsError(…)` is `DnsError`.
fn named(code: ErrorCode) -> String {
    let text = format!("{code:?}");
    let text = text.strip_prefix("ErrorCode::").unwrap_or(&text);
    text.split(['(', ' ']).next().unwrap_or(text).to_owned()
}
