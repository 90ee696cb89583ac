//! Whole answers with small bodies: what the guest was told, and what the host lets it say.

use std::sync::atomic::{AtomicU32, Ordering};

use wasip2::http::types::{Fields, HeaderError, Method, Scheme};

use crate::call::{Call, headers as fields, pause, quoted};

pub fn status(call: Call) {
    let code = call.number("code").unwrap_or(200) as u16;
    let mut body = call.start(code, fields(&[("content-type", "text/plain")]));
    // These carry no body by definition, and a host may refuse one.
    if !matches!(code, 204 | 304) {
        body.send(format!("status {code}\n").as_bytes());
    }
    body.finish(None);
}

/// Everything that the request says of itself.
pub fn inspect(call: Call) {
    let request = &call.request;
    let headers: Vec<String> = request
        .headers()
        .entries()
        .iter()
        .map(|(name, value)| {
            format!(
                "[{},{}]",
                quoted(name),
                quoted(&String::from_utf8_lossy(value))
            )
        })
        .collect();
    let json = format!(
        r#"{{"method":{},"path_with_query":{},"scheme":{},"authority":{},"headers":[{}]}}"#,
        quoted(&method(request.method())),
        optional(request.path_with_query()),
        optional(request.scheme().map(scheme)),
        optional(request.authority()),
        headers.join(","),
    );
    call.answer(200, "application/json", &json);
}

/// `count` headers beside the content type, or as many as the host takes.
pub fn headers(call: Call) {
    let list = fields(&[("content-type", "text/plain")]);
    let wanted = call.number("count").unwrap_or(10);
    let taken = (0..wanted)
        .take_while(|number| {
            list.append(&format!("x-number-{number}"), number.to_string().as_bytes())
                .is_ok()
        })
        .count();
    let mut body = call.start(200, list);
    body.send(format!("{taken} headers\n").as_bytes());
    body.finish(None);
}

pub fn cookie(call: Call) {
    let list = fields(&[
        ("content-type", "text/plain"),
        ("set-cookie", "wide=1; Domain=example.com; Path=/"),
        ("set-cookie", "narrow=1; Path=/; HttpOnly"),
    ]);
    let mut body = call.start(200, list);
    body.send(b"two cookies\n");
    body.finish(None);
}

/// What the host says to headers that would break the framing of the response.
pub fn bad_header(call: Call) {
    let attempts = [
        ("x-newline", "one\r\nx-injected: two"),
        ("bad name", "value"),
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
    ];
    let verdicts: Vec<String> = attempts
        .iter()
        .map(
            |(name, value)| match Fields::new().append(name, value.as_bytes()) {
                Ok(()) => format!("{name}: accepted\n"),
                Err(HeaderError::InvalidSyntax) => format!("{name}: invalid syntax\n"),
                Err(HeaderError::Forbidden) => format!("{name}: forbidden\n"),
                Err(error) => format!("{name}: {error}\n"),
            },
        )
        .collect();
    call.text(200, &verdicts.concat());
}

pub fn log(call: Call) {
    println!("first line on stdout");
    eprintln!("a line on stderr");
    println!("second line on stdout");
    call.text(200, "logged\n");
}

/// Stays 1 for as long as every call gets an instance of its own.
pub fn counter(call: Call) {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    call.text(200, &format!("{calls}\n"));
}

pub fn sleep(call: Call) {
    let milliseconds = call.number("ms").unwrap_or(100);
    pause(milliseconds);
    call.text(200, &format!("slept {milliseconds} ms\n"));
}

fn optional(text: Option<String>) -> String {
    text.map_or("null".to_owned(), |text| quoted(&text))
}

fn method(method: Method) -> String {
    match method {
        Method::Get => "GET".to_owned(),
        Method::Head => "HEAD".to_owned(),
        Method::Post => "POST".to_owned(),
        Method::Put => "PUT".to_owned(),
        Method::Delete => "DELETE".to_owned(),
        Method::Connect => "CONNECT".to_owned(),
        Method::Options => "OPTIONS".to_owned(),
        Method::Trace => "TRACE".to_owned(),
        Method::Patch => "PATCH".to_owned(),
        Method::Other(name) => name,
    }
}

fn scheme(scheme: Scheme) -> String {
    match scheme {
        Scheme::Http => "http".to_owned(),
        Scheme::Https => "https".to_owned(),
        Scheme::Other(name) => name,
    }
}
