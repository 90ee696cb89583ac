//! From a component to native code. Called in the jail alone: a compiler that reads what strangers
//! wrote may be made to loop, to grow or to crash.

use std::collections::HashMap;

use wasmtime::{Engine, Result};

use crate::config::{Kind, compiling};

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
