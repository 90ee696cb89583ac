//! What an object is called. Nothing else in the program spells a key.

use std::{fmt, str::FromStr};

use domain::Digest;
use object_store::path::Path;

const MODULES: &str = "modules";
const ARTIFACTS: &str = "artifacts";
const SNAPSHOT: &str = "serving/snapshot-v1";

/// Where a blob lives. What stands under a key follows from the key, so a put may be repeated
/// and never overwrites; the snapshot alone is replaced.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BlobKey {
    /// A module as it was uploaded: `modules/<sha256>`.
    Module(Digest),
    /// A module compiled for one build of the engine: `artifacts/<engine tag>/<sha256>`.
    Artifact { engine_tag: String, module: Digest },
    /// The serving state for workers that no API server answers: 64 bytes of Ed25519 signature, then
    /// the JSON.
    Snapshot,
}

impl BlobKey {
    pub(crate) fn path(&self) -> Path {
        match self {
            Self::Module(digest) => Path::from_iter([MODULES, &digest.to_string()]),
            Self::Artifact { engine_tag, module } => {
                Path::from_iter([ARTIFACTS, engine_tag, &module.to_string()])
            }
            Self::Snapshot => Path::from(SNAPSHOT),
        }
    }

    pub(crate) fn modules() -> Path {
        Path::from(MODULES)
    }

    /// The module whose key `path` is; none for what somebody else put there.
    pub(crate) fn module_of(path: &Path) -> Option<Digest> {
        Digest::from_str(path.filename()?).ok()
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_the_kind_the_engine_and_the_module() {
        let module = Digest::of(b"module");
        assert_eq!(
            BlobKey::Module(module).to_string(),
            format!("modules/{module}")
        );
        let artifact = BlobKey::Artifact {
            engine_tag: "wasmtime-48.0.8".to_owned(),
            module,
        };
        assert_eq!(
            artifact.to_string(),
            format!("artifacts/wasmtime-48.0.8/{module}")
        );
        assert_eq!(
            BlobKey::module_of(&BlobKey::Module(module).path()),
            Some(module)
        );
    }
}
