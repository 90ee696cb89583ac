//! The data folder: whose it is, that one process at a time has it, and the secret it keeps.

use std::{
    fs::{self, DirBuilder, File, Permissions, TryLockError},
    io::{ErrorKind, Read, Seek, Write},
    net::SocketAddr,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};

const LOCK: &str = "atoll.lock";

/// What a running `atoll up` tells `atoll admin`, in its lock file.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Running {
    pub pid: u32,
    pub database_url: String,
    pub blobs_url: String,
    pub public_url: String,
    pub apps_domain: String,
    pub functions: SocketAddr,
    pub development_ca: PathBuf,
}

/// Ours as long as it is not dropped. The lock is the kernel's: it ends with the process, however that ends.
pub(crate) struct DataFolder {
    path: PathBuf,
    lock: File,
}

impl DataFolder {
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        make(path)?;
        let path = path
            .canonicalize()
            .with_context(|| format!("cannot enter the data folder {}", path.display()))?;
        refuse_foreign(&path)?;
        let mut lock = lock_file(&path)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // Best effort: the other one may not have written it yet.
                let _ = lock.read_to_string(&mut text);
                let owner = pid_in(&text).map(|pid| format!(" (process {pid})"));
                bail!(
                    "another atoll{} already runs on the data folder {}; stop that one, or choose \
                     another folder with --data",
                    owner.unwrap_or_default(),
                    path.display(),
                );
            }
            Err(TryLockError::Error(error)) => {
                let context = format!("cannot lock {}", path.join(LOCK).display());
                return Err(error).context(context);
            }
        }
        // Only now: a folder that somebody else is working in is left as it is.
        let mode = if rustix::process::geteuid().is_root() {
            0o711
        } else {
            0o700
        };
        fs::set_permissions(&path, Permissions::from_mode(mode))
            .with_context(|| format!("cannot set the mode of {}", path.display()))?;
        let mut folder = Self { path, lock };
        folder.write_lock(&format!("{{\"pid\":{}}}", std::process::id()))?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn write_running(&mut self, running: &Running) -> anyhow::Result<()> {
        self.write_lock(&serde_json::to_string(running)?)
    }

    /// The secret from which every key of this installation derives, made at the first start.
    pub(crate) fn secret(&self) -> anyhow::Result<String> {
        let path = self.path.join("secret.key");
        if let Some(secret) = read_secret(&path)? {
            return Ok(secret);
        }
        // A key that is half written when the machine stops must not look like one.
        let unfinished = path.with_extension("unfinished");
        let mut file = File::options()
            .create(true)
            .truncate(true)
            .write(true)
            .mode(0o600)
            .open(&unfinished)?;
        let secret = hex::encode(rand::random::<[u8; 32]>());
        file.write_all(secret.as_bytes())?;
        file.sync_all()?;
        fs::rename(&unfinished, &path)?;
        File::open(&self.path)?.sync_all()?;
        Ok(secret)
    }

    fn write_lock(&mut self, text: &str) -> anyhow::Result<()> {
        self.lock.set_len(0)?;
        self.lock.rewind()?;
        self.lock
            .write_all(text.as_bytes())
            .context("cannot write the lock file")
    }
}

/// What runs on `path` now.
pub(crate) fn running_in(path: &Path) -> anyhow::Result<(Running, String)> {
    let none = || format!("no `atoll up` runs on {}; start it first", path.display());
    let file = File::open(path.join(LOCK)).with_context(none)?;
    if file.try_lock_shared().is_ok() {
        bail!(none());
    }
    let text = fs::read_to_string(path.join(LOCK)).with_context(none)?;
    let running = serde_json::from_str(&text).with_context(|| {
        format!(
            "`atoll up` on {} is still starting; try again",
            path.display()
        )
    })?;
    let secret = read_secret(&path.join("secret.key"))?.with_context(none)?;
    Ok((running, secret))
}

/// A folder for nobody else.
pub(crate) fn make_private(path: &Path) -> anyhow::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot create {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn make(path: &Path) -> anyhow::Result<()> {
    let fail = || format!("cannot create the data folder {}", path.display());
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).with_context(fail)?;
    }
    make_private(path)
}

/// A folder with something else in it was hardly meant, `--data /tmp` or `--data ~`.
fn refuse_foreign(path: &Path) -> anyhow::Result<()> {
    let mut entries = fs::read_dir(path)
        .with_context(|| format!("cannot read the data folder {}", path.display()))?;
    if entries.next().is_some() && !path.join(LOCK).exists() {
        bail!(
            "{} is not empty and holds no data of atoll; name a folder of its own with --data",
            path.display(),
        );
    }
    Ok(())
}

/// Never truncated here: another process may own what it says.
fn lock_file(folder: &Path) -> anyhow::Result<File> {
    let path = folder.join(LOCK);
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))
}

fn pid_in(text: &str) -> Option<u64> {
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.get("pid")?.as_u64()
}

fn read_secret(path: &Path) -> anyhow::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn a_second_process_is_told_who_has_the_folder() {
        let parent = folder();
        let path = parent.path().join("data");
        let first = DataFolder::open(&path).expect("a new folder");
        let refusal = DataFolder::open(&path)
            .err()
            .expect("it is taken")
            .to_string();
        assert!(
            refusal.contains(&format!("process {}", std::process::id())),
            "{refusal}"
        );
        assert!(refusal.contains("--data"), "{refusal}");
        drop(first);
        DataFolder::open(&path).expect("the lock ended with its holder");
    }

    #[test]
    fn a_lock_file_left_behind_is_no_lock() {
        let parent = folder();
        let path = parent.path().join("data");
        fs::create_dir(&path).expect("a folder");
        fs::write(path.join(LOCK), "{\"pid\":1}").expect("a stale lock");
        DataFolder::open(&path).expect("nobody holds it");
    }

    #[test]
    fn a_folder_with_other_things_in_it_is_refused() {
        let parent = folder();
        fs::write(parent.path().join("thesis.tex"), "").expect("a file");
        let refusal = DataFolder::open(parent.path()).err().expect("not ours");
        assert!(refusal.to_string().contains("not empty"), "{refusal}");
    }

    #[test]
    fn the_secret_is_made_once_and_private() {
        let parent = folder();
        let data = DataFolder::open(&parent.path().join("data")).expect("a new folder");
        let secret = data.secret().expect("a secret");
        assert_eq!(secret.len(), 64);
        assert_eq!(data.secret().expect("the same"), secret);
        let mode = fs::metadata(data.path().join("secret.key")).expect("a file");
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }
}
