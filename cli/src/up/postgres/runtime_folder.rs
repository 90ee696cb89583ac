//! The folder of the database's socket: private, new at each start, and short, because a
//! socket's path is limited to 107 bytes wherever the data may be.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tempfile::TempDir;

use super::account::Account;

pub(crate) const PREFIX: &str = "atoll-";
/// `sun_path` has 108 bytes, the last of them zero.
const LONGEST_SOCKET: usize = 107;

/// Removed when it is dropped.
pub(crate) fn make(account: &Account) -> anyhow::Result<TempDir> {
    for parent in parents() {
        if account.stopped_at(&parent).is_some() {
            continue;
        }
        let Ok(folder) = tempfile::Builder::new().prefix(PREFIX).tempdir_in(&parent) else {
            continue;
        };
        if socket(folder.path()).as_os_str().len() > LONGEST_SOCKET {
            continue;
        }
        account.take(folder.path()).context("the socket's folder")?;
        return Ok(folder);
    }
    bail!("neither /run, XDG_RUNTIME_DIR nor /tmp takes a folder for the database's socket");
}

/// PostgreSQL's name for it. The port is a mere number here: nothing listens on TCP.
pub(crate) fn socket(folder: &Path) -> PathBuf {
    folder.join(".s.PGSQL.5432")
}

fn parents() -> Vec<PathBuf> {
    let of_the_user = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let mut parents: Vec<_> = of_the_user
        .into_iter()
        .filter(|path| path.is_absolute())
        .collect();
    parents.extend(["/run", "/tmp"].map(PathBuf::from));
    parents
}
