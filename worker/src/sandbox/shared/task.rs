//! The task that an instance lives in.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::runtime::Handle;

use super::Instance;
use crate::sandbox::{heavy::LITTLE, meter::thread_ns};

/// The task of an instance. Its polls are billed; one that computes moves to where that disturbs nobody.
pub(super) struct Metered {
    pub(super) task: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    pub(super) instance: Arc<Instance>,
    /// Absent where it has moved.
    pub(super) computing: Option<Handle>,
}

impl Future for Metered {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(task) = &mut self.task else {
            return Poll::Ready(());
        };
        let began = thread_ns();
        let polled = task.as_mut().poll(cx);
        let spent = thread_ns().saturating_sub(began);
        self.instance.bill(spent);
        if polled.is_pending()
            && Duration::from_nanos(spent) >= LITTLE
            && let Some(computing) = self.computing.take()
        {
            computing.spawn(Self {
                task: self.task.take(),
                instance: Arc::clone(&self.instance),
                computing: None,
            });
            return Poll::Ready(());
        }
        ready!(polled);
        Poll::Ready(())
    }
}
