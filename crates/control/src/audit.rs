//! Who changed what, written in the transaction that changes it.

use domain::{AuditEventId, SessionId, TenantId, UserId};
use serde_json::Value;
use store::Connection;

use crate::{Actor, Error, Member, Origin, Platform};

/// One change. `Value::Null` before is a creation, after a deletion.
pub(crate) struct Change {
    /// Noun and verb, `function.created`.
    pub(crate) action: &'static str,
    /// The typed id of what was changed.
    pub(crate) subject: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

/// Whose change it is.
#[derive(Clone, Copy)]
pub(crate) struct By<'a> {
    user: Option<UserId>,
    session: Option<SessionId>,
    origin: Option<&'a Origin>,
}

impl<'a> By<'a> {
    /// The operator at the machine, or a job.
    pub(crate) const PLATFORM: Self = Self {
        user: None,
        session: None,
        origin: None,
    };

    /// Somebody who signs in by the change itself.
    pub(crate) fn newcomer(user: UserId, session: SessionId, origin: &'a Origin) -> Self {
        Self {
            user: Some(user),
            session: Some(session),
            origin: Some(origin),
        }
    }
}

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self::newcomer(actor.user, actor.session, &actor.origin)
    }
}

/// A change inside the member's tenant.
pub(crate) async fn record<R>(
    tx: &mut Connection,
    p: &Platform,
    by: &Member<R>,
    change: Change,
) -> Result<(), Error> {
    record_by(tx, p, Some(by.tenant), By::from(&by.actor), change).await
}

pub(crate) async fn record_by(
    tx: &mut Connection,
    p: &Platform,
    tenant: Option<TenantId>,
    by: By<'_>,
    change: Change,
) -> Result<(), Error> {
    let event = store::audit::Event {
        id: AuditEventId::generate(),
        tenant,
        user: by.user,
        session: by.session,
        address: by.origin.and_then(|origin| origin.address),
        request: by.origin.map(|origin| origin.request_id.as_str()),
        action: change.action,
        subject: &change.subject,
        before: some(change.before),
        after: some(change.after),
        created_at: p.clock.now(),
    };
    Ok(store::audit::insert(tx, event).await?)
}

/// SQL's null rather than JSON's.
fn some(value: Value) -> Option<Value> {
    (!value.is_null()).then_some(value)
}
