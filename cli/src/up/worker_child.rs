//! The worker of `up`: a child process, started again if it dies, and told to stop by the end of its
//! standard input, which it also sees if this process is killed.

use std::{
    net::SocketAddr,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    sync::watch,
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{args::NetworkArgs, logging::LogFormat};

/// What a worker says on standard output once it serves.
pub(crate) const READY: &str = "ready";
/// It drains for up to 30 seconds of its own.
const STOP: Duration = Duration::from_secs(40);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// A worker that lived this long is no crash loop.
const STEADY: Duration = Duration::from_secs(60);

pub(super) struct Setup {
    pub program: PathBuf,
    pub api_url: Url,
    pub functions: SocketAddr,
    pub network: NetworkArgs,
    pub apps_domain: String,
    pub blobs_url: Url,
    pub cache: PathBuf,
    pub authority: PathBuf,
    pub join_token: String,
    pub log_format: LogFormat,
}

pub(super) struct WorkerChild {
    ready: watch::Receiver<bool>,
    stop: CancellationToken,
    supervision: JoinHandle<()>,
}

impl WorkerChild {
    pub(super) fn start(setup: Setup) -> Self {
        let (say_ready, ready) = watch::channel(false);
        let stop = CancellationToken::new();
        let supervision = tokio::spawn(supervise(setup, say_ready, stop.clone()));
        Self {
            ready,
            stop,
            supervision,
        }
    }

    /// Resolves once it serves.
    pub(super) async fn ready(&self) {
        let mut ready = self.ready.clone();
        if ready.wait_for(|ready| *ready).await.is_err() {
            // Its supervision is over, and so is the process soon.
            std::future::pending::<()>().await;
        }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        // It only fails if it panicked, which the panic itself has told.
        let _ = self.supervision.await;
    }
}

async fn supervise(setup: Setup, ready: watch::Sender<bool>, stop: CancellationToken) {
    let mut pause = Duration::from_secs(1);
    while !stop.is_cancelled() {
        let started = Instant::now();
        let ended = match setup.command().spawn() {
            Ok(child) => live(child, &ready, &stop).await,
            Err(error) => Some(error.to_string()),
        };
        let Some(how) = ended else { return };
        if started.elapsed() > STEADY {
            pause = Duration::from_secs(1);
        }
        tracing::error!(how, again_in_seconds = pause.as_secs(), "the worker ended");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// How it ended, or `None` once it was stopped.
async fn live(
    mut child: Child,
    ready: &watch::Sender<bool>,
    stop: &CancellationToken,
) -> Option<String> {
    let hold_open = child.stdin.take();
    let output = child.stdout.take().expect("it was asked for a pipe");
    let mut lines = BufReader::new(output).lines();
    let reading = async {
        while let Ok(Some(line)) = lines.next_line().await {
            if line == READY {
                ready.send_replace(true);
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        ended = child.wait() => Some(match ended {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }),
        () = reading => None,
        () = stop.cancelled() => {
            drop(hold_open);
            if tokio::time::timeout(STOP, child.wait()).await.is_err() {
                tracing::warn!("the worker did not drain in time and is ended");
                // Only fails if it ended meanwhile.
                let _ = child.kill().await;
            }
            None
        }
    }
}

impl Setup {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(["worker", "--until-stdin-closes"])
            .args(["--log-format", self.log_format.name()])
            .args(["--api-url", self.api_url.as_str()])
            .args(["--functions", &self.functions.to_string()])
            .args(["--internal", "127.0.0.1:0"])
            .args(["--apps-domain", &self.apps_domain])
            .args(["--blobs", self.blobs_url.as_str()])
            .arg("--cache")
            .arg(&self.cache)
            .arg("--development-ca")
            .arg(&self.authority)
            .env_clear();
        let network = &self.network;
        for (option, given) in [
            ("--functions-plain", &network.functions_plain),
            ("--trusted-proxies", &network.trusted_proxies),
            ("--egress-allow", &network.egress_allow),
            ("--egress-deny", &network.egress_deny),
            ("--egress-ca", &network.egress_ca),
        ] {
            if let Some(given) = given {
                command.args([option, given]);
            }
        }
        command
            .env("ATOLL_JOIN_TOKEN", &self.join_token)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C at the terminal is ours to pass on.
            .process_group(0)
            .kill_on_drop(true);
        // No secret of the control plane: a worker gets what it needs and nothing more.
        for (name, value) in std::env::vars_os() {
            let kept = name.to_str().is_some_and(|name| {
                matches!(
                    name,
                    "PATH" | "HOME" | "TZ" | "RUST_LOG" | "RUST_BACKTRACE" | "NO_COLOR"
                ) || name.starts_with("AWS_")
                    || name.starts_with("SSL_CERT_")
            });
            if kept {
                command.env(name, value);
            }
        }
        command
    }
}
