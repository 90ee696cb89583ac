//! `wasi:logging`: each message is one line of the call's log.

use wasmtime::component::{ComponentType, Lift, Linker, Lower};

use super::state::State;

#[expect(dead_code, reason = "a guest makes them")]
#[derive(Clone, Copy, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

impl Level {
    const fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

pub(super) fn add_to_linker<G: 'static>(linker: &mut Linker<State<G>>) -> wasmtime::Result<()> {
    let mut logging = linker.instance("wasi:logging/logging@0.1.0-draft")?;
    logging.func_wrap(
        "log",
        |store, (level, context, message): (Level, String, String)| {
            let Some(invocation) = store.data().invocation() else {
                return Ok(());
            };
            let log = &invocation.log;
            if context.is_empty() {
                log.say(level.name(), &message);
            } else {
                log.say(level.name(), &format!("{context}: {message}"));
            }
            Ok(())
        },
    )
}
