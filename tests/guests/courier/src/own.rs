//! What the platform tells a function of itself, and what a function tells the platform.

use std::io::Write as _;

use wasip2::{
    clocks::monotonic_clock,
    http::types::{Fields, IncomingRequest, OutgoingBody, OutgoingResponse, ResponseOutparam},
};

use crate::query::Query;

mod bindings {
    wit_bindgen::generate!({
        inline: "
            package test:courier;
            world courier {
                import wasi:config/store@0.2.0-rc.1;
                import wasi:logging/logging@0.1.0-draft;
            }",
        path: ["../../../wit/deps/config-0.2.0-rc.1.wit", "../../../wit/deps/logging-0.1.0-draft.wit"],
        world: "test:courier/courier",
        generate_all,
    });
}

mod earlier {
    wit_bindgen::generate!({
        inline: "
            package test:courier;
            world earlier {
                import wasi:config/store@0.2.0-draft-2024-09-27;
            }",
        path: ["../../../wit/deps/config-0.2.0-draft-2024-09-27.wit"],
        world: "test:courier/earlier",
        generate_all,
    });
}

use bindings::wasi::{
    config::store,
    logging::logging::{self, Level},
};

/// The request's headers, a line each.
pub fn headers(request: &IncomingRequest) -> String {
    let lines = request.headers().entries();
    let lines = lines.iter().map(|(name, value)| format!("{name}: {}\n", String::from_utf8_lossy(value)));
    lines.collect()
}

/// Two pieces, `ms` apart.
pub fn slow(out: ResponseOutparam, query: &Query) {
    let response = OutgoingResponse::new(Fields::new());
    let body = response.body().expect("the first take of the body");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("the first take of the stream");
    for piece in ["first\n", "second\n"] {
        if stream.write_all(piece.as_bytes()).is_err() || stream.blocking_flush().is_err() {
            return;
        }
        let nanoseconds = query.number("ms").unwrap_or(10) * 1_000_000;
        monotonic_clock::subscribe_duration(nanoseconds).block();
    }
    drop(stream);
    let _ = OutgoingBody::finish(body, None);
}

/// The variable `key` by both drafts, then all.
pub fn variables(query: &Query) -> String {
    let key = query.text("key").unwrap_or("greeting");
    let one = store::get(key);
    let same = earlier::wasi::config::store::get(key);
    let all = store::get_all();
    format!("{one:?}\n{same:?}\n{all:?}\n")
}

pub fn log(query: &Query) -> String {
    let message = query.text("message").unwrap_or("hello");
    logging::log(Level::Warn, "courier", message);
    logging::log(Level::Critical, "", message);
    "logged\n".to_owned()
}
