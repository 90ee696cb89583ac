//! The outside of a component: what it imports, what it exports, which handler that makes it, and
//! who built it. Components inside it have a surface of their own, which is nobody's affair.

use domain::{report::Refusal, version::Handler};
use wasmparser::{KnownCustom, Parser, Payload};

use super::{malformed, names};
use crate::world;

pub(super) struct Surface<'a> {
    pub imports: Vec<&'a str>,
    exports: Vec<&'a str>,
}

/// Interfaces that make a guest a handler, with the range of versions that the engines call.
const HANDLERS: [(&str, &str, Handler); 3] = [
    ("wasi:http/incoming-handler", "0.2.0", Handler::WasiHttp02),
    ("wasi:http/handler", "0.3.0", Handler::WasiHttp03),
    ("wasi:cli/run", "0.2.0", Handler::Command),
];

impl<'a> Surface<'a> {
    pub(super) fn of(component: &'a [u8]) -> Result<Self, Refusal> {
        let mut surface = Self {
            imports: Vec::new(),
            exports: Vec::new(),
        };
        for payload in outermost(component) {
            match payload? {
                Payload::ComponentImportSection(imports) => {
                    for import in imports {
                        surface.imports.push(import.map_err(malformed)?.name.name);
                    }
                }
                Payload::ComponentExportSection(exports) => {
                    for export in exports {
                        surface.exports.push(export.map_err(malformed)?.name.name);
                    }
                }
                _ => {}
            }
        }
        Ok(surface)
    }

    /// The one handler that is exported, and the export's name. A component that answers HTTP may
    /// be a command besides: the request goes to the former.
    pub(super) fn handler(&self) -> Result<(Handler, String), Refusal> {
        let found: Vec<(Handler, &str)> =
            self.exports.iter().filter_map(|e| handler_of(e)).collect();
        let mut http: Vec<_> = found.clone();
        http.retain(|(handler, _)| *handler != Handler::Command);
        match (&http[..], &found[..]) {
            ([(handler, export)], _) | ([], [(handler, export)]) => {
                Ok((*handler, (*export).to_owned()))
            }
            ([], []) => Err(Refusal::NoHandler {
                found: names(&self.exports),
            }),
            _ => {
                let several: Vec<&str> = found.iter().map(|(_, export)| *export).collect();
                Err(Refusal::SeveralHandlers {
                    found: names(&several),
                })
            }
        }
    }
}

fn handler_of(export: &str) -> Option<(Handler, &str)> {
    let (interface, version) = world::split(export);
    let (_, _, handler) = HANDLERS.iter().find(|(name, range, _)| {
        *name == interface && version.is_some_and(|v| world::links(v, range))
    })?;
    Some((*handler, export))
}

/// `Rust 1.95.0`, `wit-component 0.254.0`: of the file itself and of the modules in it, in the
/// order they are met.
pub(super) fn producers(bytes: &[u8]) -> Result<Vec<String>, Refusal> {
    const MOST: usize = 20;
    let mut producers: Vec<String> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        let Payload::CustomSection(section) = payload.map_err(malformed)? else {
            continue;
        };
        // The section binds nobody: one that cannot be read is passed over.
        let KnownCustom::Producers(fields) = section.as_known() else {
            continue;
        };
        for value in fields.into_iter().flatten().flat_map(|field| field.values) {
            let Ok(value) = value else { continue };
            let producer = super::one_line(&format!("{} {}", value.name, value.version));
            if producers.len() < MOST && !producers.contains(&producer) {
                producers.push(producer);
            }
        }
    }
    Ok(producers)
}

fn outermost(component: &[u8]) -> impl Iterator<Item = Result<Payload<'_>, Refusal>> {
    let mut depth = 0_usize;
    Parser::new(0)
        .parse_all(component)
        .filter_map(move |payload| {
            let payload = match payload {
                Ok(payload) => payload,
                Err(error) => return Some(Err(malformed(error))),
            };
            match payload {
                Payload::Version { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                _ => {}
            }
            (depth == 1).then_some(Ok(payload))
        })
}
