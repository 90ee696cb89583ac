//! Both linkers define exactly the world that `wit/` promises: a component that imports all of it
//! links, and of what WASI has besides nothing is defined.

use std::{collections::BTreeSet, fmt::Write as _, path::PathBuf};

use engine::config::Kind;
use wasmtime::component::Linker;
use wit_component::ComponentEncoder;
use wit_parser::{
    ManglingAndAbi, Resolve, UnresolvedPackageGroup, WasmExport, WasmExportKind, WasmImport,
    WorldId, WorldItem, WorldKey,
    abi::{AbiVariant, WasmType},
};

use super::{Runtime, Sandbox, State};
use crate::config::NodeLimits;

#[tokio::test]
async fn the_linkers_define_the_world_and_nothing_else() {
    let limits = NodeLimits {
        instances: 4,
        ..NodeLimits::default()
    };
    let sandbox = Sandbox::new(&limits).unwrap();
    check(&sandbox.wasi02, Kind::Wasi02);
    check(&sandbox.wasi03, Kind::Wasi03);
}

fn check<G: 'static>(runtime: &Runtime<G>, kind: Kind) {
    let (world, others) = match kind {
        Kind::Wasi02 => ("http02", &["command"][..]),
        Kind::Wasi03 => ("http03", &[][..]),
    };
    let promised = imports(world);
    for other in others {
        assert_eq!(imports(other), promised, "{other} and {world} differ");
    }

    let handler = match kind {
        Kind::Wasi02 => "wasi:http/incoming-handler@0.2.12",
        Kind::Wasi03 => "wasi:http/handler@0.3.0",
    };
    let component = component_of_all(&promised, handler);
    assert_eq!(imports_of(&component), with_functions(&promised));
    let (_, artifact) = engine::compile::trusted(component).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), artifact).unwrap();
    // Links it, too.
    runtime.load(file.path()).unwrap();

    let defined: BTreeSet<String> = all_interfaces()
        .into_iter()
        .filter(|name| is_defined(&runtime.linker, name))
        .collect();
    let unpromised: Vec<_> = defined.difference(&promised).collect();
    assert!(
        unpromised.is_empty(),
        "linked and not in wit/: {unpromised:?}"
    );
}

/// A name can be given once.
fn is_defined<G: 'static>(linker: &Linker<State<G>>, name: &str) -> bool {
    linker.clone().instance(name).is_err()
}

/// A core module that imports every function, wrapped.
fn component_of_all(interfaces: &BTreeSet<String>, handler: &str) -> Vec<u8> {
    let mut resolve = contract();
    let mut text = "package test:all;\nworld all {\n".to_owned();
    for interface in interfaces {
        writeln!(text, "  import {interface};").unwrap();
    }
    write!(text, "  export {handler};\n}}\n").unwrap();
    let package = resolve.push_source("all.wit", &text).unwrap();
    let world = resolve.select_world(&[package], Some("all")).unwrap();

    let mut module = "(module\n".to_owned();
    for (key, item) in &resolve.worlds[world].imports {
        let WorldItem::Interface { id, .. } = item else {
            panic!("the world imports interfaces only");
        };
        for function in resolve.interfaces[*id].functions.values() {
            let (from, name) = resolve.wasm_import_name(
                ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
                WasmImport::Func {
                    interface: Some(key),
                    func: function,
                },
            );
            let signature = resolve.wasm_signature(AbiVariant::GuestImport, function);
            let (params, results) = (
                core_types(&signature.params),
                core_types(&signature.results),
            );
            writeln!(
                module,
                "(import \"{from}\" \"{name}\" (func (param {params}) (result {results})))"
            )
            .unwrap();
        }
    }
    for (key, item) in &resolve.worlds[world].exports {
        let WorldItem::Interface { id, .. } = item else {
            panic!("the world exports an interface only");
        };
        for function in resolve.interfaces[*id].functions.values() {
            let name = resolve.wasm_export_name(
                ManglingAndAbi::Legacy(wit_parser::LiftLowerAbi::Sync),
                WasmExport::Func {
                    interface: Some(key),
                    func: function,
                    kind: WasmExportKind::Normal,
                },
            );
            let signature = resolve.wasm_signature(AbiVariant::GuestExport, function);
            let (params, results) = (
                core_types(&signature.params),
                core_types(&signature.results),
            );
            writeln!(
                module,
                "(func (export \"{name}\") (param {params}) (result {results}) unreachable)"
            )
            .unwrap();
        }
    }
    module.push_str(
        "(memory (export \"memory\") 1)
         (func (export \"cabi_realloc\") (param i32 i32 i32 i32) (result i32) unreachable))",
    );
    let mut module = wat::parse_str(module).unwrap();
    embed(&mut module, &resolve, world);
    let encoder = ComponentEncoder::default().validate(true);
    encoder.module(&module).unwrap().encode().unwrap()
}

fn embed(module: &mut Vec<u8>, resolve: &Resolve, world: WorldId) {
    let encoding = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(module, resolve, world, encoding).unwrap();
}

fn core_types(types: &[WasmType]) -> String {
    types.iter().map(core_type).collect()
}

fn core_type(kind: &WasmType) -> &'static str {
    match kind {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32 ",
        WasmType::I64 | WasmType::PointerOrI64 => "i64 ",
        WasmType::F32 => "f32 ",
        WasmType::F64 => "f64 ",
    }
}

/// Interfaces of types alone leave no trace in what uses none of them.
fn with_functions(names: &BTreeSet<String>) -> BTreeSet<String> {
    let resolve = contract();
    let interfaces = resolve.interfaces.iter();
    let with = interfaces.filter(|(_, one)| one.name.is_some() && !one.functions.is_empty());
    let with: BTreeSet<_> = with.filter_map(|(id, _)| resolve.id_of(id)).collect();
    names.intersection(&with).cloned().collect()
}

fn imports_of(component: &[u8]) -> BTreeSet<String> {
    let decoded = wit_component::decode(component).unwrap();
    let resolve = decoded.resolve();
    let world = resolve.select_world(&[decoded.package()], None).unwrap();
    let keys = resolve.worlds[world].imports.keys();
    with_functions(&keys.map(|key| resolve.name_world_key(key)).collect())
}

fn imports(world: &str) -> BTreeSet<String> {
    let resolve = contract();
    let package = resolve
        .packages
        .iter()
        .find(|(_, package)| package.name.namespace == "atoll")
        .map(|(id, _)| id);
    let world = resolve
        .select_world(&[package.unwrap()], Some(world))
        .unwrap();
    let keys = resolve.worlds[world].imports.keys();
    keys.filter(|key| matches!(key, WorldKey::Interface(_)))
        .map(|key| resolve.name_world_key(key))
        .collect()
}

/// Whatever the packages have, in the world or not.
fn all_interfaces() -> BTreeSet<String> {
    let resolve = contract();
    let named = resolve
        .interfaces
        .iter()
        .filter(|(_, one)| one.name.is_some());
    named.filter_map(|(id, _)| resolve.id_of(id)).collect()
}

fn contract() -> Resolve {
    let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../wit"));
    let parse = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        UnresolvedPackageGroup::parse(&path, &text)
            .map_err(|(_, error)| error)
            .unwrap()
    };
    let packages = std::fs::read_dir(folder.join("deps")).unwrap();
    let packages = packages.map(|entry| parse(entry.unwrap().path())).collect();
    let mut resolve = Resolve::default();
    resolve
        .push_groups(parse(folder.join("world.wit")), packages)
        .unwrap();
    resolve
}
