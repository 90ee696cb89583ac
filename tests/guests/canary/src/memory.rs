//! A secret left everywhere in a memory, and the search for it: nothing of one call may show in another.
//!
//! The program holds the secret in two halves that are joined in registers only, so that it never finds itself.

use std::hint::black_box;

const HALF: u64 = 0x5eed_f00d_0b5e_55ed;
const OTHER_HALF: u64 = 0xc0de_cafe_d15e_a5e5;
/// Of the memory that is taken fresh: more than an engine keeps for the next instance of a slot, and less.
const FRESH_WORDS: usize = (6 << 20) / 8;
const STACK_WORDS: usize = 1 << 11;

/// Leaves the secret in the heap and on the stack, and answers how often.
pub fn hide() -> u64 {
    let secret = black_box(HALF) ^ black_box(OTHER_HALF);
    let heap = black_box(vec![secret; FRESH_WORDS]);
    let stack = black_box([secret; STACK_WORDS]);
    (heap.len() + stack.len()) as u64
}

/// Looks at every word of the memory, at fresh pages too, and answers how many hold the secret.
pub fn seek() -> u64 {
    // Taken and not written: what it holds is what the memory held before.
    let fresh: Vec<u64> = black_box(Vec::with_capacity(FRESH_WORDS));
    let pages = core::arch::wasm32::memory_size::<0>();
    let mut found = 0;
    for address in (8..pages * 65_536).step_by(8) {
        // SAFETY: it lies within the memory, is aligned, and no word of a memory is invalid as a number.
        let word = unsafe { std::ptr::read_volatile(address as *const u64) };
        if word ^ black_box(HALF) == black_box(OTHER_HALF) {
            found += 1;
        }
    }
    drop(fresh);
    found
}
