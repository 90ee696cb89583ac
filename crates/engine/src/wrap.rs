//! Core modules of WASI 0.1, made into components with the standard adapter: then there is one
//! way to run a guest.

use domain::report::Refusal;
use wasi_preview1_component_adapter_provider as adapters;
use wasmparser::{Parser, Payload};
use wit_component::ComponentEncoder;

pub(crate) const COMMAND_ADAPTER: &[u8] = adapters::WASI_SNAPSHOT_PREVIEW1_COMMAND_ADAPTER;
pub(crate) const REACTOR_ADAPTER: &[u8] = adapters::WASI_SNAPSHOT_PREVIEW1_REACTOR_ADAPTER;

/// Takes a valid core module.
pub(crate) fn wrap(module: &[u8]) -> Result<Vec<u8>, Refusal> {
    let surface = Surface::of(module)?;
    let adapter = if surface.exports.contains(&"_start") {
        COMMAND_ADAPTER
    } else if surface.describes_a_world {
        REACTOR_ADAPTER
    } else {
        return Err(Refusal::NoHandler {
            found: format!(
                "a core module without `_start` or a description of its world, which exports {}",
                crate::inspect::names(&surface.exports)
            ),
        });
    };
    encode(module, adapter).map_err(|error| Refusal::NotWrappable {
        detail: crate::inspect::one_line(&format!("{error:#}")),
    })
}

fn encode(module: &[u8], adapter: &[u8]) -> anyhow::Result<Vec<u8>> {
    ComponentEncoder::default()
        .validate(true)
        .module(module)?
        .adapter(adapters::WASI_SNAPSHOT_PREVIEW1_ADAPTER_NAME, adapter)?
        .encode()
}

struct Surface<'a> {
    exports: Vec<&'a str>,
    /// By wit-bindgen, in a section `component-type…`: the module is made for a world of its own.
    describes_a_world: bool,
}

impl<'a> Surface<'a> {
    fn of(module: &'a [u8]) -> Result<Self, Refusal> {
        let mut surface = Surface {
            exports: Vec::new(),
            describes_a_world: false,
        };
        for payload in Parser::new(0).parse_all(module) {
            match payload.map_err(crate::inspect::malformed)? {
                Payload::ExportSection(exports) => {
                    for export in exports {
                        surface
                            .exports
                            .push(export.map_err(crate::inspect::malformed)?.name);
                    }
                }
                Payload::CustomSection(section) if section.name().starts_with("component-type") => {
                    surface.describes_a_world = true;
                }
                _ => {}
            }
        }
        Ok(surface)
    }
}
