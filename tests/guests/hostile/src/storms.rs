//! Work without end, done by the host as far as a guest can arrange it.

use std::hint::black_box;

use wasip2::{
    clocks::monotonic_clock,
    http::{
        outgoing_handler,
        types::{Fields, OutgoingRequest, Scheme},
    },
    random::random,
};

const MEBIBYTE: usize = 1 << 20;

/// `memory.copy` is one instruction however long it takes.
pub fn copy() -> ! {
    let mut buffer = vec![1_u8; 16 * MEBIBYTE];
    loop {
        black_box(&mut buffer).copy_within(..8 * MEBIBYTE, 8 * MEBIBYTE);
    }
}

/// And so is `memory.fill`.
pub fn fill() -> ! {
    let mut buffer = vec![0_u8; 16 * MEBIBYTE];
    let mut value = 0;
    loop {
        black_box(&mut buffer).fill(value);
        value = value.wrapping_add(1);
    }
}

/// Tries to call out as often as it may, and says how the tries ended.
pub fn outbound(count: u32) -> String {
    let mut refused = 0;
    for _ in 0..count {
        let request = OutgoingRequest::new(Fields::new());
        let _ = request.set_scheme(Some(&Scheme::Http));
        let _ = request.set_authority(Some("169.254.169.254"));
        match outgoing_handler::handle(request, None) {
            Err(_) => refused += 1,
            // The refusal may come by the future as well: nobody waits for it.
            Ok(answer) => drop(answer),
        }
    }
    format!("{refused} of {count} refused at once")
}

/// Each is an entry in a table of the host, and none is given back.
pub fn handles() -> ! {
    loop {
        std::mem::forget(Fields::new());
    }
}

/// As much as one handle can be made to hold.
pub fn headers() -> ! {
    let fields = Fields::new();
    let value = vec![b'x'; 4096];
    let mut number = 0_u64;
    loop {
        // What the host refuses is tried again: it must cost it nothing to refuse.
        let _ = fields.append(&format!("x-{number}"), &value);
        number += 1;
    }
}

pub fn pollables() -> ! {
    loop {
        std::mem::forget(monotonic_clock::subscribe_duration(u64::MAX));
    }
}

pub fn random() -> ! {
    loop {
        black_box(random::get_random_bytes(u64::from(u32::MAX)));
    }
}
