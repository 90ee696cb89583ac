//! The only object keys: modules, artifacts and the snapshot, in a folder or in S3.
//!
//! An `s3://` store wants the process's rustls provider installed before it is opened.

mod error;
mod key;
mod open;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use bytes::Bytes;
use domain::Digest;
use futures::{StreamExt as _, TryStreamExt as _, stream::BoxStream};
use object_store::{ObjectStore, ObjectStoreExt as _, PutMode, PutPayload, WriteMultipart};
use tokio::io::AsyncReadExt as _;
use url::Url;

pub use error::Error;
pub use key::BlobKey;

/// Larger files travel in parts of this size; S3 takes none smaller.
const PART_BYTES: usize = 5 << 20;
/// Parts of one file on their way at a time.
const PARTS_IN_FLIGHT: usize = 4;
const PROBE_TIMEOUT: Duration = Duration::from_secs(3);

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    folder: Option<PathBuf>,
    /// Some servers of S3 refuse `If-None-Match` on a put; learnt at the first refusal.
    no_conditional_put: Arc<AtomicBool>,
}

/// What a put found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    Stored,
    /// Nothing was written: the object that stands there was left alone.
    AlreadyThere,
}

/// An object being read.
pub struct Reading {
    pub bytes: u64,
    pub stream: BoxStream<'static, Result<Bytes, Error>>,
}

impl Blobs {
    /// Takes `file:///folder`, created where missing, or `s3://bucket[/prefix]?endpoint=…&region=…`
    /// with credentials from the `AWS_*` variables. Asks nothing of a server: see [`Blobs::probe`].
    pub fn open(url: &Url) -> Result<Self, Error> {
        let (store, folder) = open::open(url)?;
        Ok(Self {
            store,
            folder,
            no_conditional_put: Arc::default(),
        })
    }

    /// Puts a file of any size without reading it whole.
    pub async fn put_file(&self, key: &BlobKey, file: &Path) -> Result<Put, Error> {
        let unreadable = |source| Error::File {
            path: file.to_owned(),
            source,
        };
        let length = tokio::fs::metadata(file).await.map_err(unreadable)?.len();
        if length <= PART_BYTES as u64 {
            let bytes = tokio::fs::read(file).await.map_err(unreadable)?;
            return self.put(key, bytes.into()).await;
        }
        if self.exists(key).await? {
            return Ok(Put::AlreadyThere);
        }
        let mut file_reader = tokio::fs::File::open(file).await.map_err(unreadable)?;
        let upload = self
            .store
            .put_multipart(&key.path())
            .await
            .map_err(|error| Error::of("store", key, error))?;
        let mut parts = WriteMultipart::new_with_chunk_size(upload, PART_BYTES);
        loop {
            let mut chunk = Vec::with_capacity(1 << 20);
            let read = (&mut file_reader)
                .take(1 << 20)
                .read_to_end(&mut chunk)
                .await;
            match read {
                Ok(0) => break,
                Ok(_) => parts.put(chunk.into()),
                Err(error) => {
                    // What was sent of it is no object yet; left behind, it would only cost space.
                    let _ = parts.abort().await;
                    return Err(unreadable(error));
                }
            }
            if let Err(error) = parts.wait_for_capacity(PARTS_IN_FLIGHT).await {
                let _ = parts.abort().await;
                return Err(Error::of("store", key, error));
            }
        }
        parts
            .finish()
            .await
            .map_err(|error| Error::of("store", key, error))?;
        Ok(Put::Stored)
    }

    pub async fn put(&self, key: &BlobKey, bytes: Bytes) -> Result<Put, Error> {
        // Spares the way there for what everybody uploads, and is all the protection that a
        // server without conditional puts gives.
        if self.exists(key).await? {
            return Ok(Put::AlreadyThere);
        }
        if !self.no_conditional_put.load(Relaxed) {
            match self.put_as(PutMode::Create, key, &bytes).await {
                Err(object_store::Error::AlreadyExists { .. }) => return Ok(Put::AlreadyThere),
                Err(error) if lacks_conditional_put(&error) => {
                    self.no_conditional_put.store(true, Relaxed);
                    tracing::info!(
                        "the object store takes no conditional puts; using plain ones after a look"
                    );
                }
                Err(error) => return Err(Error::of("store", key, error)),
                Ok(()) => return Ok(Put::Stored),
            }
        }
        match self.put_as(PutMode::Overwrite, key, &bytes).await {
            Ok(()) => Ok(Put::Stored),
            Err(error) => Err(Error::of("store", key, error)),
        }
    }

    /// Puts in the place of what stands there: readers get the one or the other, whole.
    pub async fn replace(&self, key: &BlobKey, bytes: Bytes) -> Result<(), Error> {
        self.folder_stands("store", key).await?;
        let put = self.put_as(PutMode::Overwrite, key, &bytes).await;
        put.map_err(|error| Error::of("store", key, error))
    }

    async fn put_as(
        &self,
        mode: PutMode,
        key: &BlobKey,
        bytes: &Bytes,
    ) -> Result<(), object_store::Error> {
        let payload = PutPayload::from_bytes(bytes.clone());
        self.store
            .put_opts(&key.path(), payload, mode.into())
            .await?;
        Ok(())
    }

    pub async fn get(&self, key: &BlobKey) -> Result<Reading, Error> {
        self.folder_stands("read", key).await?;
        let found = self
            .store
            .get(&key.path())
            .await
            .map_err(|error| Error::of("read", key, error))?;
        let key = key.clone();
        Ok(Reading {
            bytes: found.meta.size,
            stream: found
                .into_stream()
                .map_err(move |error| Error::of("read", &key, error))
                .boxed(),
        })
    }

    /// The whole object, refused before it is read when it has more than `max` bytes.
    pub async fn get_bytes(&self, key: &BlobKey, max: u64) -> Result<Bytes, Error> {
        let Reading { bytes, mut stream } = self.get(key).await?;
        let too_large = |seen| Error::TooLarge {
            key: key.to_string(),
            seen,
            limit: max,
        };
        if bytes > max {
            return Err(too_large(bytes));
        }
        let mut whole = Vec::with_capacity(usize::try_from(bytes).map_err(|_| too_large(bytes))?);
        while let Some(chunk) = stream.try_next().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.into())
    }

    pub async fn exists(&self, key: &BlobKey) -> Result<bool, Error> {
        self.folder_stands("look for", key).await?;
        let found = self.store.head(&key.path()).await;
        match found.map_err(|error| Error::of("look for", key, error)) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Deleting what is not there succeeds.
    pub async fn delete(&self, key: &BlobKey) -> Result<(), Error> {
        self.folder_stands("delete", key).await?;
        let deleted = self.store.delete(&key.path()).await;
        match deleted.map_err(|error| Error::of("delete", key, error)) {
            Err(error) if !error.is_not_found() => Err(error),
            _ => Ok(()),
        }
    }

    /// Every module there is, with its size and age: for the sweep of those that no row names.
    pub fn modules(&self) -> BoxStream<'static, Result<StoredModule, Error>> {
        self.store
            .list(Some(&BlobKey::modules()))
            .map_err(|error| Error::of("list", "modules", error))
            .try_filter_map(|object| async move {
                Ok(
                    BlobKey::module_of(&object.location).map(|digest| StoredModule {
                        digest,
                        bytes: object.size,
                        stored_at: object.last_modified.into(),
                    }),
                )
            })
            .boxed()
    }

    /// Whether the store answers, within seconds.
    pub async fn probe(&self) -> Result<(), Error> {
        self.folder_stands("open", "its folder").await?;
        let look = async { self.store.list(Some(&BlobKey::modules())).next().await };
        match tokio::time::timeout(PROBE_TIMEOUT, look).await {
            Ok(Some(Err(error))) => Err(Error::of("list", "modules", error)),
            Ok(_) => Ok(()),
            Err(_) => Err(Error::Unavailable {
                action: "list",
                key: "modules".to_owned(),
                reason: format!("no answer within {} s", PROBE_TIMEOUT.as_secs()),
            }),
        }
    }

    /// An unmounted folder must not look like an empty one, nor be made anew by the first put.
    async fn folder_stands(&self, action: &'static str, key: impl ToString) -> Result<(), Error> {
        let Some(folder) = &self.folder else {
            return Ok(());
        };
        let reason = match tokio::fs::metadata(folder).await {
            Ok(found) if found.is_dir() => return Ok(()),
            Ok(_) => "it is no folder".to_owned(),
            Err(error) => error.to_string(),
        };
        Err(Error::Unavailable {
            action,
            key: key.to_string(),
            reason: format!("{}: {reason}", folder.display()),
        })
    }
}

/// A module in the store.
#[derive(Clone, Copy, Debug)]
pub struct StoredModule {
    pub digest: Digest,
    pub bytes: u64,
    pub stored_at: std::time::SystemTime,
}

fn lacks_conditional_put(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::NotImplemented { .. })
        || error.to_string().contains("NotImplemented")
}

#[cfg(test)]
mod tests;
