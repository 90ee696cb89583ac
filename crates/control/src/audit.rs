//! Who changed what, written in the transaction that changes it, and read by admins of the tenant.

use std::net::IpAddr;

use domain::{
    AuditEventId, Invalid, Problems, SessionId, TenantId, TokenId, UserId,
    page::{Page, PageRequest},
};
use serde_json::Value;
use store::{Connection, audit::Filter};

use crate::{
    Actor, Admin, Error, Member, Operator, Origin, Platform, functions::check_text, telemetry::Span,
};

pub use store::audit::Recorded;

/// Longer than any action or id.
const MAX_FILTER: usize = 100;

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
    token: Option<TokenId>,
    address: Option<IpAddr>,
    request: Option<&'a str>,
}

impl<'a> By<'a> {
    /// The operator at the machine, or a job.
    pub(crate) const PLATFORM: Self = Self {
        user: None,
        session: None,
        token: None,
        address: None,
        request: None,
    };

    /// Where an operator sits is no affair of the tenants.
    pub(crate) fn without_address(self) -> Self {
        Self {
            address: None,
            ..self
        }
    }

    /// Somebody who signs in by the change itself.
    pub(crate) fn newcomer(user: UserId, session: SessionId, origin: &'a Origin) -> Self {
        Self {
            user: Some(user),
            session: Some(session),
            token: None,
            address: origin.address,
            request: Some(&origin.request_id),
        }
    }
}

impl<'a> From<&'a Actor> for By<'a> {
    fn from(actor: &'a Actor) -> Self {
        Self {
            user: actor.user,
            session: actor.session(),
            token: actor.token().map(|token| token.id),
            address: actor.origin.address,
            request: Some(&actor.origin.request_id),
        }
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
        token: by.token,
        address: by.address,
        request: by.request,
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

/// Which events are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// `function.created`, or all of a noun by `function`.
    pub action: Option<String>,
    /// The typed id of what was changed.
    pub subject: Option<String>,
    /// The id of a user or a token.
    pub actor: Option<String>,
    pub span: Span,
}

/// The tenant's events, newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Admin>,
    wanted: Wanted,
    page: &PageRequest,
) -> Result<Page<Recorded>, Error> {
    let (filter, limit) = (filter(p, wanted, page)?, page.limit());
    let mut tx = by.begin(p).await?;
    let found = store::audit::list(&mut tx, by.tenant, &filter, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |event| event.id.to_string()))
}

/// The events of all tenants and of none, or of one, newest first.
pub async fn list_all(
    p: &Platform,
    _: &Operator,
    tenant: Option<TenantId>,
    wanted: Wanted,
    page: &PageRequest,
) -> Result<Page<Recorded>, Error> {
    let (filter, limit) = (filter(p, wanted, page)?, page.limit());
    let mut tx = p.db.platform().await?;
    let found = store::audit::list_all(&mut tx, tenant, &filter, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |event| event.id.to_string()))
}

fn filter(p: &Platform, wanted: Wanted, page: &PageRequest) -> Result<Filter, Error> {
    let mut problems = Problems::default();
    for (field, text) in [("action", &wanted.action), ("subject", &wanted.subject)] {
        check_text(
            &mut problems,
            field,
            text.as_deref().unwrap_or_default(),
            MAX_FILTER,
        );
    }
    problems.into_result()?;
    let (since, until) = wanted.span.bounds(p.clock.now())?;
    let cursor = page.cursor.as_deref().map(str::parse::<AuditEventId>);
    Ok(Filter {
        since,
        until,
        before: cursor.transpose().map_err(|problem| problem.at("cursor"))?,
        action: wanted.action,
        subject: wanted.subject,
        actor: wanted.actor.as_deref().map(actor).transpose()?,
    })
}

fn actor(text: &str) -> Result<uuid::Uuid, Invalid> {
    let user = text.parse::<UserId>().map(UserId::uuid);
    let actor = user.or_else(|_| text.parse::<TokenId>().map(TokenId::uuid));
    actor.map_err(|_| {
        Invalid::new(
            "actor",
            "use the id of a user, `usr_…`, or of a token, `tok_…`",
        )
    })
}
