//! Guests that want more than they may have: CPU, memory, stack, log.

use std::{
    hint::black_box,
    sync::atomic::{AtomicBool, Ordering},
};

use crate::call::{Call, headers};

const MEBIBYTE: usize = 1024 * 1024;

pub fn spin() -> ! {
    let mut turns = 0_u64;
    loop {
        turns = black_box(turns.wrapping_add(1));
    }
}

pub fn spin_after_head(call: Call) {
    let mut body = call.start(200, headers(&[("content-type", "text/plain")]));
    body.send_now(b"so far so good\n");
    spin()
}

/// `mb` mebibytes, or until memory is refused, which Rust answers with an abort. Each page is written to: what is only
/// reserved may cost the host nothing.
pub fn allocate(call: Call) {
    let wanted = call.number("mb").unwrap_or(u64::MAX);
    let mut held = Vec::new();
    while (held.len() as u64) < wanted {
        held.push(black_box(vec![1_u8; MEBIBYTE]));
    }
    call.text(200, &format!("{} MiB\n", held.len()));
}

/// Exhausts the call stack of the engine, not the guest's own stack in its memory.
pub fn recurse(call: Call) {
    let depth = deeper(0);
    call.text(200, &format!("{depth}\n"));
}

/// Neither a tail call nor foldable into a loop, and without locals whose address is taken.
#[inline(never)]
fn deeper(depth: u64) -> u64 {
    static STOP: AtomicBool = AtomicBool::new(false);
    if STOP.load(Ordering::Relaxed) {
        return depth;
    }
    deeper(depth + 1).wrapping_mul(31).wrapping_add(depth)
}

/// `lines` lines of 100 bytes.
pub fn log_flood(call: Call) {
    let lines = call.number("lines").unwrap_or(10_000);
    for number in 0..lines {
        println!("{number:>99}");
    }
    call.text(200, &format!("{lines} lines\n"));
}
