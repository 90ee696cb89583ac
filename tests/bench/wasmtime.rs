//! `wasmtime serve`, as people start it and as well as its flags let it be tuned.

use std::{path::Path, process::Command};

use anyhow::{Context as _, ensure};

use crate::{
    process::{Process, free_address},
    settings::Settings,
    throughput::Server,
};

#[derive(Clone, Copy)]
pub(crate) enum Flags {
    Default,
    /// What the worker's own pool is set to. Saying nothing of these flags would not be an honest comparison.
    Tuned,
    /// A fresh instance for each request, where reuse is the default: for guests of WASI 0.3.
    Fresh,
    /// The pool, and the instances kept for a thousand requests.
    Reuse,
}

impl Flags {
    pub(crate) const TUNED: &str = "pooling-allocator=y,pooling-memory-keep-resident=2097152,\
        pooling-table-keep-resident=16384,pooling-decommit-batch-size=64,pooling-pagemap-scan=y";

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "wasmtime serve, default",
            Self::Tuned => "wasmtime serve, tuned",
            Self::Fresh => "wasmtime serve, fresh instances",
            Self::Reuse => "wasmtime serve, reuse",
        }
    }
}

pub(crate) fn serve(settings: &Settings, flags: Flags, component: &Path) -> anyhow::Result<Server> {
    let program = program(settings)?;
    let address = free_address()?;
    let mut command = Command::new(program);
    command.args(["serve", "-S", "cli", "--addr", &address.to_string()]);
    match flags {
        Flags::Default => {}
        Flags::Tuned => drop(command.args(["-O", Flags::TUNED])),
        Flags::Fresh => drop(command.args(["--max-instance-reuse-count", "1"])),
        Flags::Reuse => drop(command.args(["--max-instance-reuse-count", "1000"])),
    }
    let process = Process::start(command.arg(component), address)?;
    Ok(Server {
        name: flags.name(),
        process: process.into(),
        address,
        host: address.to_string(),
        prefix: String::new(),
    })
}

/// Where `deploy/setup-bench` put it; printed by that, as the last line.
fn program(settings: &Settings) -> anyhow::Result<String> {
    let script = settings.repository.join("deploy/setup-bench");
    let output = Command::new(&script)
        .output()
        .with_context(|| format!("starting {}", script.display()))?;
    ensure!(
        output.status.success(),
        "deploy/setup-bench failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let told = String::from_utf8_lossy(&output.stdout);
    let path = told
        .lines()
        .last()
        .context("deploy/setup-bench printed nothing")?;
    Ok(path.to_owned())
}
