//! libFuzzer's program: `FUZZ_TARGET` picks what its inputs are given to.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let found = fuzz::TARGETS.iter().find(|(known, _)| *known == name);
    let names = fuzz::TARGETS.map(|(name, _)| name).join(", ");
    found
        .unwrap_or_else(|| panic!("FUZZ_TARGET is `{name}`; the targets are {names}"))
        .1
});

fuzz_target!(|input: &[u8]| (*TARGET)(input));
