//! The canary of WASI 0.2: `/hide` leaves a secret in all of its memory, `/seek` counts what it finds of it.

mod memory;

use std::io::Write;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

wasip2::http::proxy::export!(Canary);

struct Canary;

impl Guest for Canary {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let told = match request.path_with_query().as_deref() {
            Some("/hide") => format!("hidden {}\n", memory::hide()),
            _ => format!("found {}\n", memory::seek()),
        };
        let response = OutgoingResponse::new(Fields::new());
        let body = response.body().expect("the first take of the body");
        ResponseOutparam::set(out, Ok(response));
        let mut stream = body.write().expect("the first take of the stream");
        // A caller who went away is not our fault.
        let _ = stream.write_all(told.as_bytes());
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
