//! Why a blob could not be had. That it is not there is an answer; that the store is away is a
//! reason to try again, and never told as the first.

use std::path::PathBuf;

/// A failure of the object store, with what was being done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no object `{key}`")]
    NotFound { key: String },
    #[error("the object `{key}` has {seen} bytes, more than the {limit} that were asked for")]
    TooLarge { key: String, seen: u64, limit: u64 },
    /// Away, full, or refusing our credentials: the operator's affair, and may pass.
    #[error("the object store did not {action} `{key}`: {reason}")]
    Unavailable {
        action: &'static str,
        key: String,
        reason: String,
    },
    /// The spooled file that was to be put.
    #[error("cannot read {}: {source}", path.display())]
    File {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The address can never work as it is written.
    #[error("the blobs URL is not usable: {0}")]
    Url(String),
}

impl Error {
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::NotFound { .. })
    }

    pub(crate) fn of(action: &'static str, key: impl ToString, error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } if !is_missing_bucket(&error) => Self::NotFound {
                key: key.to_string(),
            },
            error => Self::Unavailable {
                action,
                key: key.to_string(),
                reason: error.to_string(),
            },
        }
    }
}

/// S3 answers 404 for both; only its body tells a missing object from a missing bucket.
fn is_missing_bucket(error: &object_store::Error) -> bool {
    error.to_string().contains("NoSuchBucket")
}
