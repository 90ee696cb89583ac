//! The jail from outside: what it does with good modules, bad ones, and ones made to hurt it.

use std::time::{Duration, Instant};

use bytes::Bytes;
use domain::{report::Refusal, version::Handler};
use engine::jail::{Error, Jail, Limits};

const MEMORY: u64 = 128 << 20;

fn jail(limits: Limits) -> Jail {
    Jail::new(env!("CARGO_BIN_EXE_jail"), limits)
}

fn module(text: &str) -> Bytes {
    wat::parse_str(text).expect("text that parses").into()
}

fn command() -> Bytes {
    module(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") i32.const 0 call $exit))"#,
    )
}

/// A function so long that compiling it takes seconds, and memory without measure.
fn laborious() -> Bytes {
    let body = "local.get 0 i64.const 3 i64.mul local.get 0 i64.xor local.set 0 ".repeat(200_000);
    module(&format!(
        "(component
            (core module (func (param i64) (result i64) {body} local.get 0))
            (instance)
            (export \"wasi:cli/run@0.2.6\" (instance 0)))"
    ))
}

#[tokio::test]
async fn a_good_module_is_reported_and_compiled_from_bytes_or_a_file() {
    use std::io::{Seek as _, Write as _};

    let jail = jail(Limits::COMPILE);
    let report = jail.inspect(command(), MEMORY).await.expect("a report");
    assert_eq!(report.handler, Handler::Command);

    let from_bytes = jail.compile(command(), MEMORY).await.expect("an artifact");
    let mut file = tempfile::tempfile().expect("a file");
    file.write_all(&command()).expect("write");
    file.rewind().expect("rewind");
    let from_file = jail.compile(file, MEMORY).await.expect("an artifact");
    assert!(
        from_bytes == from_file,
        "compiling twice gives the same bytes"
    );
    assert!(wasmtime::Engine::detect_precompiled(&from_bytes).is_some());
}

#[tokio::test]
async fn a_refusal_comes_through_as_one() {
    let jail = jail(Limits::COMPILE);
    let refused = jail.inspect(Bytes::from("hello"), MEMORY).await;
    assert!(
        matches!(&refused, Err(Error::Refused(Refusal::NotWasm { seen })) if seen.contains("hell")),
        "{refused:?}"
    );
    let artifact = jail.compile(command(), MEMORY).await.expect("an artifact");
    let refused = jail.compile(Bytes::from(artifact), MEMORY).await;
    assert!(matches!(refused, Err(Error::Refused(Refusal::Precompiled))));
}

#[tokio::test]
async fn each_limit_ends_a_compile_and_is_named() {
    let module = laborious();
    let ends = |limits: Limits| {
        let module = module.clone();
        async move {
            let started = Instant::now();
            let error = jail(limits)
                .compile(module, MEMORY)
                .await
                .expect_err("the limit");
            assert!(started.elapsed() < Duration::from_secs(60), "{error}");
            assert!(!error.is_ours(), "{error}");
            error
        }
    };

    let cpu = ends(Limits {
        cpu_seconds: 1,
        ..Limits::COMPILE
    })
    .await;
    assert!(matches!(cpu, Error::Cpu { seconds: 1, .. }), "{cpu:?}");
    assert!(cpu.to_string().contains("1 s of CPU time"), "{cpu}");

    let wall = ends(Limits {
        wall_seconds: 1,
        ..Limits::COMPILE
    })
    .await;
    assert!(matches!(wall, Error::Wall { seconds: 1, .. }), "{wall:?}");

    let memory = ends(Limits {
        address_space_bytes: 192 << 20,
        ..Limits::COMPILE
    })
    .await;
    assert!(matches!(memory, Error::Memory { .. }), "{memory:?}");
    assert!(memory.to_string().contains("192 MiB"), "{memory}");
}

#[tokio::test]
async fn a_program_that_cannot_be_started_is_our_failure() {
    let jail = Jail::new("/nowhere/atoll", Limits::COMPILE);
    let error = jail
        .inspect(command(), MEMORY)
        .await
        .expect_err("no program");
    assert!(error.is_ours(), "{error}");
}

#[tokio::test]
async fn a_child_that_is_killed_from_outside_says_nothing_of_the_module() {
    // `sh -c` in its place: any program that ends by SIGKILL.
    let folder = tempfile::tempdir().expect("a folder");
    let program = folder.path().join("dies");
    std::fs::write(&program, "#!/bin/sh\nkill -9 $$\n").expect("write");
    std::fs::set_permissions(
        &program,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .expect("permissions");
    let error = Jail::new(&program, Limits::COMPILE)
        .compile(command(), MEMORY)
        .await
        .expect_err("killed");
    assert!(matches!(error, Error::Killed), "{error:?}");
    assert!(error.is_ours());
}
