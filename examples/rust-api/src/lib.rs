//! A small API as a function: JSON in, JSON out, and one endpoint that streams.
//!
//! `api` is what you would change first; `http` is the little of wasi:http that it needs.

mod api;
mod http;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{IncomingRequest, ResponseOutparam},
};

wasip2::http::proxy::export!(Function);

struct Function;

impl Guest for Function {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        api::route(&http::Request::new(request), http::Responder::new(out));
    }
}
