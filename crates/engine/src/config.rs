//! The one wasmtime configuration. Compiling and serving start from the same lines, because an
//! artifact loads only into an engine of equal settings.

use std::num::NonZeroUsize;

use domain::version::Handler;
use wasmtime::{Config, ModuleVersionStrategy, WasmBacktraceDetails};

/// The full version of wasmtime. Artifacts carry it: wasmtime itself compares the major number
/// only, and would run what a version with a known hole had compiled.
pub(crate) const WASMTIME: &str = "48.0.8";

/// What every CPU of an installation has: x86-64-v2, the level of machines since 2009 and the
/// default of the common hypervisors. The next level would pay in vector code alone, and refuse
/// many a virtual machine.
pub(crate) const BASELINE: &str = "x86-64-v2";

/// Of one component, over all instances of modules in it. Inspection refuses what serving could
/// not instantiate.
pub const MAX_CORE_INSTANCES: u32 = 128;
pub const MAX_MEMORIES: u32 = 8;
pub const MAX_TABLES: u32 = 32;
pub const MAX_TABLE_ELEMENTS: u64 = 100_000;

/// Two engines: guests of WASI 0.2 keep clear of the component model's async machinery, which is
/// young. Nothing of one may meet anything of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Wasi02,
    Wasi03,
}

impl Kind {
    pub const ALL: [Self; 2] = [Self::Wasi02, Self::Wasi03];

    /// The engine that runs guests with this handler.
    pub fn of(handler: Handler) -> Self {
        match handler {
            Handler::WasiHttp02 | Handler::Command => Self::Wasi02,
            Handler::WasiHttp03 => Self::Wasi03,
        }
    }
}

/// Whether this machine can run what we compile; the sentence says what it lacks.
pub fn check_host() -> Result<(), String> {
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    return Err(format!(
        "Atoll runs on Linux on x86-64; this is {} on {}",
        std::env::consts::OS,
        std::env::consts::ARCH
    ));
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        let lacking: Vec<&str> = [
            ("cmpxchg16b", std::is_x86_feature_detected!("cmpxchg16b")),
            ("popcnt", std::is_x86_feature_detected!("popcnt")),
            ("sse3", std::is_x86_feature_detected!("sse3")),
            ("ssse3", std::is_x86_feature_detected!("ssse3")),
            ("sse4.1", std::is_x86_feature_detected!("sse4.1")),
            ("sse4.2", std::is_x86_feature_detected!("sse4.2")),
        ]
        .into_iter()
        .filter_map(|(name, present)| (!present).then_some(name))
        .collect();
        if lacking.is_empty() {
            return Ok(());
        }
        Err(format!(
            "functions are compiled for {BASELINE}, and this CPU lacks {}; in a virtual machine, choose a CPU \
             model of that level or `host`",
            lacking.join(", ")
        ))
    }
}

/// Every setting that shapes compiled code, and those of the runtime that both engines share.
#[cfg_attr(
    not(any(feature = "compile", feature = "runtime")),
    expect(
        dead_code,
        reason = "nobody makes an engine in a build with neither half"
    )
)]
pub(crate) fn base(kind: Kind) -> Config {
    let mut config = Config::new();
    config
        .module_version(ModuleVersionStrategy::Custom(WASMTIME.to_owned()))
        .expect("a version is short")
        .concurrency_support(kind == Kind::Wasi03)
        // Proposals that no toolchain needs by default, and where the past escapes were.
        .wasm_exceptions(false)
        .wasm_function_references(false)
        .wasm_gc(false)
        .gc_support(false)
        .wasm_memory64(false)
        // A guest that loops is stopped at a tick, and gives way to others until then.
        .epoch_interruption(true)
        // 4 GiB of address space and a guard for each memory make bounds checks free.
        .memory_reservation(4 << 30)
        .memory_guard_size(32 << 20)
        .memory_may_move(false)
        .memory_init_cow(true)
        .guard_before_linear_memory(true)
        .max_wasm_stack(512 << 10)
        // A trap is reported by name; none of these is worth its bytes in each artifact.
        .generate_address_map(false)
        .debug_symbols(false)
        .native_unwind_info(false)
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .wasm_backtrace_max_frames(NonZeroUsize::new(16));
    config
}

/// Compiles for the baseline, whatever the CPU that compiles has.
#[cfg(feature = "compile")]
#[expect(
    unsafe_code,
    reason = "naming a CPU feature by hand is sound where `check_host` guards the machines that run the code"
)]
pub(crate) fn compiling(kind: Kind) -> wasmtime::Result<Config> {
    let mut config = base(kind);
    config
        .target("x86_64-unknown-linux-gnu")?
        .cranelift_opt_level(wasmtime::OptLevel::Speed);
    for feature in [
        "has_cmpxchg16b",
        "has_popcnt",
        "has_sse3",
        "has_ssse3",
        "has_sse41",
        "has_sse42",
    ] {
        // SAFETY: see the reason above.
        unsafe { config.cranelift_flag_enable(feature) };
    }
    Ok(config)
}
