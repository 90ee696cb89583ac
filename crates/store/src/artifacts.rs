//! The `artifact` table: modules compiled for one build of the engine, with the signature that
//! makes a worker load them.

use domain::{
    Digest,
    artifact::{Artifact, ArtifactHash},
};
use uuid::Uuid;

use crate::{Connection, Error, Result};

/// Whether the module is compiled for that engine.
pub async fn exists(db: &mut Connection, digest: &Digest, engine_tag: &str) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (select from artifact where digest = $1 and engine_tag = $2) as "exists!""#,
        digest as &Digest,
        engine_tag,
    )
    .fetch_one(db)
    .await
}

/// Waits until nobody else writes this artifact, to the end of the transaction: its blob and its row must be of
/// one compilation. For the platform's role.
pub async fn lock(db: &mut Connection, digest: &Digest, engine_tag: &str) -> Result<()> {
    sqlx::query!(
        "select pg_advisory_xact_lock(hashtextextended($1, 0))",
        format!("{engine_tag}/{digest}"),
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn insert(db: &mut Connection, artifact: &Artifact) -> Result<()> {
    sqlx::query!(
        "insert into artifact (engine_tag, digest, bytes, blake3, signature) values ($1, $2, $3, $4, $5)",
        artifact.engine_tag,
        artifact.module as Digest,
        i64::try_from(artifact.bytes).expect("an artifact fits in memory"),
        artifact.hash.0.as_slice(),
        artifact.signature,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// All of the artifacts of these modules, in a fixed order.
pub(crate) async fn of(db: &mut Connection, digests: &[Vec<u8>]) -> Result<Vec<Artifact>> {
    let rows = sqlx::query!(
        r#"select engine_tag, digest as "digest: Digest", bytes, blake3, signature
             from artifact
            where digest = any($1)
            order by digest, engine_tag"#,
        digests,
    )
    .fetch_all(db)
    .await?;
    rows.into_iter()
        .map(|row| {
            let hash = row
                .blake3
                .as_slice()
                .try_into()
                .map_err(|_| Error::Decode("a BLAKE3 hash has 32 bytes".into()))?;
            Ok(Artifact {
                engine_tag: row.engine_tag,
                module: row.digest,
                bytes: row.bytes.unsigned_abs(),
                hash: ArtifactHash(hash),
                signature: row.signature,
            })
        })
        .collect()
}

/// A version of each module that is served, or about to be, and not compiled for `engine_tag`.
pub async fn missing(db: &mut Connection, engine_tag: &str, limit: i64) -> Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"select distinct on (v.digest) v.version_id
             from deployment d
             cross join lateral jsonb_to_recordset(d.traffic) as share(version integer)
             join version v on v.function_id = d.function_id and v.number = share.version
            where d.state in ('live', 'preparing') and v.state = 'ready'
              and not exists (select from artifact a where a.digest = v.digest and a.engine_tag = $1)
            order by v.digest
            limit $2"#,
        engine_tag,
        limit,
    )
    .fetch_all(db)
    .await
}

/// The tenants that serve this module, whose entries change when it is compiled for another engine.
pub async fn tenants_serving(
    db: &mut Connection,
    digest: &Digest,
) -> Result<Vec<domain::TenantId>> {
    sqlx::query_scalar!(
        r#"select distinct v.tenant_id as "tenant: domain::TenantId"
             from version v
             join deployment d on d.function_id = v.function_id and d.announced_at is not null
            where v.digest = $1
            order by 1"#,
        digest as &Digest,
    )
    .fetch_all(db)
    .await
}
