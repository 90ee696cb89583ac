//! Logs go to standard error: text for a person at a terminal, JSON for whatever collects them.

use std::io::IsTerminal;

use clap::ValueEnum;
use tracing_subscriber::EnvFilter;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    Text,
    Json,
}

impl LogFormat {
    /// As the option spells it, for a child process.
    #[cfg(all(feature = "api", feature = "worker"))]
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
    }
}

/// Without the database's own notices, which tell each start that its tables are there.
const DEFAULT: &str = "info,sqlx::postgres::notice=warn";
/// Whatever is chosen: what wasmtime says of the requests that guests send. Any guest could fill the
/// log with it, and its own log tells its tenant what was refused.
const NEVER: &str = "wasmtime_wasi_http=off";

/// `RUST_LOG` chooses what is logged, `info` where it is absent.
pub(crate) fn start(format: LogFormat) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(DEFAULT));
    let filter = filter.add_directive(NEVER.parse().expect("a directive"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    match format {
        LogFormat::Text => logs.with_target(false).init(),
        LogFormat::Json => logs.json().flatten_event(true).init(),
    }
}
