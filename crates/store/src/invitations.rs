//! The `invitation` table: links into a tenant that were not used yet, by the hash of their token.
//!
//! One whose maker could no longer make it is not there, neither to be used nor to be seen.

use domain::{InvitationId, Role, TenantId, TenantSlug, Timestamp, TokenId, UserId, user::Email};

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Invitation {
    pub id: InvitationId,
    /// The one address that it is good for.
    pub email: Option<Email>,
    pub role: Role,
    /// None where a tenant's token made it.
    pub created_by: Option<UserId>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// What the holder of a link may know.
#[derive(Clone, Debug)]
pub struct Found {
    pub id: InvitationId,
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub tenant_name: String,
    pub email: Option<Email>,
    pub role: Role,
    /// The name of who made it, where a person did.
    pub inviter: Option<String>,
    pub expires_at: Timestamp,
}

pub async fn insert(
    db: &mut Connection,
    tenant: TenantId,
    invitation: &Invitation,
    token_hash: &[u8; 32],
    by_token: Option<TokenId>,
) -> Result<()> {
    sqlx::query!(
        "insert into invitation (invitation_id, tenant_id, token_hash, email, role, created_by, created_token,
                                 created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        invitation.id.uuid(),
        tenant.uuid(),
        token_hash,
        invitation.email.as_ref().map(Email::as_str),
        invitation.role as _,
        invitation.created_by.map(UserId::uuid),
        by_token.map(TokenId::uuid),
        invitation.created_at,
        invitation.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Newest first, those made before `before`.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    before: Option<InvitationId>,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Invitation>> {
    sqlx::query_as!(
        Invitation,
        r#"select invitation_id as "id: _", email as "email: _", role as "role: _", created_by as "created_by: _",
                  created_at, expires_at
             from invitation i
            where tenant_id = $1 and ($2::uuid is null or invitation_id < $2) and invitation_stands(i, $4)
            order by invitation_id desc
            limit $3"#,
        tenant.uuid(),
        before.map(InvitationId::uuid),
        limit,
        now,
    )
    .fetch_all(db)
    .await
}

/// The tenant's row is to be locked: how many there may be is decided by whoever holds it.
pub async fn count(db: &mut Connection, tenant: TenantId, now: Timestamp) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from invitation i where tenant_id = $1 and invitation_stands(i, $2)"#,
        tenant.uuid(),
        now,
    )
    .fetch_one(db)
    .await
}

/// What a link leads to, before anything of the tenant is known.
pub async fn find(
    db: &mut Connection,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Found>> {
    sqlx::query_as!(
        Found,
        r#"select invitation_id as "id!: _", tenant_id as "tenant!: _", slug as "slug!: _",
                  tenant_name as "tenant_name!", email as "email: _", role as "role!: _", inviter,
                  expires_at as "expires_at!"
             from find_invitation($1, $2)"#,
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await
}

/// The link is gone: of two that spend it at once, one gets nothing.
pub async fn spend(
    db: &mut Connection,
    tenant: TenantId,
    token_hash: &[u8; 32],
    now: Timestamp,
) -> Result<Option<Invitation>> {
    sqlx::query_as!(
        Invitation,
        r#"delete from invitation i
            where tenant_id = $1 and token_hash = $2 and invitation_stands(i, $3)
        returning invitation_id as "id: _", email as "email: _", role as "role: _", created_by as "created_by: _",
                  created_at, expires_at"#,
        tenant.uuid(),
        token_hash,
        now,
    )
    .fetch_optional(db)
    .await
}

/// Takes one back; answers what it was.
pub async fn delete(
    db: &mut Connection,
    tenant: TenantId,
    invitation: InvitationId,
    now: Timestamp,
) -> Result<Option<Invitation>> {
    sqlx::query_as!(
        Invitation,
        r#"delete from invitation i
            where tenant_id = $1 and invitation_id = $2 and invitation_stands(i, $3)
        returning invitation_id as "id: _", email as "email: _", role as "role: _", created_by as "created_by: _",
                  created_at, expires_at"#,
        tenant.uuid(),
        invitation.uuid(),
        now,
    )
    .fetch_optional(db)
    .await
}

/// For the platform's role.
pub async fn sweep(db: &mut Connection, now: Timestamp) -> Result<()> {
    sqlx::query!("delete from invitation where expires_at < $1", now)
        .execute(db)
        .await?;
    Ok(())
}
