//! Every limit of a tenant and of a function: how high it is, what is used of it, and who set it.

use domain::PlanName;
use store::{plans, usage};

use crate::{
    Error, Member, Platform, Viewer,
    functions::{find, key},
};

/// Who set a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Plan,
    /// The function's own, lower than its plan's.
    Function,
    /// The same for all.
    Platform,
}

#[derive(Clone, Copy, Debug)]
pub struct Figure {
    pub name: &'static str,
    pub limit: u64,
    /// Absent where nothing is counted: a call's own time, memory and bytes.
    pub used: Option<u64>,
    pub source: Source,
}

impl Figure {
    fn of_plan(name: &'static str, limit: u64) -> Self {
        let (used, source) = (None, Source::Plan);
        Self {
            name,
            limit,
            used,
            source,
        }
    }
}

/// The limits of a tenant, and the most that each of its functions can have.
#[derive(Clone, Debug)]
pub struct OfTenant {
    pub plan: PlanName,
    pub limits: Vec<Figure>,
    pub function_limits: Vec<Figure>,
}

pub async fn of_tenant(p: &Platform, by: &Member<Viewer>) -> Result<OfTenant, Error> {
    let mut tx = by.begin(p).await?;
    let plan = plans::of(&mut tx, by.tenant).await?;
    let usage = usage::of(&mut tx, by.tenant).await?;
    let used = |name| match name {
        "functions" => Some(usage.functions.unsigned_abs()),
        "stored_bytes" => Some(usage.stored_bytes.unsigned_abs()),
        "members" => Some(usage.members.unsigned_abs()),
        "access_tokens" => Some(usage.access_tokens.unsigned_abs()),
        _ => None,
    };
    let shared = plan.tenant_limits.each().into_iter();
    let quotas = plan.quotas.each().into_iter();
    let figures = shared.chain(quotas).map(|(name, limit)| Figure {
        used: used(name),
        ..Figure::of_plan(name, limit)
    });
    let module_bytes = Figure {
        source: Source::Platform,
        ..Figure::of_plan("module_bytes", p.config.upload_max_bytes)
    };
    let of_functions = plan.function_limits.each().into_iter();
    Ok(OfTenant {
        plan: plan.name,
        limits: figures.chain([module_bytes]).collect(),
        function_limits: of_functions
            .map(|(name, limit)| Figure::of_plan(name, limit))
            .collect(),
    })
}

/// `function` is a name or a `fn_…` id.
pub async fn of_function(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
) -> Result<Vec<Figure>, Error> {
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function;
    let plan = plans::of(&mut tx, by.tenant).await?;
    let usage = usage::of_function(&mut tx, by.tenant, function.id).await?;
    let own = function.limits.each().into_iter();
    let figures = own
        .zip(plan.function_limits.each())
        .map(|((name, limit), (_, of_plan))| {
            let source = if limit < of_plan {
                Source::Function
            } else {
                Source::Plan
            };
            Figure {
                source,
                ..Figure::of_plan(name, limit)
            }
        });
    let counted = [
        (
            "versions",
            plan.quotas.versions_per_function,
            usage.versions,
        ),
        ("aliases", plan.quotas.aliases_per_function, usage.aliases),
    ];
    let counted = counted.map(|(name, limit, used)| Figure {
        used: Some(used.unsigned_abs()),
        ..Figure::of_plan(name, limit.into())
    });
    Ok(figures.chain(counted).collect())
}
