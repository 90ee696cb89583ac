//! The `module` table: what was uploaded, by content and shared by all tenants. A tenant reaches a
//! module through an upload or a version of its own, never by its digest.

use domain::{Digest, Timestamp, report::ImportReport, version::Handler};
use sqlx::types::Json;

use crate::{Connection, Result};

/// Holds off the sweep of this module's blob to the end of the transaction. Take it before the
/// look whether the blob is there.
pub async fn pin(db: &mut Connection, digest: &Digest) -> Result<()> {
    sqlx::query!("select pg_advisory_xact_lock_shared($1)", lock_key(digest))
        .execute(db)
        .await?;
    Ok(())
}

/// Keeps what is known of these bytes; the first to upload them wrote the row, whoever it was.
pub async fn keep(
    db: &mut Connection,
    digest: &Digest,
    bytes: i64,
    report: &ImportReport,
) -> Result<()> {
    // Without a conflict target, for a target asks to see the other tenant's row.
    sqlx::query!(
        "insert into module (digest, bytes, handler, report) values ($1, $2, $3, $4)
             on conflict do nothing",
        digest as &Digest,
        bytes,
        report.handler as Handler,
        Json(report) as _,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Modules older than `before` that no upload and no version names. For the platform's role.
pub async fn orphans(db: &mut Connection, before: Timestamp, limit: i64) -> Result<Vec<Digest>> {
    sqlx::query_scalar!(
        r#"select m.digest as "digest: Digest" from module m
            where m.created_at < $1
              and not exists (select from upload u where u.digest = m.digest)
              and not exists (select from version v where v.digest = m.digest)
            limit $2"#,
        before,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Deletes the row if it is still an orphan, and answers which engine tags it was compiled for;
/// `None` where it is one no longer. The blobs are to be deleted within the same transaction,
/// which keeps new uploads of the bytes waiting.
pub async fn delete_orphan(db: &mut Connection, digest: &Digest) -> Result<Option<Vec<String>>> {
    sqlx::query!("select pg_advisory_xact_lock($1)", lock_key(digest))
        .execute(&mut *db)
        .await?;
    let tags = sqlx::query_scalar!(
        "select engine_tag from artifact where digest = $1",
        digest as &Digest,
    )
    .fetch_all(&mut *db)
    .await?;
    let deleted = sqlx::query!(
        "delete from module m
          where m.digest = $1
            and not exists (select from upload u where u.digest = m.digest)
            and not exists (select from version v where v.digest = m.digest)",
        digest as &Digest,
    )
    .execute(db)
    .await?;
    Ok((deleted.rows_affected() > 0).then_some(tags))
}

/// Whether no row is of these bytes, to the end of the transaction. For the platform's role.
pub async fn is_absent(db: &mut Connection, digest: &Digest) -> Result<bool> {
    sqlx::query!("select pg_advisory_xact_lock($1)", lock_key(digest))
        .execute(&mut *db)
        .await?;
    sqlx::query_scalar!(
        r#"select not exists (select from module where digest = $1) as "absent!""#,
        digest as &Digest,
    )
    .fetch_one(db)
    .await
}

/// Advisory locks are numbers; two digests that share one only wait for each other.
fn lock_key(digest: &Digest) -> i64 {
    let first: [u8; 8] = digest.as_bytes()[..8]
        .try_into()
        .expect("a digest has 32 bytes");
    i64::from_le_bytes(first)
}
