//! The `audit_event` table: append-only, written in the transaction of the change.

use std::net::IpAddr;

use domain::{AuditEventId, SessionId, TenantId, Timestamp, UserId};
use serde_json::Value;

use crate::{Connection, Result};

#[derive(Clone, Debug)]
pub struct Event<'a> {
    pub id: AuditEventId,
    /// None for what concerns no tenant.
    pub tenant: Option<TenantId>,
    /// None for the platform itself.
    pub user: Option<UserId>,
    pub session: Option<SessionId>,
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
        "insert into audit_event (audit_event_id, tenant_id, user_id, session_id, address, request_id,
                                  action, subject, before, after, created_at)
         values ($1, $2, $3, $4, $5::text::inet, $6, $7, $8, $9, $10, $11)",
        event.id as _,
        event.tenant as _,
        event.user as _,
        event.session as _,
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
