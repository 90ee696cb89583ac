//! The smallest function: every request gets one line that names the version.
//!
//! Before it is wrapped into a component it is also the guest `core-reactor`.

use std::io::Write;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

wasip2::http::proxy::export!(Hello);

const GREETING: &[u8] = if cfg!(feature = "v2") {
    b"hello from v2\n"
} else {
    b"hello from v1\n"
};

struct Hello;

impl Guest for Hello {
    fn handle(_request: IncomingRequest, out: ResponseOutparam) {
        let headers = Fields::new();
        headers
            .set("content-type", &[b"text/plain".to_vec()])
            .expect("a valid header");
        let response = OutgoingResponse::new(headers);
        let body = response.body().expect("the first take of the body");
        ResponseOutparam::set(out, Ok(response));

        // A caller who has gone away is no reason to trap.
        let mut stream = body.write().expect("the first take of the stream");
        let _ = stream.write_all(GREETING);
        drop(stream);
        let _ = OutgoingBody::finish(body, None);
    }
}
