//! `wasi:config/store`, in both drafts that toolchains use: a version's variables and secrets.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::state::State;

/// Alike but for their names.
const DRAFTS: [&str; 2] = ["0.2.0-rc.1", "0.2.0-draft-2024-09-27"];

/// Part of the interface; the values are at hand, so that reading them cannot fail.
#[derive(ComponentType, Lift, Lower)]
#[component(variant)]
enum Error {
    #[component(name = "upstream")]
    Upstream(String),
    #[component(name = "io")]
    Io(String),
}

pub(super) fn add_to_linker<G: 'static>(linker: &mut Linker<State<G>>) -> wasmtime::Result<()> {
    for draft in DRAFTS {
        let mut store = linker.instance(&format!("wasi:config/store@{draft}"))?;
        store.func_wrap("get", |store, (key,): (String,)| {
            let invocation = store.data().invocation();
            let value = invocation.and_then(|one| one.about.version.config.get(&key));
            Ok((Ok::<Option<String>, Error>(value),))
        })?;
        store.func_wrap("get-all", |store, (): ()| {
            let invocation = store.data().invocation();
            let all = invocation.map(|one| one.about.version.config.all());
            Ok((Ok::<_, Error>(all.unwrap_or_default()),))
        })?;
    }
    Ok(())
}
