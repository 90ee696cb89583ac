//! The import report: what an uploaded module is, and what it asks of the platform. Shown before
//! a version is accepted, and kept with it.

use serde::{Deserialize, Serialize};

use crate::version::Handler;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ImportReport {
    pub kind: ModuleKind,
    pub handler: Handler,
    /// The export that takes the requests, `wasi:http/incoming-handler@0.2.3`.
    pub handler_export: String,
    pub imports: Vec<Import>,
    /// Sum of what its memories hold at the start.
    pub initial_memory_bytes: u64,
    /// From the producers section: `Rust 1.95.0`, `wit-component 0.254.0`.
    pub producers: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum ModuleKind {
    Component,
    /// A core module of WASI 0.1, wrapped by the platform with the standard adapter.
    WrappedCore,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Import {
    /// As the module spells it, `wasi:http/types@0.2.10`.
    pub name: String,
    #[serde(flatten)]
    pub support: Support,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "support", rename_all = "snake_case")]
pub enum Support {
    Provided,
    /// Linked, but a call is refused until somebody grants it.
    NotGranted {
        reason: String,
    },
    /// Refuses the upload.
    Unsupported {
        #[serde(skip_serializing_if = "Option::is_none")]
        nearest: Option<String>,
    },
}

/// Why an upload was refused after it was read. Every text names what was found and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Refusal {
    #[error("the file is not a WebAssembly module: it starts with {seen}, not with `\\0asm`")]
    NotWasm { seen: String },
    #[error("the file is native code compiled by wasmtime; upload the .wasm it was made from")]
    Precompiled,
    #[error("the module is malformed: {detail}")]
    Malformed { detail: String },
    #[error(
        "no handler is exported; export `wasi:http/incoming-handler@0.2` or `wasi:http/handler@0.3`, or build a \
         command. Found: {found}"
    )]
    NoHandler { found: String },
    #[error("more than one handler is exported ({found}); export exactly one")]
    SeveralHandlers { found: String },
    #[error("{}", unsupported(.imports))]
    UnsupportedImports { imports: Vec<Import> },
    #[error("the module needs {what} {seen}, the limit is {limit}")]
    TooLarge { what: String, seen: u64, limit: u64 },
    #[error("the core module could not be wrapped into a component: {detail}")]
    NotWrappable { detail: String },
    /// The jail's own limits: the inspection did not end in its CPU, memory or time.
    #[error("the module could not be read within the {limit} that inspection may take")]
    InspectionLimit { limit: String },
}

fn unsupported(imports: &[Import]) -> String {
    let each = imports.iter().map(|import| match &import.support {
        Support::Unsupported {
            nearest: Some(nearest),
        } => {
            format!(
                "`{}` is not offered here, the nearest is `{nearest}`",
                import.name
            )
        }
        _ => format!("`{}` is not offered here", import.name),
    });
    each.collect::<Vec<_>>().join("; ")
}
