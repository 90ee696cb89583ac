//! The `join_token` table: what workers present to join. Reached by the platform alone.

use domain::{JoinTokenId, Timestamp, UserId};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct JoinToken {
    pub id: JoinTokenId,
    pub name: String,
    /// Absent where it was made at the machine, and once the account is gone.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

pub async fn is_valid(db: &mut Connection, token_hash: &[u8; 32]) -> Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
               select from join_token where token_hash = $1 and revoked_at is null
           ) as "exists!""#,
        token_hash,
    )
    .fetch_one(db)
    .await
}

pub async fn insert(db: &mut Connection, token: &JoinToken, token_hash: &[u8; 32]) -> Result<()> {
    sqlx::query!(
        "insert into join_token (join_token_id, token_hash, name, created_by, created_at) values ($1, $2, $3, $4, $5)",
        token.id.uuid(),
        token_hash,
        token.name,
        token.created_by as _,
        token.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Newest first, those made before `before`; the revoked ones too.
pub async fn list(
    db: &mut Connection,
    before: Option<JoinTokenId>,
    limit: i64,
) -> Result<Vec<JoinToken>> {
    sqlx::query_as!(
        JoinToken,
        r#"select join_token_id as "id: JoinTokenId", name, created_by as "created_by: UserId", created_at, revoked_at
             from join_token
            where $1::uuid is null or join_token_id < $1
            order by join_token_id desc
            limit $2"#,
        before.map(JoinTokenId::uuid),
        limit,
    )
    .fetch_all(db)
    .await
}

/// The token's name; `None` where there is none that could be used.
pub async fn revoke(
    db: &mut Connection,
    token: JoinTokenId,
    now: Timestamp,
) -> Result<Option<String>> {
    sqlx::query_scalar!(
        "update join_token set revoked_at = $2 where join_token_id = $1 and revoked_at is null returning name",
        token.uuid(),
        now,
    )
    .fetch_optional(db)
    .await
}
