//! The `sign_in_attempt` table: how often a sign-in failed of late, by whom and from where.

use domain::Timestamp;

use crate::{Connection, Result};

/// What the failures are counted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Scope {
    Account,
    AccountAddress,
    Address,
    /// Not sign-ins but new accounts, of a network address.
    Registration,
}

#[derive(Clone, Copy, Debug)]
pub struct Failures {
    pub count: i32,
    pub last_at: Timestamp,
}

/// Holds the row until the transaction ends, so that guesses at the same moment wait for each other.
pub async fn lock(
    db: &mut Connection,
    scope: Scope,
    key: &[u8; 32],
    now: Timestamp,
) -> Result<Failures> {
    sqlx::query_as!(
        Failures,
        "insert into sign_in_attempt as known (scope, key, failures, last_at) values ($1, $2, 0, $3)
         on conflict (scope, key) do update set failures = known.failures
         returning failures as count, last_at",
        scope as _,
        key,
        now,
    )
    .fetch_one(db)
    .await
}

pub async fn set(
    db: &mut Connection,
    scope: Scope,
    key: &[u8; 32],
    failures: Failures,
) -> Result<()> {
    sqlx::query!(
        "update sign_in_attempt set failures = $3, last_at = $4 where scope = $1 and key = $2",
        scope as _,
        key,
        failures.count,
        failures.last_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes back one that turned out to be none.
pub async fn take_back(db: &mut Connection, scope: Scope, key: &[u8; 32]) -> Result<()> {
    sqlx::query!(
        "update sign_in_attempt set failures = greatest(failures - 1, 0) where scope = $1 and key = $2",
        scope as _,
        key,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn forget(db: &mut Connection, scope: Scope, key: &[u8; 32]) -> Result<()> {
    sqlx::query!(
        "delete from sign_in_attempt where scope = $1 and key = $2",
        scope as _,
        key,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn sweep(db: &mut Connection, before: Timestamp) -> Result<()> {
    sqlx::query!("delete from sign_in_attempt where last_at < $1", before)
        .execute(db)
        .await?;
    Ok(())
}
