//! From the way a guest's code ended to the failure that is told: the error table of the sandbox.

use domain::Failure;
use wasmtime::{PoolConcurrencyLimitError, Trap};
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::{p2::bindings::http::types as p2, p3::bindings::http::types as p3};

use crate::{invocation::Invocation, outcome::Failed};

/// What was going on when the error came.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Instantiating,
    Running,
}

/// `None` where the error is no failure: the guest ended its process in good order.
pub(super) fn failed(
    invocation: &Invocation,
    phase: Phase,
    error: &wasmtime::Error,
) -> Option<Failed> {
    let usage = &invocation.usage;
    // Only the watch over the CPU limit interrupts.
    if error.downcast_ref::<Trap>() == Some(&Trap::Interrupt) {
        let limit = usage.meter.limit_ms();
        let detail = format!("the function used more than {limit} ms of CPU time");
        let observed = usage.meter.spent_now().as_millis() as u64;
        return Some(Failed::new(Failure::CpuLimitExceeded, detail).over(limit, observed));
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Some(Failed::new(
            Failure::NoCapacity,
            "this worker has no room for another instance; try again",
        ));
    }
    if let Some(I32Exit(code)) = error.downcast_ref::<I32Exit>() {
        let failed = Failed::new(
            Failure::FunctionTrapped,
            "the function exited with a failure",
        );
        return (*code != 0).then(|| failed.because(format!("code {code}")));
    }
    // A guest meets a refused growth as an error of its own allocator, and then traps.
    if let Some(wanted) = usage.refused_memory_bytes() {
        let limit = invocation.limits.memory_bytes;
        let detail =
            format!("the function asked for {wanted} bytes of memory, its limit is {limit}");
        return Some(Failed::new(Failure::MemoryLimitExceeded, detail).over(limit, wanted));
    }
    if let Some(invalid) = error.downcast_ref::<Invalid>() {
        return Some(Failed::new(Failure::InvalidResponse, invalid.0));
    }
    if let Some(code) = error_code(error) {
        let detail = "the function answered with an error in place of a response";
        return Some(Failed::new(Failure::InvalidResponse, detail).because(code));
    }
    let trap = error.downcast_ref::<Trap>().map(Trap::to_string);
    let failed = match phase {
        Phase::Instantiating if trap.is_none() => Failed::new(
            Failure::InstantiationFailed,
            "the function could not be instantiated",
        ),
        _ => Failed::new(
            Failure::FunctionTrapped,
            "the function's code failed; its log says more",
        ),
    };
    Some(failed.because(trap.unwrap_or_else(|| error.root_cause().to_string())))
}

/// What a guest gave cannot be a response.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Invalid(pub(super) &'static str);

fn error_code(error: &wasmtime::Error) -> Option<String> {
    let p2 = error
        .downcast_ref::<p2::ErrorCode>()
        .map(|code| format!("{code:?}"));
    p2.or_else(|| {
        error
            .downcast_ref::<p3::ErrorCode>()
            .map(|code| format!("{code:?}"))
    })
}

pub(super) fn no_response() -> Failed {
    Failed::new(
        Failure::InvalidResponse,
        "the function ended without giving a response",
    )
}
