//! One guest for many stories: the path picks what it does, well or badly.
//!
//! Each path is one line here and one function in the module that groups its kind; guests/README.md explains them.

mod answers;
mod bodies;
mod call;
mod faults;
mod greed;
mod outside;

use wasip2::{
    exports::http::incoming_handler::Guest,
    http::types::{IncomingRequest, ResponseOutparam},
};

use crate::call::Call;

wasip2::http::proxy::export!(Kitchen);

struct Kitchen;

impl Guest for Kitchen {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let call = Call::new(request, out);
        match call.path().as_str() {
            "/" => call.text(200, "kitchen\n"),
            "/status" => answers::status(call),
            "/inspect" => answers::inspect(call),
            "/headers" => answers::headers(call),
            "/cookie" => answers::cookie(call),
            "/bad-header" => answers::bad_header(call),
            "/log" => answers::log(call),
            "/counter" => answers::counter(call),
            "/sleep" => answers::sleep(call),

            "/echo" => bodies::echo(call),
            "/count" => bodies::count(call),
            "/stream" => bodies::stream(call),
            "/big" => bodies::big(call),
            "/wrong-length" => bodies::wrong_length(call),
            "/trailers" => bodies::trailers(call),
            "/linger" => bodies::linger(call),

            "/trap" => faults::trap(),
            "/trap-after-head" => faults::trap_after_head(call),
            "/log-then-trap" => faults::log_then_trap(),
            "/panic" => panic!("the kitchen is on fire"),
            "/silent" => faults::silent(call),
            "/answer-twice" => faults::answer_twice(call),
            "/error" => faults::error(call),
            "/exit" => faults::exit(call),

            "/spin" => greed::spin(),
            "/spin-after-head" => greed::spin_after_head(call),
            "/allocate" => greed::allocate(call),
            "/recurse" => greed::recurse(call),
            "/log-flood" => greed::log_flood(call),

            "/outbound" => outside::outbound(call),
            "/environment" => outside::environment(call),
            "/files" => outside::files(call),
            "/socket" => outside::socket(call),
            _ => call.text(404, "the kitchen has no such path\n"),
        }
    }
}
