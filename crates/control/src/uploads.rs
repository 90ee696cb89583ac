//! Taking bytes in: spooled while hashed, inspected in the jail, put in the object store, and only
//! then given a row. Nothing is kept of an upload that was refused or cut off.

use std::pin::pin;

use blobs::BlobKey;
use bytes::Bytes;
use domain::{Digest, UploadId, report::Refusal};
use engine::jail;
use futures::{Stream, StreamExt as _};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use store::{
    modules,
    uploads::{self, Upload},
};
use tempfile::NamedTempFile;
use time::Duration;
use tokio::io::AsyncWriteExt as _;

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    quotas,
};

/// A draft that nobody made a version of is forgotten after this.
const KEPT_FOR: Duration = Duration::hours(24);

/// Reads `body` to its end. `declared` is the Content-Length, refused early when above the cap.
pub async fn receive<E>(
    p: &Platform,
    by: &Member<Developer>,
    declared: Option<u64>,
    body: impl Stream<Item = Result<Bytes, E>> + Send,
) -> Result<Upload, Error>
where
    E: std::error::Error + Send + Sync + 'static,
{
    let spooled = spool(body, declared, p.config.upload_max_bytes).await?;
    // A tenant that is full learns it before its module is read and kept for nothing.
    let mut tx = by.begin(p).await?;
    let foreseen = quotas::foresee_module(&mut tx, by.tenant, &spooled.digest, spooled.bytes);
    let memory_bytes = foreseen.await?.function_limits.memory_bytes;
    drop(tx);
    let file = spooled.file.reopen().map_err(spooling)?;
    let inspected = p.jail.inspect(file, memory_bytes).await;
    let report = inspected.map_err(|error| match error {
        jail::Error::Refused(refusal) => Error::Refused(refusal),
        error if error.is_ours() => Error::Internal(error.into()),
        // The reader itself broke on these bytes, and would again.
        error => Error::Refused(Refusal::Malformed {
            detail: error.to_string(),
        }),
    })?;
    let now = p.clock.now();
    let upload = Upload {
        id: UploadId::generate(),
        digest: spooled.digest,
        bytes: i64::try_from(spooled.bytes).expect("a file's length is an i64"),
        report,
        created_at: now,
        expires_at: now + KEPT_FOR,
    };

    // The blob goes first: a row may never point at nothing, an orphan blob is swept.
    let blob = BlobKey::Module(upload.digest);
    p.blobs.put_file(&blob, spooled.file.path()).await?;
    let mut tx = by.begin(p).await?;
    let room = quotas::hold(&mut tx, by.tenant).await?;
    quotas::check_module(&mut tx, by.tenant, &room, &upload.digest, spooled.bytes).await?;
    modules::pin(&mut tx, &upload.digest).await?;
    // The bytes may have been another's, and swept before the pin held them.
    if !p.blobs.exists(&blob).await? {
        p.blobs.put_file(&blob, spooled.file.path()).await?;
    }
    modules::keep(&mut tx, &upload.digest, upload.bytes, &upload.report).await?;
    uploads::insert(&mut tx, by.tenant, &upload, by.actor.user).await?;
    let change = Change {
        action: "upload.created",
        subject: upload.id.to_string(),
        before: Value::Null,
        after: json!({ "digest": upload.digest, "bytes": upload.bytes }),
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(upload)
}

pub async fn get(p: &Platform, by: &Member<Viewer>, upload: UploadId) -> Result<Upload, Error> {
    let mut tx = by.begin(p).await?;
    let found = uploads::find(&mut tx, by.tenant, upload, p.clock.now()).await?;
    found.ok_or(Error::NotFound("upload"))
}

/// A body that arrived whole. The file goes when this is dropped.
struct Spooled {
    file: NamedTempFile,
    digest: Digest,
    bytes: u64,
}

async fn spool<E>(
    body: impl Stream<Item = Result<Bytes, E>> + Send,
    declared: Option<u64>,
    limit: u64,
) -> Result<Spooled, Error> {
    if declared.is_some_and(|bytes| bytes > limit) {
        return Err(Error::TooLarge { limit });
    }
    let file = NamedTempFile::new().map_err(spooling)?;
    let mut writer = tokio::fs::File::from_std(file.reopen().map_err(spooling)?);
    let mut hasher = Sha256::new();
    let mut bytes = 0;
    let mut body = pin!(body);
    while let Some(chunk) = body.next().await {
        let chunk = chunk.map_err(|_| Error::Incomplete)?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(Error::TooLarge { limit });
        }
        hasher.update(&chunk);
        writer.write_all(&chunk).await.map_err(spooling)?;
    }
    if declared.is_some_and(|declared| bytes < declared) {
        return Err(Error::Incomplete);
    }
    writer.flush().await.map_err(spooling)?;
    Ok(Spooled {
        file,
        digest: Digest::from_bytes(hasher.finalize().into()),
        bytes,
    })
}

fn spooling(error: std::io::Error) -> Error {
    Error::Internal(
        anyhow::Error::new(error).context("cannot spool the upload to a temporary file"),
    )
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    type Chunk = Result<Bytes, std::io::Error>;

    fn chunks(count: usize) -> impl Stream<Item = Chunk> {
        stream::iter((0..count).map(|_| Ok(Bytes::from_static(b"0123456789"))))
    }

    #[tokio::test]
    async fn a_body_is_spooled_and_hashed() {
        let spooled = spool(chunks(3), Some(30), 30).await.unwrap();
        let written = std::fs::read(spooled.file.path()).unwrap();
        assert_eq!(written, b"0123456789".repeat(3));
        assert_eq!((spooled.digest, spooled.bytes), (Digest::of(&written), 30));
    }

    #[tokio::test]
    async fn a_body_over_the_cap_is_refused_early_or_while_it_streams() {
        let too_large = |spooled| matches!(spooled, Err(Error::TooLarge { limit: 25 }));
        assert!(too_large(
            spool(stream::pending::<Chunk>(), Some(26), 25).await
        ));
        // Never reads on after the cap, hence ends although the stream does not.
        let endless = chunks(3).chain(stream::pending());
        assert!(too_large(spool(endless, None, 25).await));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_or_is_short_is_incomplete() {
        let broken = chunks(1).chain(stream::once(async { Err(std::io::Error::other("reset")) }));
        assert!(matches!(
            spool(broken, None, 99).await,
            Err(Error::Incomplete)
        ));
        let short = spool(chunks(2), Some(21), 99).await;
        assert!(matches!(short, Err(Error::Incomplete)));
    }
}
