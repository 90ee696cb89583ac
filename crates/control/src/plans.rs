//! Plans: what an operator lets tenants use. A change reaches their functions with the next epoch; what is
//! above a quota that was lowered stays.

use domain::{
    Limits, PlanId, PlanName, Problems,
    limits::{LimitsPatch, Quotas, QuotasPatch, TenantLimits, TenantLimitsPatch, check_figures},
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{
    Tx,
    plans::{self, Plan},
    serving,
};

use crate::{
    Error, Operator, Platform,
    audit::{self, Change},
};

/// A plan and how many tenants have it, deleted ones too.
#[derive(Clone, Debug)]
pub struct Shown {
    pub plan: Plan,
    pub tenants: i64,
}

/// The figures that are to be other ones.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patch {
    pub function_limits: LimitsPatch,
    pub tenant_limits: TenantLimitsPatch,
    pub quotas: QuotasPatch,
}

impl Patch {
    fn check(&self) -> Result<(), Error> {
        let mut problems = Problems::default();
        let (asked, highest) = (self.function_limits.each(), Limits::HIGHEST.each());
        check_figures("function_limits", asked, highest, 1, &mut problems);
        let (asked, highest) = (self.tenant_limits.each(), TenantLimits::HIGHEST.each());
        check_figures("tenant_limits", asked, highest, 1, &mut problems);
        let (asked, highest) = (self.quotas.each(), Quotas::HIGHEST.each());
        check_figures("quotas", asked, highest, 0, &mut problems);
        Ok(problems.into_result()?)
    }
}

/// By name.
pub async fn list(p: &Platform, _: &Operator, page: &PageRequest) -> Result<Page<Shown>, Error> {
    let cursor = page.cursor.as_deref().map(PlanName::parse).transpose();
    let after = cursor.map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = p.db.platform().await?;
    let found = plans::list(&mut tx, after.as_ref(), limit as i64 + 1).await?;
    let page = Page::cut(found, limit, |(plan, _)| plan.name.to_string());
    Ok(page.map(|(plan, tenants)| Shown { plan, tenants }))
}

/// `plan` is a name or a `plan_…` id.
pub async fn get(p: &Platform, _: &Operator, plan: &str) -> Result<Shown, Error> {
    let mut tx = p.db.platform().await?;
    let plan = lock(&mut tx, plan).await?;
    shown(&mut tx, plan).await
}

/// What the patch does not name is as the platform gives it.
pub async fn create(
    p: &Platform,
    by: &Operator,
    name: PlanName,
    patch: Patch,
) -> Result<Shown, Error> {
    patch.check()?;
    let now = p.clock.now();
    let plan = Plan {
        id: PlanId::generate(),
        name,
        function_limits: patch.function_limits.over(Limits::DEFAULT),
        tenant_limits: patch.tenant_limits.over(TenantLimits::DEFAULT),
        quotas: patch.quotas.over(Quotas::DEFAULT),
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    let mut tx = p.db.platform().await?;
    plans::insert(&mut tx, &plan).await?;
    record(&mut tx, p, by, "plan.created", None, Some(&plan)).await?;
    tx.commit().await?;
    Ok(Shown { plan, tenants: 0 })
}

pub async fn update(
    p: &Platform,
    by: &Operator,
    plan: &str,
    patch: Patch,
    revision: i64,
) -> Result<Shown, Error> {
    patch.check()?;
    let mut tx = p.db.platform().await?;
    let before = of_revision(&mut tx, plan, revision).await?;
    let after = Plan {
        function_limits: patch.function_limits.over(before.function_limits),
        tenant_limits: patch.tenant_limits.over(before.tenant_limits),
        quotas: patch.quotas.over(before.quotas),
        revision: before.revision + 1,
        updated_at: p.clock.now(),
        ..before.clone()
    };
    plans::update(&mut tx, &after).await?;
    record(&mut tx, p, by, "plan.updated", Some(&before), Some(&after)).await?;
    let shown = shown(&mut tx, after.clone()).await?;
    let served = |plan: &Plan| (plan.function_limits, plan.tenant_limits);
    if served(&before) != served(&after) {
        serving::bump_plan(&mut tx, after.id).await?;
    }
    tx.commit().await?;
    Ok(shown)
}

/// One that no tenant has; `default` stays.
pub async fn delete(p: &Platform, by: &Operator, plan: &str, revision: i64) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    let before = of_revision(&mut tx, plan, revision).await?;
    if before.id == plans::DEFAULT {
        let detail = "new tenants get this plan; it cannot be deleted";
        return Err(Error::Conflict(detail.to_owned()));
    }
    let tenants = plans::count_tenants(&mut tx, before.id).await?;
    if tenants > 0 {
        let detail = format!("tenants that have this plan: {tenants}; give them another first");
        return Err(Error::Conflict(detail));
    }
    plans::delete(&mut tx, before.id).await?;
    record(&mut tx, p, by, "plan.deleted", Some(&before), None).await?;
    tx.commit().await?;
    Ok(())
}

/// By name or id, locked. What no plan can be called is not found, rather than malformed.
pub(crate) async fn lock(tx: &mut Tx, plan: &str) -> Result<Plan, Error> {
    let (id, name) = (plan.parse::<PlanId>().ok(), PlanName::parse(plan).ok());
    let found = plans::lock(tx, id, name.as_ref()).await?;
    found.ok_or(Error::NotFound("plan"))
}

async fn of_revision(tx: &mut Tx, plan: &str, revision: i64) -> Result<Plan, Error> {
    let plan = lock(tx, plan).await?;
    if plan.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(plan)
}

async fn shown(tx: &mut Tx, plan: Plan) -> Result<Shown, Error> {
    let tenants = plans::count_tenants(tx, plan.id).await?;
    Ok(Shown { plan, tenants })
}

async fn record(
    tx: &mut Tx,
    p: &Platform,
    by: &Operator,
    action: &'static str,
    before: Option<&Plan>,
    after: Option<&Plan>,
) -> Result<(), Error> {
    let told = |plan: &Plan| {
        json!({
            "name": plan.name,
            "function_limits": plan.function_limits,
            "tenant_limits": plan.tenant_limits,
            "quotas": plan.quotas,
        })
    };
    let subject = before.or(after).map(|plan| plan.id.to_string());
    let change = Change {
        action,
        subject: subject.unwrap_or_default(),
        before: before.map_or(Value::Null, told),
        after: after.map_or(Value::Null, told),
    };
    audit::record_by(tx, p, None, by.by(), change).await
}
