//! The guest that talks to others: it sends requests, calls functions of its tenant, reads its variables and logs.
//!
//! The query says what to send, the answer what came of it.

mod own;
mod query;
mod send;

use std::io::Write as _;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

use query::Query;

wasip2::http::proxy::export!(Courier);

struct Courier;

impl Guest for Courier {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let query = Query::parse(query);
        match path {
            "/send" => answer(out, 200, &send::one(&query)),
            "/many" => answer(out, 200, &send::many(&query)),
            "/relay" => send::relay(request, out, &query),
            "/depth" => send::depth(out, &query),
            "/headers" => answer(out, 200, &own::headers(&request)),
            "/slow" => own::slow(out, &query),
            "/variables" => answer(out, 200, &own::variables(&query)),
            "/log" => answer(out, 200, &own::log(&query)),
            _ => answer(out, 404, "the courier has no such path\n"),
        }
    }
}

fn answer(out: ResponseOutparam, status: u16, text: &str) {
    let response = OutgoingResponse::new(Fields::new());
    response.set_status_code(status).expect("a valid status");
    let body = response.body().expect("the first take of the body");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("the first take of the stream");
    // A caller who goes away is no fault of ours.
    let _ = stream.write_all(text.as_bytes());
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}
