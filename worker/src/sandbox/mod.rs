//! Where guests run: two engines whose objects cannot meet, one pre-instantiated component for each
//! loaded version, and one store for each call.

mod cgi;
mod command;
mod config;
mod current;
pub(crate) mod fuzzing;
mod heavy;
mod hooks;
mod idle;
mod instance;
mod limits;
mod logging;
mod logs;
mod meter;
mod run;
mod shared;
mod state;
mod stdio;
mod verdict;
mod wasi02;
mod wasi03;
#[cfg(test)]
mod world_tests;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use domain::version::Handler;
use engine::{config::Kind, pool::PoolSettings};
use tokio::runtime::Handle;
use wasmtime::{
    Engine, Store,
    component::{Component, InstancePre, Linker},
};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::{WasiBody, p2::bindings::ProxyPre, p3::bindings::ServicePre};

use current::Current;
use heavy::Heavy;
pub(crate) use heavy::{LITTLE, Placed};
use idle::{Room, Waiting};
pub(crate) use limits::Usage;
pub(crate) use run::{Answer, panic_text, run, wall_timeout};
use shared::Shared;
use state::State;
use wasi02::Http02;
use wasi03::Http03;

use crate::{config::NodeLimits, invocation::Invocation};

/// How often a guest that computes is made to look at its limits, and to let others run.
const TICK: Duration = Duration::from_millis(5);
/// The largest linear memory that any plan may give.
const MEMORY_BYTES: usize = 1 << 30;

/// The engine of WASI 0.2: no asynchronous component model, the smallest surface.
pub(crate) struct Wasi02;
/// The engine of WASI 0.3.
pub(crate) struct Wasi03;

pub(crate) struct Sandbox {
    wasi02: Runtime<Wasi02>,
    wasi03: Runtime<Wasi03>,
    heavy: Heavy,
    waiting: Arc<Waiting>,
}

/// An engine with what it offers to guests. `G` keeps its objects apart from the other engine's: a
/// component, a linker or a store that met another engine's would be undefined behaviour at worst.
struct Runtime<G: 'static> {
    engine: Engine,
    linker: Linker<State<G>>,
}

/// A loaded version, ready to be instantiated.
pub(crate) enum Guest {
    Http02(Http02),
    Http03(Http03),
    Command(CommandPre<State<Wasi02>>),
}

impl Sandbox {
    pub(crate) fn new(limits: &NodeLimits) -> anyhow::Result<Self> {
        engine::config::check_host().map_err(|reason| anyhow!(reason))?;
        Ok(Self {
            heavy: Heavy::start(limits.threads)?,
            waiting: Waiting::new(idle_max(limits)),
            wasi02: Runtime::new(Kind::Wasi02, limits, |_| Ok(()))?,
            wasi03: Runtime::new(Kind::Wasi03, limits, |linker| {
                wasmtime_wasi::p3::add_to_linker(linker)?;
                wasmtime_wasi_http::p3::add_to_linker(linker)
            })?,
        })
    }

    /// To be called on every thread that runs guests.
    pub(crate) fn enter_thread() {
        Engine::tls_eager_initialize();
    }

    fn computing(&self) -> Handle {
        self.heavy.handle()
    }

    /// Loads an artifact that the platform signed; its file must not change from now on.
    pub(crate) fn load(&self, handler: Handler, artifact: &Path) -> anyhow::Result<Guest> {
        let load = || -> wasmtime::Result<Guest> {
            Ok(match handler {
                Handler::WasiHttp02 => Guest::Http02(Http02 {
                    pre: ProxyPre::new(self.wasi02.load(artifact)?)?,
                    idle: Room::new(&self.waiting),
                }),
                Handler::WasiHttp03 => Guest::Http03(Http03 {
                    pre: ServicePre::new(self.wasi03.load(artifact)?)?,
                    idle: Room::new(&self.waiting),
                    shared: Shared::new(&self.waiting),
                }),
                Handler::Command => Guest::Command(CommandPre::new(self.wasi02.load(artifact)?)?),
            })
        };
        load()
            .map_err(|error| anyhow!("{error:#}"))
            .context("its artifact cannot be loaded")
    }

    /// Starts a call, without running any of the guest yet.
    fn start(
        &self,
        guest: &Guest,
        invocation: &Arc<Invocation>,
        request: http::Request<WasiBody>,
    ) -> wasmtime::Result<run::Started> {
        match guest {
            Guest::Http02(guest) => wasi02::start(&self.wasi02, guest, invocation, request),
            Guest::Http03(guest) => Ok(match invocation.about.function.reuse {
                Some(reuse) if reuse.concurrency > 1 => guest.shared.start(
                    &self.wasi03,
                    &guest.pre,
                    reuse,
                    invocation,
                    request,
                    self.computing(),
                ),
                _ => wasi03::start(&self.wasi03, guest, invocation, request),
            }),
            Guest::Command(pre) => command::start(&self.wasi02, pre, invocation, request),
        }
    }
}

/// Instances that may wait for another call, beside those that run.
const fn idle_max(limits: &NodeLimits) -> u32 {
    limits.instances / 2
}

impl<G: 'static> Runtime<G> {
    fn new(
        kind: Kind,
        limits: &NodeLimits,
        more: impl FnOnce(&mut Linker<State<G>>) -> wasmtime::Result<()>,
    ) -> anyhow::Result<Self> {
        let build = || -> wasmtime::Result<Self> {
            let engine = engine::pool::engine(
                kind,
                &PoolSettings {
                    slots: limits.instances + idle_max(limits),
                    memory_bytes: MEMORY_BYTES,
                    cannot_swap: engine::pool::process_cannot_swap(),
                },
            )?;
            let mut linker = Linker::new(&engine);
            wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
            wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
            config::add_to_linker(&mut linker)?;
            logging::add_to_linker(&mut linker)?;
            more(&mut linker)?;
            tick(&engine);
            Ok(Self { engine, linker })
        };
        build()
            .map_err(|error| anyhow!("{error:#}"))
            .context("the engine cannot be started")
    }

    #[expect(
        unsafe_code,
        reason = "native code has no safe way in; this is the only one"
    )]
    fn load(&self, artifact: &Path) -> wasmtime::Result<InstancePre<State<G>>> {
        // SAFETY: the file was compiled by this platform, whose signature over its hash was checked
        // before the call, and nobody writes to it: it is replaced by renaming only.
        let component = unsafe { Component::deserialize_file(&self.engine, artifact) }?;
        // Now rather than in the first request.
        component.initialize_copy_on_write_image()?;
        self.linker.instantiate_pre(&component)
    }

    fn store(&self, current: &Arc<Current>, wasi: WasiCtxBuilder) -> Store<State<G>> {
        state::store(&self.engine, current, wasi)
    }
}

/// Advances the engine's epoch for as long as the engine is there.
fn tick(engine: &Engine) {
    let engine = engine.weak();
    let beat = move || {
        loop {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => break,
            }
        }
    };
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(beat)
        .expect("a thread at start");
}
