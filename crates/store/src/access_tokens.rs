//! The `access_token` table: whose a secret is, and what may be done with it.

use std::net::IpAddr;

use domain::{FunctionId, Role, Scope, TenantId, Timestamp, TokenId, UserId, token::TokenKind};
use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct AccessToken {
    pub id: TokenId,
    pub kind: TokenKind,
    /// Of a tenant's token.
    pub tenant: Option<TenantId>,
    /// Of a personal token.
    pub owner: Option<UserId>,
    pub name: String,
    /// Of a tenant's token.
    pub role: Option<Role>,
    pub scopes: Vec<Scope>,
    /// It is limited to these, if any are named.
    pub functions: Option<Vec<FunctionId>>,
    /// The last four characters of its secret.
    pub hint: String,
    pub lifetime_days: i32,
    pub created_at: Timestamp,
    pub rotated_at: Option<Timestamp>,
    /// Until then the secret before the last rotation works too.
    pub previous_until: Option<Timestamp>,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    pub used_from: Option<String>,
}

/// Whose tokens are meant: each sees and changes its own alone.
#[derive(Clone, Copy, Debug)]
pub enum Holder {
    User(UserId),
    Tenant(TenantId),
}

impl Holder {
    /// One of the two.
    pub const fn parts(self) -> (Option<UserId>, Option<TenantId>) {
        match self {
            Self::User(user) => (Some(user), None),
            Self::Tenant(tenant) => (None, Some(tenant)),
        }
    }
}

pub async fn insert(
    db: &mut Connection,
    token: &AccessToken,
    secret_hash: &[u8; 32],
    created_by: Option<UserId>,
) -> Result<()> {
    sqlx::query!(
        "insert into access_token
                (token_id, kind, tenant_id, owner_id, created_by, name, role, scopes, functions,
                 secret_hash, hint, lifetime_days, created_at, expires_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        token.id as _,
        token.kind as _,
        token.tenant as _,
        token.owner as _,
        created_by as _,
        token.name,
        token.role as _,
        &texts(&token.scopes) as &[String],
        token.functions.as_deref().map(uuids) as _,
        secret_hash,
        token.hint,
        token.lifetime_days,
        token.created_at,
        token.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The live token that a secret is of; its use is written down if the last one was before `used_since`.
pub async fn find_live(
    db: &mut Connection,
    secret_hash: &[u8; 32],
    now: Timestamp,
    used_since: Timestamp,
    address: Option<IpAddr>,
) -> Result<Option<AccessToken>> {
    let row = sqlx::query_as!(
        Row,
        r#"select token_id as "id!: TokenId", kind as "kind!: TokenKind", tenant_id as "tenant: TenantId",
                  owner_id as "owner: UserId", name as "name!", role as "role: Role", scopes as "scopes!",
                  functions, hint as "hint!", lifetime_days as "lifetime_days!", created_at as "created_at!",
                  rotated_at, previous_until, expires_at as "expires_at!", used_at, host(used_from) as used_from
             from use_access_token($1, $2, $3, $4::text::inet)"#,
        secret_hash,
        now,
        used_since,
        address.map(|address| address.to_string()),
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(AccessToken::from))
}

/// Newest first, those made before `before`; without the revoked ones.
pub async fn list(
    db: &mut Connection,
    holder: Holder,
    before: Option<TokenId>,
    limit: i64,
) -> Result<Vec<AccessToken>> {
    let (owner, tenant) = holder.parts();
    let rows = sqlx::query_as!(
        Row,
        r#"select token_id as "id: TokenId", kind as "kind: TokenKind", tenant_id as "tenant: TenantId",
                  owner_id as "owner: UserId", name, role as "role: Role", scopes,
                  functions, hint, lifetime_days, created_at,
                  rotated_at, previous_until, expires_at, used_at, host(used_from) as used_from
             from access_token
            where (owner_id = $1 or tenant_id = $2) and revoked_at is null
              and ($3::uuid is null or token_id < $3)
            order by token_id desc
            limit $4"#,
        owner as _,
        tenant as _,
        before as _,
        limit,
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(AccessToken::from).collect())
}

/// Those that could be used.
pub async fn count(db: &mut Connection, holder: Holder) -> Result<i64> {
    let (owner, tenant) = holder.parts();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from access_token
            where (owner_id = $1 or tenant_id = $2) and revoked_at is null"#,
        owner as _,
        tenant as _,
    )
    .fetch_one(db)
    .await
}

/// Locked until the transaction ends.
pub async fn lock(db: &mut Connection, holder: Holder, id: TokenId) -> Result<Option<AccessToken>> {
    let (owner, tenant) = holder.parts();
    let row = sqlx::query_as!(
        Row,
        r#"select token_id as "id: TokenId", kind as "kind: TokenKind", tenant_id as "tenant: TenantId",
                  owner_id as "owner: UserId", name, role as "role: Role", scopes,
                  functions, hint, lifetime_days, created_at,
                  rotated_at, previous_until, expires_at, used_at, host(used_from) as used_from
             from access_token
            where (owner_id = $1 or tenant_id = $2) and token_id = $3 and revoked_at is null
              for update"#,
        owner as _,
        tenant as _,
        id as _,
    )
    .fetch_optional(db)
    .await?;
    Ok(row.map(AccessToken::from))
}

/// A new secret; the one it has goes on working until `previous_until`.
#[derive(Clone, Copy, Debug)]
pub struct Rotation<'a> {
    pub secret_hash: &'a [u8; 32],
    pub hint: &'a str,
    pub now: Timestamp,
    pub previous_until: Timestamp,
    pub expires_at: Timestamp,
}

pub async fn rotate(db: &mut Connection, id: TokenId, rotation: Rotation<'_>) -> Result<()> {
    sqlx::query!(
        "update access_token
            set previous_hash = secret_hash, previous_until = $4,
                secret_hash = $2, hint = $3, rotated_at = $5, expires_at = $6
          where token_id = $1",
        id as _,
        rotation.secret_hash,
        rotation.hint,
        rotation.previous_until,
        rotation.now,
        rotation.expires_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

pub async fn revoke(db: &mut Connection, id: TokenId, now: Timestamp) -> Result<()> {
    sqlx::query!(
        "update access_token set revoked_at = $2 where token_id = $1",
        id as _,
        now,
    )
    .execute(db)
    .await?;
    Ok(())
}

fn texts(scopes: &[Scope]) -> Vec<String> {
    scopes.iter().map(Scope::to_string).collect()
}

fn uuids(functions: &[FunctionId]) -> Vec<Uuid> {
    functions.iter().map(|function| function.uuid()).collect()
}

struct Row {
    id: TokenId,
    kind: TokenKind,
    tenant: Option<TenantId>,
    owner: Option<UserId>,
    name: String,
    role: Option<Role>,
    scopes: Vec<String>,
    functions: Option<Vec<Uuid>>,
    hint: String,
    lifetime_days: i32,
    created_at: Timestamp,
    rotated_at: Option<Timestamp>,
    previous_until: Option<Timestamp>,
    expires_at: Timestamp,
    used_at: Option<Timestamp>,
    used_from: Option<String>,
}

impl From<Row> for AccessToken {
    fn from(row: Row) -> Self {
        let functions = row.functions;
        Self {
            id: row.id,
            kind: row.kind,
            tenant: row.tenant,
            owner: row.owner,
            name: row.name,
            role: row.role,
            // One that a later release knows grants nothing here.
            scopes: row
                .scopes
                .iter()
                .filter_map(|scope| scope.parse().ok())
                .collect(),
            functions: functions.map(|ids| ids.into_iter().map(FunctionId::from_uuid).collect()),
            hint: row.hint,
            lifetime_days: row.lifetime_days,
            created_at: row.created_at,
            rotated_at: row.rotated_at,
            previous_until: row.previous_until,
            expires_at: row.expires_at,
            used_at: row.used_at,
            used_from: row.used_from,
        }
    }
}
