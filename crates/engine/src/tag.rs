//! Which build of the engine made an artifact. Only a build with a compiler could compute it, and
//! a worker has none: so it is a constant, held true by a test.

/// Artifacts of other tags are never loaded; they are compiled anew from their module. Made of
/// wasmtime's version, the CPU baseline, and a digest of both engines' settings and the adapters.
pub const TAG: &str = "wasmtime-48.0.8-x86-64-v2-21f1156b6dfe";

#[cfg(all(test, feature = "compile"))]
mod tests {
    use std::hash::{Hash, Hasher};

    use sha2::{Digest as _, Sha256};
    use wasmtime::{Engine, ModuleVersionStrategy};

    use super::*;
    use crate::config::{BASELINE, Kind, WASMTIME, compiling};

    /// The standard library's hashers promise nothing from one release to the next.
    struct Stable(Sha256);

    impl Hasher for Stable {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }

        fn finish(&self) -> u64 {
            let digest = self.0.clone().finalize();
            u64::from_be_bytes(
                digest[..8]
                    .try_into()
                    .expect("a digest has more than 8 bytes"),
            )
        }
    }

    fn digest_of(value: impl Hash) -> u64 {
        let mut hasher = Stable(Sha256::new());
        value.hash(&mut hasher);
        hasher.finish()
    }

    #[test]
    fn the_version_is_that_of_the_wasmtime_we_build_with() {
        assert_eq!(
            digest_of(ModuleVersionStrategy::WasmtimeVersion),
            digest_of(WASMTIME),
            "set config::WASMTIME to the version of wasmtime in Cargo.lock"
        );
    }

    #[test]
    fn the_tag_changes_with_whatever_makes_artifacts_incompatible() {
        let mut hasher = Stable(Sha256::new());
        for kind in Kind::ALL {
            let engine = Engine::new(&compiling(kind).expect("a config")).expect("an engine");
            engine.precompile_compatibility_hash().hash(&mut hasher);
        }
        crate::wrap::COMMAND_ADAPTER.hash(&mut hasher);
        crate::wrap::REACTOR_ADAPTER.hash(&mut hasher);
        let digest = format!("{:016x}", hasher.finish());
        let expected = format!("wasmtime-{WASMTIME}-{BASELINE}-{}", &digest[..12]);
        assert_eq!(
            TAG, expected,
            "the settings changed: set tag::TAG to {expected:?}"
        );
    }

    #[test]
    fn the_tag_can_be_a_part_of_a_key_and_of_a_url() {
        assert!(
            TAG.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        );
    }
}
