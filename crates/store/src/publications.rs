//! The `serving_publication` table: which snapshot lies in the object store. For the platform's role.

use domain::{GenerationId, snapshot::Position};

use crate::{Connection, Result};

/// Whether this transaction may publish: until it ends no other does.
pub async fn try_lock(db: &mut Connection) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select pg_try_advisory_xact_lock(hashtextextended('serving publication', 0)) as "locked!""#
    )
    .fetch_one(db)
    .await
}

/// None before the first.
pub async fn find(db: &mut Connection) -> Result<Option<Position>> {
    let row = sqlx::query!("select generation, epoch from serving_publication")
        .fetch_optional(db)
        .await?;
    Ok(row.map(|row| Position {
        generation: GenerationId::from_uuid(row.generation),
        epoch: row.epoch.unsigned_abs(),
    }))
}

pub async fn set(db: &mut Connection, position: Position) -> Result<()> {
    sqlx::query!(
        "insert into serving_publication (generation, epoch) values ($1, $2)
         on conflict (only_row) do update set generation = $1, epoch = $2, published_at = now()",
        position.generation.uuid(),
        i64::try_from(position.epoch).unwrap_or(i64::MAX),
    )
    .execute(db)
    .await?;
    Ok(())
}
