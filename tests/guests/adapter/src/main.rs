//! Prints the adapter that turns calls of WASI 0.1 into WASI 0.2, for `wasm-tools component new`.
//! It comes from the crate that the platform itself wraps uploads with.

use std::io::{Write, stdout};

fn main() -> std::io::Result<()> {
    stdout()
        .write_all(wasi_preview1_component_adapter_provider::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER)
}
