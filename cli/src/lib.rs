//! The `atoll` command: one binary that is every process of the platform, and their client.
//!
//! Which of them a build contains is decided by the features `api`, `worker` and `client`; `up` takes the first two.

mod args;
#[cfg(any(feature = "api", feature = "worker"))]
mod logging;
#[cfg(any(feature = "api", feature = "client", feature = "worker"))]
mod origin;
#[cfg(any(feature = "api", feature = "worker"))]
mod process;
#[cfg(any(feature = "api", feature = "worker"))]
mod settings;
#[cfg(any(feature = "api", feature = "worker"))]
mod shutdown;

#[cfg(feature = "api")]
mod admin;
#[cfg(feature = "api")]
mod api_server;
#[cfg(feature = "client")]
mod client;
#[cfg(all(feature = "api", feature = "worker"))]
mod up;
#[cfg(feature = "worker")]
mod worker_node;

use std::process::ExitCode;

use args::{Cli, Command};

/// The whole of the binary, as a function so that the scenarios build it too.
pub fn main() -> ExitCode {
    let Cli {
        #[cfg(any(feature = "api", feature = "worker"))]
        log_format,
        command,
    } = <Cli as clap::Parser>::parse();
    match command {
        // First of all and with nothing set up: it is about to read what strangers uploaded.
        #[cfg(feature = "api")]
        Command::Compile { orders } => engine::jail::child_main(orders),
        #[cfg(feature = "client")]
        Command::Client(command) => client::run(*command),
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
