//! One file after another, and what is said of it. The files are written as text: a component that
//! exports an interface needs no code behind it to be reported.

use domain::version::Handler;

use super::*;

const MEMORY: u64 = 1 << 20;

fn inspected(text: &str) -> Result<ImportReport, Refusal> {
    let bytes = wat::parse_str(text).expect("text that parses");
    inspect(bytes, MEMORY).map(|inspected| inspected.report)
}

/// A component that exports these interfaces, each empty, and holds `inside`.
fn exporting(interfaces: &[&str], inside: &str) -> String {
    let exports: String = interfaces
        .iter()
        .map(|name| format!("(export \"{name}\" (instance 0))"))
        .collect();
    format!("(component {inside} (instance) {exports})")
}

fn refusal(text: &str) -> String {
    inspected(text).expect_err("a refusal").to_string()
}

#[test]
fn what_is_no_module_is_told_by_its_first_bytes() {
    for (bytes, said) in [
        (&b""[..], "it starts with nothing"),
        (b"#!/bin/sh", "`#!/b`"),
        (b"\x7fELF\x02\x01", "a native program"),
        (b"(module)", "build the binary form"),
        (b"\x1f\x8b\x08", "gzip"),
    ] {
        let refusal = inspect(bytes.to_vec(), MEMORY).err().expect("a refusal");
        assert!(matches!(refusal, Refusal::NotWasm { .. }), "{refusal}");
        assert!(refusal.to_string().contains(said), "{refusal}");
    }
}

#[test]
fn a_module_cut_off_anywhere_is_malformed() {
    let whole = wat::parse_str(exporting(
        &["wasi:http/incoming-handler@0.2.3"],
        "(core module (memory 1) (func (export \"f\") (result i32) i32.const 7))",
    ))
    .expect("text that parses");
    assert!(inspect(whole.clone(), MEMORY).is_ok());
    for length in 4..whole.len() {
        let cut = whole[..length].to_vec();
        // Cut between two sections it is a whole component, which lacks its last one.
        match inspect(cut, MEMORY).err() {
            Some(Refusal::Malformed { .. } | Refusal::NoHandler { .. }) => {}
            other => panic!("cut at {length} of {}: {other:?}", whole.len()),
        }
    }
}

#[test]
fn the_handler_decides_how_a_guest_is_called() {
    for (exports, handler, export) in [
        (
            &["wasi:http/incoming-handler@0.2.0"][..],
            Handler::WasiHttp02,
            0,
        ),
        (
            &["wasi:http/incoming-handler@0.2.99"],
            Handler::WasiHttp02,
            0,
        ),
        (&["wasi:http/handler@0.3.2"], Handler::WasiHttp03, 0),
        (&["wasi:cli/run@0.2.6"], Handler::Command, 0),
        (
            &["wasi:cli/run@0.2.6", "wasi:http/incoming-handler@0.2.6"],
            Handler::WasiHttp02,
            1,
        ),
    ] {
        let report = inspected(&exporting(exports, "")).expect("a report");
        assert_eq!(report.handler, handler, "{exports:?}");
        assert_eq!(report.handler_export, exports[export]);
        assert_eq!(report.kind, ModuleKind::Component);
    }
}

#[test]
fn none_or_two_handlers_are_refused_by_name() {
    let none = refusal(&exporting(&["acme:shop/orders@1.0.0"], ""));
    assert!(
        none.contains("no handler") && none.contains("`acme:shop/orders@1.0.0`"),
        "{none}"
    );
    let draft = refusal(&exporting(
        &["wasi:http/incoming-handler@0.2.0-rc-2023-11-10"],
        "",
    ));
    assert!(draft.contains("rc-2023-11-10"), "{draft}");
    let two = refusal(&exporting(
        &[
            "wasi:http/incoming-handler@0.2.3",
            "wasi:http/handler@0.3.0",
        ],
        "",
    ));
    assert!(
        two.contains("incoming-handler@0.2.3") && two.contains("handler@0.3.0"),
        "{two}"
    );
    // A handler inside is nobody's handler.
    let inner = exporting(&["wasi:http/incoming-handler@0.2.3"], "");
    assert!(refusal(&format!("(component {inner})")).contains("Found: nothing"));
}

#[test]
fn every_import_is_reported_and_an_unsupported_one_refuses_the_upload() {
    let function = "(instance (export \"f\" (func)))";
    let handler = &["wasi:http/incoming-handler@0.2.3"];
    let import = |name: &str, ty: &str| format!("(import \"{name}\" {ty})");

    // Plain types need nobody to provide them.
    let types = "(instance (type $r (record (field \"a\" u8))) (export \"t\" (type (eq $r))))";
    let report = inspected(&exporting(
        handler,
        &[
            import("wasi:cli/exit@0.2.3", "(instance (export \"exit\" (func)))"),
            import(
                "wasi:sockets/instance-network@0.2.3",
                "(instance (export \"instance-network\" (func)))",
            ),
            import("acme:shop/types@1.0.0", types),
        ]
        .concat(),
    ));
    let supports: Vec<Support> = report
        .expect("a report")
        .imports
        .into_iter()
        .map(|import| import.support)
        .collect();
    assert!(
        matches!(
            supports[..],
            [Support::Provided, Support::NotGranted { .. }]
        ),
        "{supports:?}"
    );

    let refused = refusal(&exporting(
        handler,
        &[
            import("wasi:http/types@0.3.0", function),
            import("acme:shop/orders@1.0.0", function),
            import("log", "(func)"),
        ]
        .concat(),
    ));
    for said in [
        "`wasi:http/types@0.3.0` is not offered here, the nearest is `wasi:http/types@0.2.12`",
        "`acme:shop/orders@1.0.0` is not offered",
        "`log` is not offered",
    ] {
        assert!(refused.contains(said), "{said:?} in {refused}");
    }
}

#[test]
fn a_component_that_no_instance_has_room_for_is_refused_with_the_limit() {
    let handler = &["wasi:http/incoming-handler@0.2.3"];
    let holding = |fields: &str, times: usize| {
        let instances = "(core instance (instantiate $m))".repeat(times);
        exporting(handler, &format!("(core module $m {fields}) {instances}"))
    };
    let fits = inspected(&holding("(memory 2)", 8)).expect("a report");
    assert_eq!(fits.initial_memory_bytes, 16 << 16);
    for (text, said) in [
        (
            holding("(memory 17)", 1),
            "bytes of memory at the start 1114112, the limit is 1048576",
        ),
        (holding("(memory 1)", 9), "memories 9, the limit is 8"),
        (
            holding("(table 100001 funcref)", 1),
            "elements in a table 100001",
        ),
        (holding("", 129), "core instances 129"),
    ] {
        let refused = refusal(&text);
        assert!(refused.contains(said), "{said:?} in {refused}");
    }
}

#[test]
fn a_core_module_is_wrapped_where_it_can_be() {
    let command = inspected(
        r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            (memory (export "memory") 1)
            (func (export "_start") i32.const 0 call $exit))"#,
    )
    .expect("a report");
    assert_eq!(command.kind, ModuleKind::WrappedCore);
    assert_eq!(command.handler, Handler::Command);
    assert!(command.handler_export.starts_with("wasi:cli/run@0.2."));

    let library = refusal("(module (func (export \"add\")))");
    assert!(
        library.contains("`_start`") && library.contains("`add`"),
        "{library}"
    );
    let foreign = refusal(
        r#"(module (import "env" "foo" (func)) (memory (export "memory") 1) (func (export "_start")))"#,
    );
    assert!(
        foreign.contains("could not be wrapped") && foreign.contains("env"),
        "{foreign}"
    );
}

#[test]
fn what_the_engine_does_not_run_is_refused_before_it_is_compiled() {
    for fields in [
        "(memory i64 1)",
        "(memory 1 1 shared)",
        "(tag)",
        "(type (struct))",
    ] {
        let text = exporting(
            &["wasi:http/incoming-handler@0.2.3"],
            &format!("(core module {fields})"),
        );
        let refused = refusal(&text);
        assert!(refused.contains("malformed"), "{fields}: {refused}");
    }
}

#[test]
fn the_tools_that_built_it_are_named() {
    let text = exporting(
        &["wasi:http/incoming-handler@0.2.3"],
        "(core module (@producers (language \"Rust\" \"\") (processed-by \"rustc\" \"1.95.0\")))",
    );
    let report = inspected(&text).expect("a report");
    assert_eq!(report.producers, ["Rust", "rustc 1.95.0"]);
}

#[test]
fn an_artifact_is_not_taken_for_a_module() {
    let component = wat::parse_str("(component)").expect("text that parses");
    let compilers = crate::compile::Compilers::new().expect("engines");
    let artifact = compilers
        .compile(Kind::Wasi02, &component)
        .expect("native code");
    let refusal = inspect(artifact, MEMORY).err();
    assert_eq!(refusal, Some(Refusal::Precompiled));
}
