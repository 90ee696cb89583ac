//! Requests and responses over wasi:http 0.2, as much as a small API needs.

use std::io::{self, Read, Write};

use serde::Serialize;
use wasip2::{
    http::types::{
        Fields, IncomingBody, IncomingRequest, Method, OutgoingBody, OutgoingResponse,
        ResponseOutparam,
    },
    io::streams::OutputStream,
};

/// More than any honest body of this API.
const LARGEST_BODY: u64 = 1024 * 1024;

pub struct Request(IncomingRequest);

impl Request {
    pub fn new(request: IncomingRequest) -> Self {
        Self(request)
    }

    pub fn method(&self) -> Method {
        self.0.method()
    }

    /// Without the query.
    pub fn path(&self) -> String {
        let target = self.0.path_with_query().unwrap_or_default();
        match target.split('?').next() {
            None | Some("") => "/".to_owned(),
            Some(path) => path.to_owned(),
        }
    }

    pub fn header(&self, name: &str) -> Option<String> {
        let first = self.0.headers().get(name).into_iter().next()?;
        String::from_utf8(first).ok()
    }

    /// The whole body; it can be asked for once.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        let body = self.0.consume().map_err(|()| "the body was read already")?;
        let stream = body.stream().map_err(|()| "the body was read already")?;
        let mut bytes = Vec::new();
        let read = stream.take(LARGEST_BODY + 1).read_to_end(&mut bytes);
        drop(IncomingBody::finish(body));
        read.map_err(|error| format!("the body broke off: {error}"))?;
        if bytes.len() as u64 > LARGEST_BODY {
            return Err(format!("the body is larger than {LARGEST_BODY} bytes"));
        }
        Ok(bytes)
    }
}

pub struct Responder(ResponseOutparam);

impl Responder {
    pub fn new(out: ResponseOutparam) -> Self {
        Self(out)
    }

    pub fn json(self, status: u16, value: &impl Serialize) {
        let mut text = serde_json::to_string(value).expect("our values are JSON");
        text.push('\n');
        let mut body = self.stream(status, "application/json");
        if body.send(&text).is_ok() {
            body.finish();
        }
    }

    /// Sends the head now; the body follows as it is written.
    pub fn stream(self, status: u16, content_type: &str) -> Body {
        let headers = Fields::new();
        headers
            .set("content-type", &[content_type.as_bytes().to_vec()])
            .expect("a valid header");
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("a valid status");
        let body = response.body().expect("the first take of the body");
        ResponseOutparam::set(self.0, Ok(response));
        let stream = body.write().expect("the first take of the stream");
        Body { stream, body }
    }
}

/// A response's body while it is written. Dropped unfinished, it tells the caller that the response is not whole.
pub struct Body {
    // Before `body`: a stream must be dropped before what it writes to.
    stream: OutputStream,
    body: OutgoingBody,
}

impl Body {
    pub fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes())?;
        self.stream.blocking_flush().map_err(io::Error::other)
    }

    pub fn finish(self) {
        drop(self.stream);
        // It fails when the caller has gone away, which is no failure of ours.
        let _ = OutgoingBody::finish(self.body, None);
    }
}

pub fn name(method: &Method) -> String {
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
        Method::Other(name) => name.clone(),
    }
}
