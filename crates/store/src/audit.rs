//! The `audit_event` table: append-only, written in the transaction of the change.

use std::net::IpAddr;

use domain::{AuditEventId, SessionId, TenantId, Timestamp, TokenId, UserId};
use serde_json::Value;

use uuid::Uuid;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub id: AuditEventId,
    /// None for what concerns no tenant.
    pub tenant: Option<TenantId>,
    /// None for the platform itself.
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
    pub token: Option<TokenId>,
    pub address: Option<IpAddr>,
    pub request: Option<&'a str>,
    pub action: &'a str,
    pub subject: &'a str,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub created_at: Timestamp,
}

pub async fn insert(db: &mut Connection, event: Event<'_>) -> Result<()> {
    sqlx::query!(
        "insert into audit_event (audit_event_id, tenant_id, user_id, session_id, token_id, address, request_id,
                                  action, subject, before, after, created_at)
         values ($1, $2, $3, $4, $5, $6::text::inet, $7, $8, $9, $10, $11, $12)",
        event.id as _,
        event.tenant as _,
        event.user as _,
        event.session as _,
        event.token as _,
        event.address.map(|address| address.to_string()),
        event.request,
        event.action,
        event.subject,
        event.before,
        event.after,
        event.created_at,
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How often something was done in the tenant since then.
pub async fn count_since(
    db: &mut Connection,
    tenant: TenantId,
    action: &str,
    since: Timestamp,
) -> Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from audit_event
            where tenant_id = $1 and action = $2 and created_at > $3"#,
        tenant.uuid(),
        action,
        since,
    )
    .fetch_one(db)
    .await
}

/// An event as it is read, with the names that its ids have now.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub id: AuditEventId,
    pub tenant: Option<TenantId>,
    pub user: Option<UserId>,
    pub user_name: Option<String>,
    pub token: Option<TokenId>,
    pub token_name: Option<String>,
    pub address: Option<String>,
    pub request: Option<String>,
    pub action: String,
    pub subject: String,
    pub before: Option<Value>,
    pub after: Option<Value>,
    pub created_at: Timestamp,
}

/// Which events of a tenant.
#[derive(Clone, Debug)]
pub struct Filter {
    pub since: Timestamp,
    pub until: Timestamp,
    /// Those made before this one.
    pub before: Option<AuditEventId>,
    /// `function.created`, or all of a noun by `function`.
    pub action: Option<String>,
    /// The typed id of what was changed.
    pub subject: Option<String>,
    /// A user or a token.
    pub actor: Option<Uuid>,
}

/// Newest first.
pub async fn list(
    db: &mut Connection,
    tenant: TenantId,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Recorded>> {
    sqlx::query_as!(
        Recorded,
        r#"select e.audit_event_id as "id: AuditEventId", e.tenant_id as "tenant: TenantId", e.user_id as "user: UserId",
                  u.name as "user_name?", e.token_id as "token: TokenId", k.name as "token_name?",
                  host(e.address) as address, e.request_id as request, e.action, e.subject, e.before, e.after,
                  e.created_at
             from audit_event e
             left join user_account u on u.user_id = e.user_id
             left join access_token k on k.token_id = e.token_id
            where e.tenant_id = $1 and e.created_at >= $2 and e.created_at < $3
              and ($4::uuid is null or e.audit_event_id < $4)
              and ($5::text is null or e.action = $5 or starts_with(e.action, $5 || '.'))
              and ($6::text is null or e.subject = $6)
              and ($7::uuid is null or e.user_id = $7 or e.token_id = $7)
            order by e.audit_event_id desc
            limit $8"#,
        tenant.uuid(),
        filter.since,
        filter.until,
        filter.before.map(AuditEventId::uuid),
        filter.action,
        filter.subject,
        filter.actor,
        limit,
    )
    .fetch_all(db)
    .await
}

/// Of all tenants, or of one, and of what concerns none. For the platform's role.
pub async fn list_all(
    db: &mut Connection,
    tenant: Option<TenantId>,
    filter: &Filter,
    limit: i64,
) -> Result<Vec<Recorded>> {
    sqlx::query_as!(
        Recorded,
        r#"select e.audit_event_id as "id: AuditEventId", e.tenant_id as "tenant: TenantId", e.user_id as "user: UserId",
                  u.name as "user_name?", e.token_id as "token: TokenId", k.name as "token_name?",
                  host(e.address) as address, e.request_id as request, e.action, e.subject, e.before, e.after,
                  e.created_at
             from audit_event e
             left join user_account u on u.user_id = e.user_id
             left join access_token k on k.token_id = e.token_id
            where ($1::uuid is null or e.tenant_id = $1) and e.created_at >= $2 and e.created_at < $3
              and ($4::uuid is null or e.audit_event_id < $4)
              and ($5::text is null or e.action = $5 or starts_with(e.action, $5 || '.'))
              and ($6::text is null or e.subject = $6)
              and ($7::uuid is null or e.user_id = $7 or e.token_id = $7)
            order by e.audit_event_id desc
            limit $8"#,
        tenant.map(TenantId::uuid),
        filter.since,
        filter.until,
        filter.before.map(AuditEventId::uuid),
        filter.action,
        filter.subject,
        filter.actor,
        limit,
    )
    .fetch_all(db)
    .await
}
