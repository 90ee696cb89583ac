//! The guests that scenarios upload: prebuilt components, and WAT where a guest must misbehave.

use std::{fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("guests")
}

/// `hello-v1`, `hello-v2`, `kitchen`, `hello-p3`, `cgi`, `core-reactor`: see guests/README.md.
pub(crate) fn prebuilt(name: &str) -> Vec<u8> {
    let path = folder().join("prebuilt").join(name).with_extension("wasm");
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A guest written by hand, `guests/wat/<name>.wat`.
pub(crate) fn wat(name: &str) -> Vec<u8> {
    let path = folder().join("wat").join(name).with_extension("wat");
    wat::parse_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
