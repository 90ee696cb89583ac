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

/// Takes the compiler long and little memory: `locals` variables, all changed inside `depth` nested loops, become
/// parameters of each loop. The time grows with the square of either.
pub(crate) fn slow_to_compile(locals: usize, depth: usize) -> Vec<u8> {
    let change = |i: usize| {
        format!(
            "(local.set {i} (i64.add (local.get {i}) (local.get {})))",
            (i * 7 + 1) % locals
        )
    };
    let leave = |i: usize| format!("(br_if 0 (i64.eqz (local.get {}))))", i % locals);
    let body = "(loop ".repeat(depth)
        + &(0..locals).map(change).collect::<String>()
        + &(0..depth).map(leave).collect::<String>();
    with_function(locals, &body)
}

/// Takes the compiler much memory: `locals` values stay alive across `loops` loops in a row, and are noted at each.
pub(crate) fn hungry_to_compile(locals: usize, loops: usize) -> Vec<u8> {
    let load = |i: usize| format!("(local.set {i} (i64.load offset={} (i32.const 0)))", i * 8);
    let wait = |i: usize| format!("(loop (br_if 0 (i32.load offset={i} (i32.const 0))))");
    let store = |i: usize| format!("(i64.store offset={} (i32.const 0) (local.get {i}))", i * 8);
    let body = (0..locals).map(load).collect::<String>()
        + &(0..loops).map(wait).collect::<String>()
        + &(0..locals).map(store).collect::<String>();
    with_function(locals, &body)
}

/// `never-answers.wat` with one more function, which nobody calls and which must be compiled nevertheless.
fn with_function(locals: usize, body: &str) -> Vec<u8> {
    const MODULE: &str = "(core module $module";
    let function = format!(
        "{MODULE} (memory 1) (func (local {}) {body})",
        "i64 ".repeat(locals)
    );
    let sound = include_str!("../guests/wat/never-answers.wat");
    wat::parse_str(sound.replacen(MODULE, &function, 1)).expect("it is well-formed")
}
