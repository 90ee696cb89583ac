//! Being asked to stop: the first SIGINT or SIGTERM asks for a clean end, the second does not wait for it.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

pub(crate) struct Signals {
    /// Cancelled by the first signal.
    pub stop: CancellationToken,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            stop: CancellationToken::new(),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// Resolves at the second signal.
    pub(crate) async fn second(mut self) {
        self.next().await;
        self.stop.cancel();
        self.next().await;
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
