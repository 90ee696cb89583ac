//! Guests that fail: by a trap, by an early exit, by an answer that is none.

use std::process;

use wasip2::{
    cli::exit,
    http::types::{ErrorCode, Fields, OutgoingResponse, ResponseOutparam},
};

use crate::call::{Call, headers};

/// Without the message of a panic, so that nothing is logged.
pub fn trap() -> ! {
    core::arch::wasm32::unreachable()
}

pub fn trap_after_head(call: Call) {
    let mut body = call.start(200, headers(&[("content-type", "text/plain")]));
    body.send_now(b"so far so good\n");
    trap()
}

pub fn log_then_trap() {
    println!("about to trap, on stdout");
    eprintln!("about to trap, on stderr");
    trap()
}

pub fn silent(call: Call) {
    drop(call.out);
}

/// The bindings forbid it, so the second answer goes under them, with the handle that the first one used up.
pub fn answer_twice(call: Call) {
    let handle = call.out.take_handle();
    for _ in 0..2 {
        // SAFETY: the handle is the outparam's; that it is stale the second time is for the host to notice.
        let out = unsafe { ResponseOutparam::from_handle(handle) };
        ResponseOutparam::set(out, Ok(OutgoingResponse::new(Fields::new())));
    }
}

/// Answers with an error code in place of a response.
pub fn error(call: Call) {
    let reason = ErrorCode::InternalError(Some("the kitchen is closed".to_owned()));
    ResponseOutparam::set(call.out, Err(reason));
}

pub fn exit(call: Call) {
    match call.number("code") {
        Some(code) => process::exit(code as i32),
        None => exit::exit(Ok(())),
    }
}
