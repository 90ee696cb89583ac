//! Runs one call to its head, and what is left of it beside the body.
//!
//! The guest is polled in the caller's own task: one that answers at once costs no spawn and no
//! wake-up. Only a guest whose body is still to come goes on in a task of its own.

use std::{
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::{Arc, atomic::Ordering::Relaxed},
};

use domain::Failure;
use futures::{FutureExt as _, channel::oneshot};
use http::Response;
use tokio::time::{Instant, timeout_at};
use wasmtime_wasi_http::WasiBody;

use super::{
    Guest, Sandbox,
    heavy::Placed,
    meter::Metered,
    verdict::{self, Phase},
};
use crate::{invocation::Invocation, outcome::Failed};

pub(super) type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A call that was prepared and not polled yet.
pub(super) struct Started {
    /// Tells the invocation how it ended before anything of it is dropped.
    pub(super) guest: Task,
    pub(super) response: oneshot::Receiver<wasmtime::Result<Response<WasiBody>>>,
    /// Whether it runs in an instance that others share, which goes on writing after the guest has
    /// returned.
    pub(super) is_shared: bool,
}

/// What a guest gave: the head, the body's reading end, and the guest itself where it is not done.
pub(crate) struct Answer {
    pub(crate) response: Response<WasiBody>,
    pub(crate) rest: Option<Placed>,
}

pub(crate) async fn run(
    sandbox: &Sandbox,
    guest: &Guest,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> Result<Answer, Failed> {
    let result = head(sandbox, guest, invocation, request).await;
    if let Err(failed) = &result {
        invocation.fail(failed.clone());
    }
    result
}

async fn head(
    sandbox: &Sandbox,
    guest: &Guest,
    invocation: &Arc<Invocation>,
    request: http::Request<WasiBody>,
) -> Result<Answer, Failed> {
    let of = |error: &wasmtime::Error| {
        let failed = verdict::failed(invocation, Phase::Running, error);
        failed.unwrap_or_else(verdict::no_response)
    };
    let Started {
        guest,
        mut response,
        is_shared,
    } = sandbox
        .start(guest, invocation, request)
        .map_err(|error| of(&error))?;
    let driven: Task = if is_shared {
        // The instance bills its calls; this one merely waits for its end, perhaps on another thread.
        Box::pin(drive(Arc::clone(invocation), guest))
    } else {
        let invocation = Arc::clone(invocation);
        Box::pin(drive(
            Arc::clone(&invocation),
            Metered {
                future: guest,
                invocation,
            },
        ))
    };
    let mut guest = Placed::new(driven, invocation, sandbox.computing());
    let (given, rest) = tokio::select! {
        biased;
        () = &mut guest => (response.try_recv().ok().flatten(), is_shared.then_some(guest)),
        given = &mut response => match given {
            Ok(given) => (Some(given), Some(guest)),
            // The guest threw its chance to answer away; how it ends says why.
            Err(_) => {
                guest.await;
                (None, None)
            }
        },
    };
    if let Some(failed) = invocation.failure() {
        return Err(failed.clone());
    }
    match given {
        Some(Ok(response)) => Ok(Answer { response, rest }),
        Some(Err(error)) => Err(of(&error)),
        None => Err(verdict::no_response()),
    }
}

/// The guest with its deadline, and a floor under the host's own panics.
async fn drive(invocation: Arc<Invocation>, guest: impl Future<Output = ()>) {
    let mut guarded = std::pin::pin!(AssertUnwindSafe(guest).catch_unwind());
    let deadline = Instant::from_std(invocation.deadline());
    match timeout_at(deadline, guarded.as_mut()).await {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => {
            tracing::error!(request_id = %invocation.about.id, panic = panic_text(&panic), "the host panicked in a call");
            invocation.fail(Failed::internal());
        }
        Err(_) => invocation.fail(wall_timeout(&invocation)),
    }
}

/// Of whoever was waited for when the time was up.
pub(crate) fn wall_timeout(invocation: &Invocation) -> Failed {
    let limit = u64::from(invocation.limits.wall_ms);
    if invocation.awaits_caller.load(Relaxed) {
        let detail = format!("the request's body was not complete within {limit} ms");
        return Failed::new(Failure::RequestTimeout, detail).over(limit, None);
    }
    let detail = format!("the function did not end its response within {limit} ms");
    Failed::new(Failure::WallTimeout, detail).over(limit, None)
}

pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("not a text")
}

/// An error of a guest, with what was going on.
pub(super) struct Ended {
    phase: Phase,
    error: wasmtime::Error,
}

impl Ended {
    pub(super) fn at(phase: Phase) -> impl FnOnce(wasmtime::Error) -> Self {
        move |error| Self { phase, error }
    }

    pub(super) fn tell(invocation: &Invocation, Self { phase, error }: &Self) {
        if let Some(failed) = verdict::failed(invocation, *phase, error) {
            // The whole story, with the guest's frames, is for the tenant.
            invocation.log.platform("error", &format!("{error:?}"));
            invocation.fail(failed);
        }
    }
}
