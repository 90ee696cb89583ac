//! Where guests that compute go on: threads that the system runs after those that answer requests. A
//! call begins on its connection's thread; one that has used more than a little processor time moves,
//! and a version whose calls always do begins there.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use anyhow::Context as _;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio_util::task::AbortOnDropHandle;
use wasmtime::Engine;

use super::run::Task;
use crate::invocation::Invocation;

/// What a call may use of a thread that others wait for.
pub(crate) const LITTLE: Duration = Duration::from_millis(5);
/// Of -20 to 19: the least of the processors that goes to those who wait for nothing else.
const NICE: i32 = 19;

pub(super) struct Heavy(Option<Runtime>);

impl Heavy {
    pub(super) fn start(threads: usize) -> anyhow::Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(threads)
            .thread_name("computing")
            .enable_all()
            .on_thread_start(|| {
                Engine::tls_eager_initialize();
                // Of this thread alone, by the kernel's reading of zero.
                if let Err(error) = rustix::process::setpriority_process(None, NICE) {
                    tracing::warn!(%error, "guests that compute are not set behind others");
                }
            })
            .build();
        Ok(Self(Some(
            runtime.context("the threads for guests that compute")?,
        )))
    }

    pub(super) fn handle(&self) -> Handle {
        let runtime = self.0.as_ref().expect("it is there until it is dropped");
        runtime.handle().clone()
    }
}

impl Drop for Heavy {
    fn drop(&mut self) {
        // Whoever drops it may be a task himself, which may not wait.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

/// A call on the thread that polls it, until it has to move.
pub(crate) struct Placed {
    invocation: Arc<Invocation>,
    computing: Handle,
    place: Place,
}

enum Place {
    Here(Task),
    Moved(AbortOnDropHandle<()>),
    Ended,
}

impl Placed {
    pub(super) fn new(task: Task, invocation: &Arc<Invocation>, computing: Handle) -> Self {
        let mut placed = Self {
            invocation: Arc::clone(invocation),
            computing,
            place: Place::Here(task),
        };
        if invocation.about.version.computes() {
            placed.move_away();
        }
        placed
    }

    fn move_away(&mut self) {
        if let Place::Here(task) = std::mem::replace(&mut self.place, Place::Ended) {
            self.place = Place::Moved(AbortOnDropHandle::new(self.computing.spawn(task)));
        }
    }
}

impl Future for Placed {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if let Place::Here(task) = &mut self.place {
            if task.as_mut().poll(cx).is_ready() {
                self.place = Place::Ended;
                return Poll::Ready(());
            }
            if self.invocation.usage.meter.spent() < LITTLE {
                return Poll::Pending;
            }
            self.move_away();
        }
        if let Place::Moved(task) = &mut self.place {
            // A panic in it was caught in it.
            let _ = ready!(Pin::new(task).poll(cx));
            self.place = Place::Ended;
        }
        Poll::Ready(())
    }
}
