//! One worker: serves until it is told to stop, then drains.

use std::io::{Read, Write};

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use worker::Worker;

use crate::{
    args::WorkerArgs,
    settings::{reader::process_variables, worker as settings},
};

pub(crate) async fn run(args: WorkerArgs, stop: CancellationToken) -> anyhow::Result<()> {
    let config = settings::read(&args, &process_variables)?;
    if args.until_stdin_closes {
        stop_when_stdin_closes(stop.clone());
    }
    let worker = tokio::select! {
        worker = Worker::start(config) => worker?,
        () = stop.cancelled() => return Ok(()),
    };
    tokio::select! {
        () = worker.ready() => {
            tracing::info!(functions = %worker.functions_addr(), "the worker is ready");
            if args.until_stdin_closes {
                say_ready();
            }
        }
        () = stop.cancelled() => {}
    }
    worker.run(stop.cancelled_owned()).await;
    Ok(())
}

/// A thread of its own: a blocking read would keep the runtime from ending.
fn stop_when_stdin_closes(stop: CancellationToken) {
    let (closed, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let mut ignored = [0; 64];
        while std::io::stdin()
            .read(&mut ignored)
            .is_ok_and(|count| count > 0)
        {}
        drop(closed);
    });
    tokio::spawn(async move {
        let _ = wait.await;
        stop.cancel();
    });
}

fn say_ready() {
    let mut output = std::io::stdout();
    // A parent that is gone closes our standard input as well: that is heard elsewhere.
    let _ = writeln!(output, "ready").and_then(|()| output.flush());
}
