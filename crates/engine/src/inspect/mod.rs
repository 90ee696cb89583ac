//! The import report: what an uploaded file is, which handler it exports, and how each of its
//! imports fares here. It parses and validates, and runs nothing.

mod surface;

use domain::report::{Import, ImportReport, ModuleKind, Refusal, Support};
use wasmparser::{
    Encoding, Parser, Payload, Validator, WasmFeatures, component_types::ComponentEntityType,
    types::Types,
};

use crate::{
    census::{self, Census},
    config::{Kind, MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES},
    world, wrap,
};
use surface::Surface;

/// What was found, and the component to compile: the bytes as they came, or wrapped.
pub(crate) struct Inspected {
    pub report: ImportReport,
    pub component: Vec<u8>,
}

/// `memory_bytes`: the most that its memories may hold at the start.
pub(crate) fn inspect(bytes: Vec<u8>, memory_bytes: u64) -> Result<Inspected, Refusal> {
    let (kind, component) = match encoding(&bytes)? {
        Encoding::Component => (ModuleKind::Component, None),
        Encoding::Module => {
            validate(Kind::Wasi02, &bytes)?;
            (ModuleKind::WrappedCore, Some(wrap::wrap(&bytes)?))
        }
    };
    // Read from the file as it came: the wrapper adds its own name.
    let producers = surface::producers(&bytes)?;
    let component = component.unwrap_or(bytes);

    let surface = Surface::of(&component)?;
    let handler = surface.handler();
    // Bytes that are broken are told so before anything else is told of them.
    let engine = handler
        .as_ref()
        .map_or(Kind::Wasi03, |(handler, _)| Kind::of(*handler));
    let types = validate(engine, &component)?;
    let (handler, handler_export) = handler?;

    let imports = imports(engine, &surface, &types)?;
    let census = census::take(&component).map_err(malformed)?;
    check_size(&census, memory_bytes)?;
    Ok(Inspected {
        report: ImportReport {
            kind,
            handler,
            handler_export,
            imports,
            initial_memory_bytes: census.memory_bytes,
            producers,
        },
        component,
    })
}

fn encoding(bytes: &[u8]) -> Result<Encoding, Refusal> {
    if wasmtime::Engine::detect_precompiled(bytes).is_some() {
        return Err(Refusal::Precompiled);
    }
    if !bytes.starts_with(b"\0asm") {
        return Err(Refusal::NotWasm { seen: seen(bytes) });
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding, .. })) => Ok(encoding),
        Some(Err(error)) => Err(malformed(error)),
        _ => Err(Refusal::Malformed {
            detail: "it has no version".to_owned(),
        }),
    }
}

/// The file's beginning, for somebody who picked the wrong one.
fn seen(bytes: &[u8]) -> String {
    let named = [
        (&b"\x7fELF"[..], "`\\x7fELF` (a native program)"),
        (b"(module", "`(module` (text; build the binary form)"),
        (b"(component", "`(component` (text; build the binary form)"),
        (b"\x1f\x8b", "`\\x1f\\x8b` (a gzip archive)"),
        (b"PK", "`PK` (a zip archive)"),
    ];
    if let Some((_, name)) = named.iter().find(|(start, _)| bytes.starts_with(start)) {
        return (*name).to_owned();
    }
    match bytes {
        [] => "nothing".to_owned(),
        bytes => format!("`{}`", bytes[..bytes.len().min(4)].escape_ascii()),
    }
}

/// Accepts what the engine of `kind` accepts. A difference would show as a failed compile only.
fn validate(kind: Kind, bytes: &[u8]) -> Result<Types, Refusal> {
    let mut features = WasmFeatures::WASM3
        - WasmFeatures::EXCEPTIONS
        - WasmFeatures::FUNCTION_REFERENCES
        - WasmFeatures::GC
        - WasmFeatures::GC_TYPES
        - WasmFeatures::MEMORY64
        - WasmFeatures::THREADS;
    features |= WasmFeatures::COMPONENT_MODEL;
    features.set(WasmFeatures::CM_ASYNC, kind == Kind::Wasi03);
    Validator::new_with_features(features)
        .validate_all(bytes)
        .map_err(malformed)
}

fn imports(kind: Kind, surface: &Surface<'_>, types: &Types) -> Result<Vec<Import>, Refusal> {
    let mut imports: Vec<Import> = Vec::new();
    for name in surface
        .imports
        .iter()
        .filter(|name| !is_types_alone(types, name))
    {
        let support = world::support(kind, name);
        if !matches!(support, Support::Unsupported { .. }) {
            imports.extend(missing(kind, types, name));
        }
        imports.push(Import {
            name: (*name).to_owned(),
            support,
        });
    }
    let unsupported: Vec<Import> = imports
        .iter()
        .filter(|import| matches!(import.support, Support::Unsupported { .. }))
        .cloned()
        .collect();
    if unsupported.is_empty() {
        Ok(imports)
    } else {
        Err(Refusal::UnsupportedImports {
            imports: unsupported,
        })
    }
}

/// What a guest built for a newer release asks of an interface, and the platform's lacks: it would
/// fail to link, long after the upload.
fn missing(kind: Kind, types: &Types, import: &str) -> Vec<Import> {
    use wasmparser::component_types::ComponentAnyTypeId;
    let Some(ComponentEntityType::Instance(id)) =
        types.component_item_for_import(import).map(|item| item.ty)
    else {
        return Vec::new();
    };
    let asked = types[id].exports.iter().filter(|(_, item)| match item.ty {
        ComponentEntityType::Func(_) => true,
        ComponentEntityType::Type { referenced, .. } => {
            matches!(referenced, ComponentAnyTypeId::Resource(_))
        }
        _ => false,
    });
    let missing = asked.filter(|(name, _)| !world::has(kind, import, name));
    let missing = missing.map(|(name, _)| Import {
        name: one_line(&format!("{import}#{name}")),
        support: Support::Unsupported {
            nearest: world::nearest(kind, import),
        },
    });
    missing.collect()
}

/// Records and the like need nobody to provide them: they say what functions elsewhere speak of.
fn is_types_alone(types: &Types, import: &str) -> bool {
    use wasmparser::component_types::ComponentAnyTypeId;
    let is_plain = |entity: &ComponentEntityType| match entity {
        ComponentEntityType::Type { referenced, .. } => {
            !matches!(referenced, ComponentAnyTypeId::Resource(_))
        }
        _ => false,
    };
    match types.component_item_for_import(import).map(|item| item.ty) {
        Some(ComponentEntityType::Instance(id)) => {
            types[id].exports.values().all(|item| is_plain(&item.ty))
        }
        // A name for a type of another import.
        Some(ComponentEntityType::Type { .. }) => true,
        _ => false,
    }
}

fn check_size(census: &Census, memory_bytes: u64) -> Result<(), Refusal> {
    let needs = [
        (
            "bytes of memory at the start",
            census.memory_bytes,
            memory_bytes,
        ),
        ("memories", census.memories, MAX_MEMORIES.into()),
        ("tables", census.tables, MAX_TABLES.into()),
        (
            "elements in a table",
            census.table_elements,
            MAX_TABLE_ELEMENTS,
        ),
        (
            "core instances",
            census.core_instances,
            MAX_CORE_INSTANCES.into(),
        ),
    ];
    match needs.into_iter().find(|(_, seen, limit)| seen > limit) {
        Some((what, seen, limit)) => Err(Refusal::TooLarge {
            what: what.to_owned(),
            seen,
            limit,
        }),
        None => Ok(()),
    }
}

pub(crate) fn malformed(error: wasmparser::Error) -> Refusal {
    let detail = format!("{} (at byte {})", error.message(), error.offset());
    Refusal::Malformed {
        detail: one_line(&detail),
    }
}

/// Texts of the parsers quote the module: kept on one line, and short.
pub(crate) fn one_line(text: &str) -> String {
    const LONGEST: usize = 500;
    let line: String = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| !c.is_control())
        .take(LONGEST)
        .collect();
    line
}

/// `` `a`, `b` and 7 more ``
pub(crate) fn names(names: &[&str]) -> String {
    const SHOWN: usize = 8;
    let mut text: Vec<String> = names
        .iter()
        .take(SHOWN)
        .map(|name| format!("`{}`", one_line(name)))
        .collect();
    if text.is_empty() {
        return "nothing".to_owned();
    }
    if names.len() > SHOWN {
        text.push(format!("{} more", names.len() - SHOWN));
    }
    match text.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => text.concat(),
    }
}

#[cfg(test)]
mod tests;
