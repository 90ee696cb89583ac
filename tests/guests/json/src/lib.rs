//! The guest that works for its answer: an order comes in as JSON, and goes out priced.

use std::io::{Read, Write};

use serde::{Deserialize, Serialize};
use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

wasip2::http::proxy::export!(Json);

struct Json;

#[derive(Deserialize, Serialize)]
struct Order {
    customer: String,
    lines: Vec<Line>,
    #[serde(default)]
    total_cents: u64,
}

#[derive(Deserialize, Serialize)]
struct Line {
    article: String,
    count: u64,
    cents: u64,
    tags: Vec<String>,
}

impl Guest for Json {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let (status, text) = match priced(&read(request)) {
            Ok(order) => (200, order),
            Err(error) => (400, format!("{{\"error\":{:?}}}", error.to_string()).into_bytes()),
        };
        let headers = Fields::new();
        headers
            .append("content-type", b"application/json")
            .expect("a valid header");
        let response = OutgoingResponse::new(headers);
        response.set_status_code(status).expect("a valid status");
        let body = response.body().expect("the first take of the body");
        ResponseOutparam::set(out, Ok(response));
        // A caller who went away is not our fault.
        let mut stream = body.write().expect("the first take of the stream");
        let _ = stream.write_all(&text);
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}

fn priced(json: &[u8]) -> serde_json::Result<Vec<u8>> {
    let mut order: Order = serde_json::from_slice(json)?;
    order.total_cents = order.lines.iter().map(|line| line.count * line.cents).sum();
    serde_json::to_vec(&order)
}

fn read(request: IncomingRequest) -> Vec<u8> {
    let mut bytes = Vec::new();
    let body = request.consume().expect("the first take of the body");
    let mut stream = body.stream().expect("the first take of the stream");
    // What breaks off is no JSON, which the parser says.
    let _ = stream.read_to_end(&mut bytes);
    bytes
}
