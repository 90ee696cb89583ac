//! The database of a run that was killed: it lives on, and is stopped before ours starts.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use super::runtime_folder;

/// What `postmaster.pid` says of a server.
#[derive(Debug, PartialEq)]
pub(crate) struct PidFile {
    pub pid: i32,
    pub socket_folder: Option<PathBuf>,
    pub ready: bool,
}

impl PidFile {
    /// `None` where no server runs or one just begins to write the file.
    pub(crate) fn read(cluster: &Path) -> Option<Self> {
        Self::parse(&fs::read_to_string(cluster.join("postmaster.pid")).ok()?)
    }

    /// Lines: pid, folder, start, port, socket folder, TCP address, shared memory, status.
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<_> = text.lines().map(str::trim).collect();
        let socket_folder = lines.get(4).filter(|line| !line.is_empty());
        Some(Self {
            pid: lines.first()?.parse().ok()?,
            socket_folder: socket_folder.map(PathBuf::from),
            ready: lines.get(7) == Some(&"ready"),
        })
    }
}

/// The caller holds the lock of the data folder: whatever runs on the cluster lost its master.
pub(crate) async fn stop(cluster: &Path) -> anyhow::Result<()> {
    let Some(found) = PidFile::read(cluster) else {
        return Ok(());
    };
    if let Some(pid) = Pid::from_raw(found.pid).filter(|pid| serves(*pid, cluster)) {
        tracing::warn!(
            pid = found.pid,
            "stopping the database that a killed run left behind"
        );
        kill_process(pid, Signal::INT).context("cannot stop the database of a killed run")?;
        if !gone(pid, cluster, Duration::from_secs(30)).await {
            bail!(
                "the database of a killed run (process {}) does not stop",
                found.pid
            );
        }
    } else {
        // The number may have gone to an unrelated process since, before which PostgreSQL would back off.
        let file = cluster.join("postmaster.pid");
        fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    }
    if let Some(folder) = found.socket_folder.filter(|folder| is_ours(folder)) {
        // Merely tidy: the next start makes its own.
        let _ = fs::remove_dir_all(folder);
    }
    Ok(())
}

/// A server stays in the folder that it serves, which tells it from a process that got its number later.
fn serves(pid: Pid, cluster: &Path) -> bool {
    let at = fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero()));
    at.is_ok_and(|at| cluster.canonicalize().is_ok_and(|cluster| at == cluster))
}

async fn gone(pid: Pid, cluster: &Path, patience: Duration) -> bool {
    let deadline = tokio::time::Instant::now() + patience;
    while tokio::time::Instant::now() < deadline {
        if !serves(pid, cluster) {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    false
}

fn is_ours(folder: &Path) -> bool {
    let name = folder.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with(runtime_folder::PREFIX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pid_file_tells_when_its_server_is_ready() {
        let text = "4711\n/data/postgres\n1790000000\n5432\n/run/atoll-x\n\n  1234  5\nready   \n";
        let found = PidFile::parse(text).expect("a whole file");
        assert_eq!(
            found,
            PidFile {
                pid: 4711,
                socket_folder: Some("/run/atoll-x".into()),
                ready: true,
            }
        );
        assert!(!PidFile::parse("4711\n/data\n").expect("half a file").ready);
        assert_eq!(PidFile::parse(""), None);
    }
}
