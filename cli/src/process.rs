//! What every process shares: logging, the runtime, the two ways to be stopped, and the exit code.
//!
//! 0: did what it was asked, or was stopped. 1: failed. 2: cannot work as configured. 130: stopped the hard way.

use std::process::ExitCode;

use domain::Problems;
use tokio_util::sync::CancellationToken;

use crate::{logging, logging::LogFormat, shutdown};

/// `main` is given the token that asks it to stop, drain and return.
pub(crate) fn run<Main, Done>(format: LogFormat, main: Main) -> ExitCode
where
    Main: FnOnce(CancellationToken) -> Done,
    Done: Future<Output = anyhow::Result<()>>,
{
    logging::start(format);
    // TLS libraries ask for a process-wide choice; the first one made stays.
    let _ = rustls::crypto::ring::default_provider().install_default();

    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let ended = runtime.block_on(async {
        let signals = shutdown::Signals::listen()?;
        let stop = signals.stop.clone();
        tokio::select! {
            ended = main(stop) => ended.map(|()| ExitCode::SUCCESS),
            () = signals.second() => Ok(ExitCode::from(130)),
        }
    });
    // A hard stop must not wait for whatever still blocks a thread.
    runtime.shutdown_background();
    ended.unwrap_or_else(|error| failed(&error))
}

fn failed(error: &anyhow::Error) -> ExitCode {
    let Some(Problems(problems)) = error.downcast_ref::<Problems>() else {
        eprintln!("atoll: {error:#}");
        return ExitCode::FAILURE;
    };
    match problems.len() {
        1 => eprintln!("atoll: the configuration has a problem:"),
        count => eprintln!("atoll: the configuration has {count} problems:"),
    }
    for problem in problems {
        eprintln!("  {problem}");
    }
    ExitCode::from(2)
}
