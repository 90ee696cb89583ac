//! The `upload` table: drafts that live 24 hours, each a tenant's claim to a module.

use domain::{Digest, TenantId, Timestamp, UploadId, UserId, report::ImportReport};
use sqlx::types::Json;
use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Upload {
    pub id: UploadId,
    pub digest: Digest,
    pub bytes: i64,
    pub report: ImportReport,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// The module's row comes first.
pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    upload: &Upload,
    by: Option<UserId>,
) -> Result<()> {
    sqlx::query!(
        "insert into upload (upload_id, tenant_id, digest, created_by, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        upload.id.uuid(),
        tenant.uuid(),
        upload.digest as Digest,
        by as _,
        upload.created_at,
        upload.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// `None` also once it expired, swept or not.
pub async fn find(
    db: &mut Connection,
    tenant: TenantId,
    id: UploadId,
    now: Timestamp,
) -> Result<Option<Upload>> {
    let row = sqlx::query_as!(
        Row,
        r#"select u.upload_id, u.digest as "digest: Digest", m.bytes,
                  m.report as "report: Json<ImportReport>", u.created_at, u.expires_at
             from upload u
             join module m on m.digest = u.digest
            where u.tenant_id = $1 and u.upload_id = $2 and u.expires_at > $3"#,
        tenant.uuid(),
        id.uuid(),
        now,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(Upload::from))
}

/// For the platform's role.
pub async fn delete_expired(db: &mut Connection, now: Timestamp) -> Result<u64> {
    let deleted = sqlx::query!("delete from upload where expires_at <= $1", now)
        .execute(db)
        .await?;
    Ok(deleted.rows_affected())
}

struct Row {
    upload_id: Uuid,
    digest: Digest,
    bytes: i64,
    report: Json<ImportReport>,
    created_at: Timestamp,
    expires_at: Timestamp,
}

impl From<Row> for Upload {
    fn from(row: Row) -> Self {
        Self {
            id: UploadId::from_uuid(row.upload_id),
            digest: row.digest,
            bytes: row.bytes,
            report: row.report.0,
            created_at: row.created_at,
            expires_at: row.expires_at,
        }
    }
}
