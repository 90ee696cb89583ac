//! The endpoints. A bad request is answered with a status and a sentence, never with a panic: that would be a 502.

use serde::{Deserialize, Serialize};
use serde_json::json;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use wasip2::{clocks::monotonic_clock, http::types::Method};

use crate::http::{Request, Responder};

const ENDPOINTS: [&str; 4] = ["GET /", "GET /time", "POST /sum", "GET /stream"];

pub fn route(request: &Request, respond: Responder) {
    match (request.method(), request.path().as_str()) {
        (Method::Get, "/") => greet(request, respond),
        (Method::Get, "/time") => tell_time(respond),
        (Method::Post, "/sum") => sum(request, respond),
        (Method::Get, "/stream") => stream(respond),
        (method, path) => {
            let error = format!("there is no {} {path}", crate::http::name(&method));
            respond.json(404, &json!({ "error": error, "endpoints": ENDPOINTS }));
        }
    }
}

#[derive(Serialize)]
struct Greeting {
    message: &'static str,
    function: Option<String>,
    version: Option<String>,
    request_id: Option<String>,
}

/// The platform tells a function in headers which one it is and which call this is.
fn greet(request: &Request, respond: Responder) {
    let greeting = Greeting {
        message: "Hello from Atoll",
        function: request.header("x-atoll-function"),
        version: request.header("x-atoll-version"),
        request_id: request.header("x-request-id"),
    };
    respond.json(200, &greeting);
}

fn tell_time(respond: Responder) {
    let now = OffsetDateTime::now_utc();
    match now.format(&Rfc3339) {
        Ok(text) => respond.json(
            200,
            &json!({ "time": text, "unix_seconds": now.unix_timestamp() }),
        ),
        Err(error) => respond.json(500, &json!({ "error": error.to_string() })),
    }
}

#[derive(Deserialize)]
struct Numbers {
    numbers: Vec<f64>,
}

fn sum(request: &Request, respond: Responder) {
    let numbers = request
        .body()
        .and_then(|body| serde_json::from_slice(&body).map_err(|error| error.to_string()));
    match numbers {
        Ok(Numbers { numbers }) => {
            respond.json(200, &json!({ "sum": numbers.iter().sum::<f64>() }))
        }
        Err(error) => {
            println!("refused a body: {error}");
            let expected = json!({ "numbers": [1, 2, 3.5] });
            respond.json(400, &json!({ "error": error, "expected": expected }));
        }
    }
}

/// Each line reaches the caller when it is written, not when all are.
fn stream(respond: Responder) {
    let mut body = respond.stream(200, "text/plain; charset=utf-8");
    for count in (1..=5).rev() {
        if body.send(&format!("{count}…\n")).is_err() {
            // The caller went away: nobody is left to count for.
            return;
        }
        monotonic_clock::subscribe_duration(150_000_000).block();
    }
    if body.send("lift-off\n").is_ok() {
        body.finish();
    }
}
