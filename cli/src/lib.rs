//! The `atoll` command: one binary that is every process of the platform.
//!
//! Which of them a build contains is decided by the features `api` and `worker`; `up` takes both.

mod args;
mod logging;
mod process;
mod settings;
mod shutdown;

#[cfg(feature = "api")]
mod admin;
#[cfg(feature = "api")]
mod api_server;
#[cfg(all(feature = "api", feature = "worker"))]
mod up;
#[cfg(feature = "worker")]
mod worker_node;

use std::process::ExitCode;

use args::{Cli, Command};

/// The whole of the binary, as a function so that the scenarios build it too.
pub fn main() -> ExitCode {
    let Cli {
        log_format,
        command,
    } = <Cli as clap::Parser>::parse();
    match command {
        // First of all and with nothing set up: it is about to read what strangers uploaded.
        #[cfg(feature = "api")]
        Command::Compile { orders } => engine::jail::child_main(orders),
        Command::Version => {
            println!("atoll {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        #[cfg(feature = "api")]
        Command::Admin(args) => process::run(log_format, |_| admin::run(args)),
        #[cfg(feature = "api")]
        Command::Api(args) => process::run(log_format, |stop| api_server::run(args, stop)),
        #[cfg(feature = "worker")]
        Command::Worker(args) => process::run(log_format, |stop| worker_node::run(args, stop)),
        #[cfg(feature = "worker")]
        Command::DevelopmentCa(args) => process::run(log_format, |_| async move {
            worker::development_ca::ensure(&args.folder, &args.apps_domain)
        }),
        #[cfg(all(feature = "api", feature = "worker"))]
        Command::Up(args) => process::run(log_format, |stop| up::run(args, log_format, stop)),
    }
}
