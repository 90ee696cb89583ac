//! What need not be done before an answer is on its way: taking an instance apart and giving its
//! memory back is a tenth of a short call, and nobody has to wait for it.

use std::{any::Any, cell::Cell, future::poll_fn, pin::pin};

thread_local! {
    /// Whether a connection is being polled, which will say when its answer is written.
    static ANSWERING: Cell<bool> = const { Cell::new(false) };
    static PUT_OFF: Cell<Option<Box<dyn Any>>> = const { Cell::new(None) };
}

/// Drives a connection. What its calls put off is dropped at the end of the poll that has written
/// their answers.
pub(crate) async fn after_writing<F: Future>(connection: F) -> F::Output {
    let mut connection = pin!(connection);
    poll_fn(|cx| {
        let _poll = Poll::begin();
        connection.as_mut().poll(cx)
    })
    .await
}

struct Poll;

impl Poll {
    fn begin() -> Self {
        ANSWERING.set(true);
        Self
    }
}

impl Drop for Poll {
    fn drop(&mut self) {
        ANSWERING.set(false);
        drop(PUT_OFF.take());
    }
}

/// Drops it, a little later where that is worth while; never more than one thing waits.
pub(crate) fn put_off(thing: impl Sized + 'static) {
    if ANSWERING.get() {
        drop(PUT_OFF.replace(Some(Box::new(thing))));
    }
}
