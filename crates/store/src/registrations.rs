//! The `registration` table: accounts whose address is not confirmed yet, by the hash of the mailed token.

use domain::{Timestamp, user::Email};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Registration {
    pub email: Email,
    pub name: String,
    pub password_hash: String,
}

pub async fn insert(
    db: &mut Connection,
    token_hash: &[u8; 32],
    registration: &Registration,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<()> {
    sqlx::query!(
        "insert into registration (token_hash, email, name, password_hash, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6)",
        token_hash,
        registration.email.as_str(),
        registration.name,
        registration.password_hash,
        now,
        expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn count(db: &mut Connection, email: &Email, now: Timestamp) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from registration where email = $1 and expires_at > $2"#,
        email.as_str(),
        now,
    )
    .fetch_one(db)
    .await
}

pub async fn find(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Registration>> {
    sqlx::query_as!(
        Registration,
        r#"select email as "email: _", name, password_hash from registration
            where token_hash = $1 and expires_at > $2"#,
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await
}

/// As [`find`], and the link is gone with all others of its address: of two that spend it at once, one gets
/// nothing.
pub async fn spend(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Registration>> {
    let spent = sqlx::query_as!(
        Registration,
        r#"delete from registration where token_hash = $1 and expires_at > $2
        returning email as "email: _", name, password_hash"#,
        token_hash,
        now,
    )
    .fetch_optional(&mut *db)
    .await?;
    if let Some(registration) = &spent {
        sqlx::query!(
            "delete from registration where email = $1",
            registration.email.as_str()
        )
        .execute(db)
        .await?;
    }
    Ok(spent)
}

pub async fn sweep(db: &mut Connection, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from registration where expires_at < $1", now)
        .execute(db)
        .await?;
    Ok(())
}
