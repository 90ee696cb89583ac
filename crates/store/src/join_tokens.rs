//! The `join_token` table: what workers present to join. Reached by the platform alone.

use crate::{Connection, Result};

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
