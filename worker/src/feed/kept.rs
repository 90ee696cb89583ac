//! The state that was served last, on the worker's own disk: one entry for each tenant, as it was
//! received. A cache: where it fails the worker serves on, and says once what that means.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use anyhow::Context as _;
use domain::{TenantId, feed::StateHash, snapshot};
use redb::{
    Database, DatabaseError, ReadableDatabase as _, ReadableTable as _, TableDefinition,
    WriteTransaction,
};
use serde::{Deserialize, Serialize};

const TENANTS: TableDefinition<'_, [u8; 16], &[u8]> = TableDefinition::new("tenants");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const HEAD: &str = "head";
/// Pages in memory; a large state is on its way through them only.
const CACHE_BYTES: usize = 8 << 20;

pub(super) struct Kept {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    /// None where the disk does not take it.
    database: Option<Database>,
    /// Whether the disk holds the state that is served: changes may be written on top of no other.
    in_step: bool,
}

#[derive(Serialize, Deserialize)]
struct Head {
    schema: u32,
    state: StateHash,
}

/// A state being written. Dropped, it leaves what was there before.
pub(super) struct Writing(Option<WriteTransaction>);

impl Kept {
    /// What cannot be read is moved aside and started anew.
    pub(super) fn open(cache: &Path) -> Self {
        let path = cache.join("serving.redb");
        let database = match create(&path) {
            Ok(database) => Some(database),
            // Another worker's: not ours to move.
            Err(DatabaseError::DatabaseAlreadyOpen) => {
                tracing::warn!(
                    folder = %cache.display(),
                    "another worker uses the cache folder; this one keeps nothing for its next start",
                );
                None
            }
            Err(error) => recreate(&path, &error.to_string()),
        };
        Self {
            path,
            inner: Mutex::new(Inner {
                database,
                in_step: false,
            }),
        }
    }

    /// Of one that keeps nothing.
    pub(super) fn nowhere() -> Self {
        Self {
            path: PathBuf::new(),
            inner: Mutex::new(Inner {
                database: None,
                in_step: false,
            }),
        }
    }

    /// In memory nowhere but here: each entry is handed on and dropped.
    pub(super) fn read(
        &self,
        each: &mut dyn FnMut(&[u8]) -> Result<(), String>,
    ) -> anyhow::Result<Option<StateHash>> {
        let inner = self.lock();
        let Some(database) = &inner.database else {
            return Ok(None);
        };
        let reading = database.begin_read()?;
        let meta = match reading.open_table(META) {
            Ok(meta) => meta,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let Some(head) = meta.get(HEAD)? else {
            return Ok(None);
        };
        let head: Head = serde_json::from_slice(head.value()).context("its head")?;
        anyhow::ensure!(
            head.schema == snapshot::SCHEMA,
            "its schema is {}, this release reads {}",
            head.schema,
            snapshot::SCHEMA
        );
        for entry in reading.open_table(TENANTS)?.iter()? {
            each(entry?.1.value()).map_err(anyhow::Error::msg)?;
        }
        Ok(Some(head.state))
    }

    /// What was read is what is served.
    pub(super) fn is_in_step(&self) {
        self.lock().in_step = true;
    }

    pub(super) fn replace_unusable(&self, reason: &str) {
        let mut inner = self.lock();
        // Closed before its file moves.
        if inner.database.take().is_some() {
            inner.database = recreate(&self.path, reason);
        }
        inner.in_step = false;
    }

    /// To write a state, whole or as changes to the one before; and whether each entry has to be
    /// written, rather than those alone that changed.
    pub(super) fn write(&self, whole: bool) -> (Writing, bool) {
        let inner = self.lock();
        let nothing = (Writing(None), false);
        let Some(database) = &inner.database else {
            return nothing;
        };
        if !inner.in_step && !whole {
            return nothing;
        }
        let begun = database.begin_write().map_err(anyhow::Error::from);
        let begun = begun.and_then(|writing| {
            if !inner.in_step {
                writing.delete_table(TENANTS)?;
            }
            Ok(writing)
        });
        match begun {
            Ok(writing) => (Writing(Some(writing)), !inner.in_step),
            Err(error) => {
                report(&error);
                nothing
            }
        }
    }

    /// After a failure nothing is written until there is a whole state again.
    pub(super) fn commit(&self, writing: Writing, state: StateHash) {
        let committed = writing.commit(state);
        let was_in_step = std::mem::replace(
            &mut self.lock().in_step,
            committed.as_ref().is_ok_and(|done| *done),
        );
        if let Err(error) = committed
            && was_in_step
        {
            report(&error);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Writing {
    pub(super) fn nowhere() -> Self {
        Self(None)
    }

    pub(super) fn put(&mut self, tenant: TenantId, entry: &str) {
        self.attempt(|writing| {
            let mut tenants = writing.open_table(TENANTS)?;
            tenants.insert(tenant.uuid().into_bytes(), entry.as_bytes())?;
            Ok(())
        });
    }

    pub(super) fn remove(&mut self, tenant: TenantId) {
        self.attempt(|writing| {
            let mut tenants = writing.open_table(TENANTS)?;
            tenants.remove(tenant.uuid().into_bytes())?;
            Ok(())
        });
    }

    /// The first failure undoes all of it.
    fn attempt(&mut self, write: impl FnOnce(&WriteTransaction) -> anyhow::Result<()>) {
        let Some(writing) = &self.0 else { return };
        if let Err(error) = write(writing) {
            report(&error);
            self.0 = None;
        }
    }

    /// `false` where there was nothing to write to.
    fn commit(self, state: StateHash) -> anyhow::Result<bool> {
        let Some(writing) = self.0 else {
            return Ok(false);
        };
        let head = Head {
            schema: snapshot::SCHEMA,
            state,
        };
        let head = serde_json::to_vec(&head)?;
        // There even where no tenant is.
        drop(writing.open_table(TENANTS)?);
        writing.open_table(META)?.insert(HEAD, head.as_slice())?;
        writing.commit()?;
        Ok(true)
    }
}

/// A damaged file may trip the database over itself: a panic is as good as an error here.
fn create(path: &Path) -> Result<Database, DatabaseError> {
    let create = || Database::builder().set_cache_size(CACHE_BYTES).create(path);
    std::panic::catch_unwind(create).unwrap_or_else(|panic| {
        let text = crate::sandbox::panic_text(panic.as_ref());
        Err(io::Error::other(format!("its reader failed: {text}")).into())
    })
}

fn recreate(path: &Path, reason: &str) -> Option<Database> {
    let aside = path.with_extension("unusable");
    tracing::warn!(
        reason,
        aside = %aside.display(),
        "the kept serving state cannot be used; it is moved aside",
    );
    let moved = match fs::rename(path, &aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    let created = moved
        .map_err(anyhow::Error::from)
        .and_then(|()| Ok(create(path)?));
    created.map_err(|error| report(&error)).ok()
}

fn report(error: &anyhow::Error) {
    tracing::warn!(
        error = format!("{error:#}"),
        "the serving state is not kept on disk; a restart without API servers would serve nothing",
    );
}
