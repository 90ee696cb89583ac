//! The `password_reset` table: links that were sent and not used yet, by the hash of their token.

use domain::{Timestamp, UserId};

use crate::{Connection, Result};

pub async fn insert(
    db: &mut Connection,
    token_hash: &[u8; 32],
    user: UserId,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into password_reset (token_hash, user_id, created_at, expires_at) values ($1, $2, $3, $4)",
        token_hash,
        user as _,
        now,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn count_since(db: &mut Connection, user: UserId, since: Timestamp) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from password_reset where user_id = $1 and created_at > $2"#,
        user as _,
        since,
    )
    .fetch_one(db)
    .await
}

/// Whose password an open link sets.
pub async fn find(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<UserId>> {
    sqlx::query_scalar!(
        r#"select user_id as "user: _" from password_reset where token_hash = $1 and expires_at > $2"#,
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await
}

/// As [`find`], and the link is gone: of two that spend it at once, one gets nothing.
pub async fn spend(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<UserId>> {
    sqlx::query_scalar!(
        r#"delete from password_reset where token_hash = $1 and expires_at > $2
           returning user_id as "user: _""#,
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await
}

pub async fn delete_all_of(db: &mut Connection, user: UserId) -> Result<()> {
    sqlx::query!("delete from password_reset where user_id = $1", user as _)
        .execute(db)
        .await?;
    Ok(())
}

pub async fn sweep(db: &mut Connection, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from password_reset where expires_at < $1", now)
        .execute(db)
        .await?;
    Ok(())
}
