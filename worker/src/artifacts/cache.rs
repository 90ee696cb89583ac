//! Artifacts on this worker's disk, by module and engine. A file is verified once by each process and
//! again when it is not the same file any more; those used longest ago go first.

use std::{
    collections::{HashMap, HashSet},
    fs::{self, File, FileTimes},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use anyhow::Context as _;
use domain::{Digest, artifact::ArtifactHash};
use tokio::sync::Notify;

use super::{Compiled, write_whole};
use crate::clock;

/// A file is not unlinked between its verification and its mapping.
const IN_USE: Duration = Duration::from_secs(60);

pub(super) struct Cache {
    /// Of this engine's artifacts; those of others lie beside it until they are the oldest.
    folder: PathBuf,
    max_bytes: u64,
    files: Mutex<HashMap<PathBuf, Entry>>,
    grown: Notify,
}

struct Entry {
    bytes: u64,
    used: SystemTime,
    verified: Option<(ArtifactHash, Identity)>,
}

/// Changes when another file takes the name, or somebody writes to it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
}

impl Cache {
    pub(super) fn open(root: &Path, max_bytes: u64) -> anyhow::Result<Self> {
        // A tag may hold any character; its digest is a folder name.
        let folder = root.join(Digest::of(engine::TAG.as_bytes()).short());
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("creating {}", folder.display()))?;
        let mut files = HashMap::new();
        for engine in fs::read_dir(root)? {
            // What is no folder is none of ours.
            let Ok(artifacts) = fs::read_dir(engine?.path()) else {
                continue;
            };
            for artifact in artifacts {
                note(&artifact?.path(), &mut files)?;
            }
        }
        Ok(Self {
            folder,
            max_bytes,
            files: Mutex::new(files),
            grown: Notify::new(),
        })
    }

    pub(super) fn path(&self, module: &Digest) -> PathBuf {
        self.folder.join(format!("{module}.cwasm"))
    }

    /// Whether the artifact lies here as it was signed. Damaged, or of an earlier compilation, it has to
    /// be fetched again.
    pub(super) fn holds(&self, module: &Digest, wanted: &Compiled) -> anyhow::Result<bool> {
        let path = self.path(module);
        let failed = || format!("reading {}", path.display());
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            opened => opened.with_context(failed)?,
        };
        let identity = Identity::of(&file.metadata().with_context(failed)?);
        if identity.bytes != wanted.bytes {
            return Ok(false);
        }
        let verified = self.lock().get(&path).and_then(|entry| entry.verified);
        if verified != Some((wanted.hash, identity)) {
            let hash = ArtifactHash::of_reader(&mut file).with_context(failed)?;
            if hash != wanted.hash {
                return Ok(false);
            }
        }
        self.enter(path, &file, wanted, identity);
        Ok(true)
    }

    pub(super) fn put(
        &self,
        module: &Digest,
        compiled: &Compiled,
        bytes: &[u8],
    ) -> anyhow::Result<()> {
        let path = self.path(module);
        write_whole(&path, bytes)?;
        let file = File::open(&path)?;
        let identity = Identity::of(&file.metadata()?);
        self.enter(path, &file, compiled, identity);
        self.grown.notify_one();
        Ok(())
    }

    fn enter(&self, path: PathBuf, file: &File, compiled: &Compiled, identity: Identity) {
        let used = SystemTime::from(clock::now());
        // For the order after a restart; without it the order is that of the writes.
        let _ = file.set_times(FileTimes::new().set_accessed(used));
        let entry = Entry {
            bytes: identity.bytes,
            used,
            verified: Some((compiled.hash, identity)),
        };
        self.lock().insert(path, entry);
    }

    pub(super) async fn grown(&self) {
        self.grown.notified().await;
    }

    pub(super) fn is_too_large(&self) -> bool {
        self.total() > self.max_bytes
    }

    fn total(&self) -> u64 {
        self.lock().values().map(|entry| entry.bytes).sum()
    }

    /// Unlinks what was used longest ago and is not in `named`. A mapping outlives its file's name.
    pub(super) fn evict(&self, named: HashSet<Digest>) {
        let pinned: HashSet<PathBuf> = named.iter().map(|module| self.path(module)).collect();
        let in_use = SystemTime::from(clock::now()) - IN_USE;
        let mut total = self.total();
        let mut candidates: Vec<_> = self
            .lock()
            .iter()
            .filter(|(path, entry)| !pinned.contains(*path) && entry.used < in_use)
            .map(|(path, entry)| (entry.used, entry.bytes, path.clone()))
            .collect();
        candidates.sort();
        let mut evicted = 0;
        for (_, bytes, path) in candidates {
            if total <= self.max_bytes {
                break;
            }
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    tracing::warn!(path = %path.display(), %error, "an artifact cannot be evicted");
                    continue;
                }
                _ => {}
            }
            self.lock().remove(&path);
            total -= bytes;
            evicted += 1;
        }
        if evicted > 0 {
            tracing::info!(evicted, bytes = total, "artifacts were evicted");
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PathBuf, Entry>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Identity {
    fn of(file: &fs::Metadata) -> Self {
        Self {
            inode: file.ino(),
            bytes: file.len(),
            modified: (file.mtime(), file.mtime_nsec()),
        }
    }
}

/// What a start finds; a write that was broken off goes at once.
fn note(path: &Path, files: &mut HashMap<PathBuf, Entry>) -> anyhow::Result<()> {
    if path.extension().is_some_and(|it| it == "partial") {
        fs::remove_file(path).with_context(|| format!("removing {}", path.display()))?;
        return Ok(());
    }
    let found = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?;
    let entry = Entry {
        bytes: found.len(),
        used: found.accessed().unwrap_or(SystemTime::UNIX_EPOCH),
        verified: None,
    };
    files.insert(path.to_owned(), entry);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compiled(bytes: &[u8]) -> Compiled {
        Compiled {
            bytes: bytes.len() as u64,
            hash: ArtifactHash::of(bytes),
            signature: [0; 64],
        }
    }

    #[test]
    fn what_was_used_longest_ago_goes_unless_it_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let modules: Vec<_> = (0..4_u8).map(|number| Digest::of(&[number])).collect();
        let cache = Cache::open(folder.path(), 20).unwrap();
        for (age, module) in modules.iter().enumerate() {
            cache.put(module, &compiled(&[1; 10]), &[1; 10]).unwrap();
            let hours = Duration::from_secs(3_600 * (4 - age as u64));
            let used = SystemTime::from(clock::now()) - hours;
            let file = File::open(cache.path(module)).unwrap();
            file.set_times(FileTimes::new().set_accessed(used)).unwrap();
        }
        // The order outlives the process; what was broken off does not.
        let partial = cache.path(&modules[0]).with_extension("partial");
        fs::write(&partial, "half").unwrap();
        let cache = Cache::open(folder.path(), 20).unwrap();
        assert!(cache.is_too_large() && !partial.exists());
        cache.evict(HashSet::from([modules[0]]));
        let left = modules.iter().map(|module| cache.path(module).exists());
        assert_eq!(left.collect::<Vec<_>>(), [true, false, false, true]);
        assert!(!cache.is_too_large());
    }

    #[test]
    fn a_file_that_changed_after_it_was_verified_is_not_held() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::open(folder.path(), 1_000).unwrap();
        let (module, right) = (Digest::of(b"module"), compiled(b"right"));
        cache.put(&module, &right, b"right").unwrap();
        assert!(cache.holds(&module, &right).unwrap());
        fs::write(cache.path(&module), "wrong").unwrap();
        assert!(!cache.holds(&module, &right).unwrap());
        fs::remove_file(cache.path(&module)).unwrap();
        assert!(!cache.holds(&module, &right).unwrap());
    }
}
