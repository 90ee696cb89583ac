//! The `setup_token` table: the one link that makes the first account. Reached by the platform alone.

use domain::Timestamp;

use crate::{Connection, Result};

/// Makes all who set up the installation wait for each other until the transaction ends.
pub async fn lock(db: &mut Connection) -> Result<()> {
    sqlx::query!("lock table setup_token in share row exclusive mode")
        .execute(db)
        .await?;
    Ok(())
}

/// Voids every earlier one.
pub async fn replace(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    delete_all(db).await?;
    sqlx::query!(
        "insert into setup_token (token_hash, created_at, expires_at) values ($1, $2, $3)",
        token_hash,
        now,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn is_open(db: &mut Connection, token_hash: &[u8; 32], now: Timestamp) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from setup_token where token_hash = $1 and expires_at > $2
           ) as "exists!""#,
        token_hash,
        now,
    )
    .fetch_one(db)
    .await
}

pub async fn delete_all(db: &mut Connection) -> Result<()> {
    sqlx::query!("delete from setup_token").execute(db).await?;
    Ok(())
}
