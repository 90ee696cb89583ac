//! From a component to native code. Called in the jail alone: a compiler that reads what strangers
//! wrote may be made to loop, to grow or to crash.

use std::collections::HashMap;

use domain::version::Handler;
use wasmtime::{Engine, Result};

use crate::{
    config::{Kind, compiling},
    inspect::inspect,
};

/// The engines that compile. Made before the jail closes, because making one may read files.
pub(crate) struct Compilers(HashMap<Kind, Engine>);

impl Compilers {
    pub(crate) fn new() -> Result<Self> {
        let engines = Kind::ALL
            .into_iter()
            .map(|kind| Ok((kind, Engine::new(&compiling(kind)?)?)))
            .collect::<Result<_>>()?;
        Ok(Self(engines))
    }

    /// On this thread alone, to the end.
    pub(crate) fn compile(&self, kind: Kind, component: &[u8]) -> Result<Vec<u8>> {
        self.0[&kind].precompile_component(component)
    }
}

/// Compiles outside of the jail, for tests of what runs the output: only of modules that this
/// repository holds. Gives the handler that was found, and the artifact.
pub fn trusted(module: Vec<u8>) -> anyhow::Result<(Handler, Vec<u8>)> {
    let inspected = inspect(module, u64::MAX)?;
    let handler = inspected.report.handler;
    let artifact = Compilers::new()
        .and_then(|compilers| compilers.compile(Kind::of(handler), &inspected.component))
        .map_err(|error| anyhow::anyhow!("{error:#}"))?;
    Ok((handler, artifact))
}
