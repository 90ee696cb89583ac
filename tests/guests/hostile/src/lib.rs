//! What a guest does to harm the machine that it runs on, or the others on it. The path picks how.
//!
//! Each of these ends in the platform's answer, or in one of few words; guests/README.md says which.

mod answers;
mod storms;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{IncomingRequest, ResponseOutparam},
};

wasip2::http::proxy::export!(Hostile);

struct Hostile;

impl Guest for Hostile {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let target = request.path_with_query().unwrap_or_default();
        match target.as_str() {
            "/copy-storm" => storms::copy(),
            "/fill-storm" => storms::fill(),
            "/outbound-storm" => answers::text(out, &storms::outbound(1_000_000)),
            "/handle-storm" => storms::handles(),
            "/header-storm" => storms::headers(),
            "/pollable-storm" => storms::pollables(),
            "/random-storm" => storms::random(),
            "/forbidden-trailers" => answers::forbidden_trailers(out),
            "/split-value" => answers::split_value(out),
            "/status-storm" => answers::text(out, &answers::statuses()),
            "/lying-length" => answers::lying_length(out),
            "/endless-body" => answers::endless_body(out),
            "/hold-body" => answers::hold_body(request, out),
            _ => answers::text(out, "hostile"),
        }
    }
}
