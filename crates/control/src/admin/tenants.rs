//! Tenants as an operator sees them: what they use, under which plan, and whether their functions answer.

use domain::{
    PlanName, Problems, TenantId, TenantSlug,
    page::{Page, PageRequest},
    tenant::TenantState,
};
use serde_json::json;
use store::{
    Tx, serving,
    standings::{self, Filter},
    tenants,
};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
    functions::check_text,
    plans,
};

pub use store::standings::{Standing, TenantOwner};

const MAX_REASON: usize = 500;
const MAX_SEARCH: usize = 100;

/// Which tenants are asked for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// Part of the slug or the name.
    pub search: Option<String>,
    /// All but the deleted ones if absent.
    pub state: Option<TenantState>,
    pub plan: Option<String>,
}

/// A tenant and whom to write to.
#[derive(Clone, Debug)]
pub struct Shown {
    pub standing: Standing,
    pub owners: Vec<TenantOwner>,
}

/// What a change may name.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    /// A name or a `plan_…` id.
    pub plan: Option<String>,
    pub state: Option<TenantState>,
    /// Why it is suspended, told to its admins by the audit.
    pub reason: Option<String>,
}

impl Patch {
    fn check(&self) -> Result<(), Error> {
        let mut problems = Problems::default();
        if self.state == Some(TenantState::Deleted) {
            problems.push(
                "state",
                "use active or suspended; its owners delete a tenant",
            );
        }
        let reason = self.reason.as_deref().unwrap_or_default();
        check_text(&mut problems, "reason", reason, MAX_REASON);
        if self.reason.is_some() && self.state != Some(TenantState::Suspended) {
            problems.push("reason", "it goes with `\"state\": \"suspended\"`");
        }
        Ok(problems.into_result()?)
    }
}

/// By slug.
pub async fn list(
    p: &Platform,
    _: &Operator,
    wanted: Wanted,
    page: &PageRequest,
) -> Result<Page<Standing>, Error> {
    let mut problems = Problems::default();
    let search = wanted.search.as_deref().unwrap_or_default();
    check_text(&mut problems, "q", search, MAX_SEARCH);
    let plan = wanted.plan.as_deref().map(PlanName::parse);
    let plan = plan.and_then(|plan| problems.keep("plan", plan));
    let cursor = page.cursor.as_deref().map(TenantSlug::parse);
    let after = cursor.and_then(|slug| problems.keep("cursor", slug));
    problems.into_result()?;
    let filter = Filter {
        search: wanted.search,
        state: wanted.state,
        plan,
        ..Filter::default()
    };
    let limit = page.limit();
    let mut tx = p.db.platform().await?;
    let found = standings::list(&mut tx, &filter, after.as_ref(), limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |tenant| tenant.slug.to_string()))
}

/// `tenant` is a slug or a `ten_…` id.
pub async fn get(p: &Platform, _: &Operator, tenant: &str) -> Result<Shown, Error> {
    let mut tx = p.db.platform().await?;
    let standing = find(&mut tx, tenant).await?;
    shown(&mut tx, standing).await
}

pub async fn update(
    p: &Platform,
    by: &Operator,
    tenant: &str,
    patch: Patch,
    revision: i64,
) -> Result<Shown, Error> {
    patch.check()?;
    let mut tx = p.db.platform().await?;
    let id = find(&mut tx, tenant).await?.id;
    tenants::lock(&mut tx, id).await?;
    let before = find(&mut tx, &id.to_string()).await?;
    if before.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    if before.state == TenantState::Deleted && patch.state.is_some() {
        let detail = "the tenant is deleted; its owners may restore it";
        return Err(Error::Conflict(detail.to_owned()));
    }
    let named = patch.plan.clone();
    let plan = named.unwrap_or_else(|| before.plan.to_string());
    let plan = match plans::lock(&mut tx, &plan).await {
        Err(Error::NotFound(_)) => {
            let mut problems = Problems::default();
            problems.push("plan", format!("no plan is called {plan:?}"));
            return Err(problems.into());
        }
        found => found?,
    };
    let state = patch.state.unwrap_or(before.state);
    let reason = patch.reason.or_else(|| before.suspended_reason.clone());
    standings::set(
        &mut tx,
        id,
        plan.id,
        state,
        reason.as_deref(),
        p.clock.now(),
    )
    .await?;
    let after = find(&mut tx, &id.to_string()).await?;
    record(&mut tx, p, by, &before, &after).await?;
    let changed = (before.state, &before.plan) != (after.state, &after.plan);
    let shown = shown(&mut tx, after).await?;
    if changed {
        serving::bump(&mut tx, id).await?;
    }
    tx.commit().await?;
    Ok(shown)
}

/// In the tenant's own audit, where its admins see it.
async fn record(
    tx: &mut Tx,
    p: &Platform,
    by: &Operator,
    before: &Standing,
    after: &Standing,
) -> Result<(), Error> {
    let (subject, who) = (after.id.to_string(), by.by().without_address());
    if before.plan != after.plan {
        let change = Change {
            action: "tenant.plan_changed",
            subject: subject.clone(),
            before: json!({ "plan": before.plan }),
            after: json!({ "plan": after.plan }),
        };
        audit::record_by(tx, p, Some(after.id), who, change).await?;
    }
    let suspension = |tenant: &Standing| match tenant.state {
        TenantState::Suspended => {
            json!({ "state": "suspended", "reason": tenant.suspended_reason })
        }
        _ => json!({ "state": "active" }),
    };
    if suspension(before) != suspension(after) {
        let change = Change {
            action: match after.state {
                TenantState::Suspended => "tenant.suspended",
                _ => "tenant.activated",
            },
            subject,
            before: suspension(before),
            after: suspension(after),
        };
        audit::record_by(tx, p, Some(after.id), who, change).await?;
    }
    Ok(())
}

async fn find(tx: &mut Tx, tenant: &str) -> Result<Standing, Error> {
    let not_found = || Error::NotFound("tenant");
    let filter = match (tenant.parse::<TenantId>(), TenantSlug::parse(tenant)) {
        (Ok(id), _) => Filter {
            id: Some(id),
            ..Filter::default()
        },
        (_, Ok(slug)) => Filter {
            slug: Some(slug),
            ..Filter::default()
        },
        _ => return Err(not_found()),
    };
    let found = standings::list(tx, &filter, None, 1).await?;
    found.into_iter().next().ok_or_else(not_found)
}

async fn shown(tx: &mut Tx, standing: Standing) -> Result<Shown, Error> {
    let owners = standings::owners(tx, standing.id).await?;
    Ok(Shown { standing, owners })
}
