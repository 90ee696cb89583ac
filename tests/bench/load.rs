//! Callers: wrk over HTTP/1.1, h2load over HTTP/2 and TLS. Both keep a fixed number of connections busy.

use std::{fs, net::SocketAddr, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, bail, ensure};

use crate::process::Process;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Plain,
    Tls,
    Http2,
}

/// A kind of request to one address.
#[derive(Clone)]
pub(crate) struct Load {
    pub(crate) protocol: Protocol,
    pub(crate) address: SocketAddr,
    pub(crate) host: String,
    pub(crate) path: String,
    /// What is sent, a file; a GET without.
    pub(crate) body: Option<PathBuf>,
    /// More of wrk's script, in Lua.
    pub(crate) script: String,
}

/// One run of a load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) requests_per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    /// Of the server, for each request.
    pub(crate) cpu_us: f64,
    /// Requests that got no answer, or one that is no 2xx.
    pub(crate) failed: u64,
}

/// What a caller counted.
struct Counted {
    requests: u64,
    failed: u64,
    p50: Duration,
    p99: Duration,
}

pub(crate) fn check_tools() -> anyhow::Result<()> {
    for tool in ["wrk", "h2load"] {
        let found = Command::new(tool).arg("--version").output();
        ensure!(
            found.is_ok(),
            "{tool} is missing; deploy/setup-bench installs it"
        );
    }
    Ok(())
}

impl Load {
    /// Runs it against `server` for `duration`, after a moment that does not count.
    pub(crate) fn run(
        &self,
        server: &Process,
        connections: usize,
        duration: Duration,
    ) -> anyhow::Result<Sample> {
        self.count(connections, Duration::from_secs(1))?;
        let before = server.usage().cpu;
        let counted = self.count(connections, duration)?;
        let cpu = server.usage().cpu.saturating_sub(before);
        ensure!(
            counted.requests > 0,
            "{} answered nothing at {connections} connections",
            self.address
        );
        Ok(Sample {
            requests_per_second: counted.requests as f64 / duration.as_secs_f64(),
            p50: counted.p50,
            p99: counted.p99,
            cpu_us: cpu.as_micros() as f64 / counted.requests as f64,
            failed: counted.failed,
        })
    }

    fn count(&self, connections: usize, duration: Duration) -> anyhow::Result<Counted> {
        match self.protocol {
            Protocol::Plain => self.wrk(connections, duration),
            Protocol::Tls | Protocol::Http2 => self.h2load(connections, duration),
        }
    }

    fn wrk(&self, connections: usize, duration: Duration) -> anyhow::Result<Counted> {
        let folder = tempfile::tempdir()?;
        let mut command = self.wrk_command(folder.path(), connections, duration)?;
        parse_wrk(&output(command.arg("--latency"))?)
    }

    /// For a load in the background too. `folder` has to stay while it runs.
    pub(crate) fn wrk_command(
        &self,
        folder: &std::path::Path,
        connections: usize,
        duration: Duration,
    ) -> anyhow::Result<Command> {
        let script = folder.join("load.lua");
        let body = match &self.body {
            None => String::new(),
            Some(file) => format!(
                "wrk.method = 'POST'\nwrk.body = io.open('{}', 'rb'):read('*a')\n",
                file.display()
            ),
        };
        fs::write(&script, body + &self.script)?;
        let mut command = Command::new("wrk");
        command
            .args(["--threads", "1", "--timeout", "30s"])
            .args(["--connections", &connections.to_string()])
            .args(["--duration", &format!("{}s", duration.as_secs())])
            .args(["--header", &format!("Host: {}", self.host)])
            .arg("--script")
            .arg(script)
            .arg(format!("http://{}{}", self.address, self.path));
        Ok(command)
    }

    fn h2load(&self, connections: usize, duration: Duration) -> anyhow::Result<Counted> {
        let folder = tempfile::tempdir()?;
        let log = folder.path().join("requests");
        let mut command = Command::new("h2load");
        command
            .args(["--threads", "1", "--max-concurrent-streams", "1"])
            .args(["--clients", &connections.to_string()])
            .args(["--duration", &format!("{}s", duration.as_secs())])
            .arg(format!("--connect-to={}", self.address))
            .arg(format!("--log-file={}", log.display()));
        if self.protocol == Protocol::Tls {
            command.arg("--h1");
        }
        if let Some(file) = &self.body {
            command.arg("--data").arg(file);
        }
        let port = self.address.port();
        output(command.arg(format!("https://{}:{port}{}", self.host, self.path)))?;
        parse_h2load(&fs::read_to_string(&log)?)
    }
}

fn output(command: &mut Command) -> anyhow::Result<String> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {told}{error}", output.status);
    }
    Ok(told)
}

fn parse_wrk(told: &str) -> anyhow::Result<Counted> {
    let value = |label: &str| {
        let mut lines = told.lines().map(str::trim);
        let found = lines.find_map(|line| line.strip_prefix(label));
        found.map(str::trim)
    };
    let latency = |label: &str| value(label).and_then(duration_of);
    let requests = told
        .lines()
        .find_map(|line| line.trim().split_once(" requests in "))
        .and_then(|(count, _)| count.parse().ok());
    let errors = value("Socket errors:").unwrap_or_default();
    let errors = errors.split(|c: char| !c.is_ascii_digit());
    let errors: u64 = errors.filter_map(|number| number.parse::<u64>().ok()).sum();
    let refused = value("Non-2xx or 3xx responses:").and_then(|count| count.parse::<u64>().ok());
    Ok(Counted {
        requests: requests.with_context(|| format!("wrk counted no requests: {told}"))?,
        failed: errors + refused.unwrap_or(0),
        p50: latency("50%").with_context(|| format!("wrk told no median: {told}"))?,
        p99: latency("99%").with_context(|| format!("wrk told no 99th percentile: {told}"))?,
    })
}

/// `635.00us`, `2.91ms`, `1.20s`, `1.02m`.
fn duration_of(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let number: f64 = text[..unit].parse().ok()?;
    let seconds = match &text[unit..] {
        "us" => number / 1e6,
        "ms" => number / 1e3,
        "s" => number,
        "m" => number * 60.0,
        _ => return None,
    };
    Some(Duration::from_secs_f64(seconds))
}

/// A line for each request: when it began, its status, how many microseconds it took.
fn parse_h2load(log: &str) -> anyhow::Result<Counted> {
    let mut took = Vec::new();
    let mut failed = 0;
    for line in log.lines() {
        let mut fields = line.split('\t').skip(1);
        let status: i32 = fields.next().context("a status")?.parse()?;
        took.push(fields.next().context("a duration")?.parse::<u64>()?);
        failed += u64::from(!(200..300).contains(&status));
    }
    took.sort_unstable();
    ensure!(!took.is_empty(), "h2load logged no request");
    let at = |share: f64| Duration::from_micros(took[((took.len() - 1) as f64 * share) as usize]);
    Ok(Counted {
        requests: took.len() as u64,
        failed,
        p50: at(0.5),
        p99: at(0.99),
    })
}
