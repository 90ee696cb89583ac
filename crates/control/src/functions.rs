//! Functions of a tenant.

use domain::{
    FunctionId, FunctionName, Problems,
    deployment::Share,
    egress::AllowedHosts,
    function::{Access, Reuse},
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{
    Connection, deployments,
    functions::{self, Function, FunctionKey, NewFunction, Overview},
    operations,
    plans::{self, Plan},
    routes, serving,
};

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    quotas,
};

pub use domain::limits::LimitsPatch;

const MAX_DESCRIPTION: usize = 500;

#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub description: Option<String>,
    pub access: Option<Access>,
    pub enabled: Option<bool>,
    pub limits: LimitsPatch,
    /// The whole list anew.
    pub allowed_outbound_hosts: Option<Vec<String>>,
    /// `Some(None)` turns it off.
    pub reuse: Option<Option<Reuse>>,
}

impl Patch {
    fn check(&self, plan: &Plan) -> Result<(), Error> {
        let mut problems = Problems::default();
        let description = self.description.as_deref().unwrap_or_default();
        check_text(&mut problems, "description", description, MAX_DESCRIPTION);
        self.limits.check(plan.function_limits, &mut problems);
        if let Some(hosts) = &self.allowed_outbound_hosts
            && let Err(Problems(found)) = AllowedHosts::parse(hosts)
        {
            problems.0.extend(found);
        }
        if let Some(Some(reuse)) = self.reuse {
            reuse.check(&mut problems);
        }
        Ok(problems.into_result()?)
    }
}

/// A function and what answers at its URL now.
#[derive(Clone, Debug)]
pub struct FunctionOverview {
    pub function: Function,
    pub url: String,
    /// Empty before the first deployment is live.
    pub traffic: Vec<Share>,
    /// The highest version number made so far.
    pub latest_version: Option<i32>,
}

pub async fn create(
    p: &Platform,
    by: &Member<Developer>,
    name: FunctionName,
    patch: Patch,
) -> Result<FunctionOverview, Error> {
    let mut tx = by.begin(p).await?;
    let room = quotas::hold(&mut tx, by.tenant).await?;
    patch.check(&room.plan)?;
    let (limit, there) = (room.plan.quotas.functions, room.usage.functions);
    quotas::check("functions", limit.into(), there, 1)?;
    let new = NewFunction {
        id: FunctionId::generate(),
        name,
        description: patch.description.unwrap_or_default(),
        access: patch.access.unwrap_or(Access::Public),
        enabled: patch.enabled.unwrap_or(true),
        limits: patch.limits,
        allowed_outbound_hosts: patch.allowed_outbound_hosts.unwrap_or_default(),
        reuse: patch.reuse.flatten(),
    };
    functions::insert(&mut tx, by.tenant, &new, p.clock.now()).await?;
    let created = find(&mut tx, by, &FunctionKey::Id(new.id)).await?;
    let change = Change {
        action: "function.created",
        subject: new.id.to_string(),
        before: Value::Null,
        after: audited(&created),
    };
    audit::record(&mut tx, p, by, change).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(overview(p, by, created))
}

/// By name.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    page: &PageRequest,
) -> Result<Page<FunctionOverview>, Error> {
    let limit = page.limit();
    let cursor = page.cursor.as_deref().map(FunctionName::parse).transpose();
    let after = cursor.map_err(|problem| problem.at("cursor"))?;
    let after = after.as_ref().map(FunctionName::as_str);
    let mut tx = by.begin(p).await?;
    let found = functions::list(&mut tx, by.tenant, after, limit as i64 + 1).await?;
    let page = Page::cut(found, limit, |item| item.function.name.to_string());
    Ok(page.map(|found| overview(p, by, found)))
}

/// `function` is a name or a `fn_…` id.
pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
) -> Result<FunctionOverview, Error> {
    let mut tx = by.begin(p).await?;
    let found = find(&mut tx, by, &key(function)?).await?;
    Ok(overview(p, by, found))
}

pub async fn update(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    patch: Patch,
    revision: i64,
) -> Result<FunctionOverview, Error> {
    let mut tx = by.begin(p).await?;
    patch.check(&plans::of(&mut tx, by.tenant).await?)?;
    let before = lock_revision(&mut tx, by, function, revision).await?;
    let id = before.function.id;
    let change = functions::Change {
        description: patch
            .description
            .unwrap_or_else(|| before.function.description.clone()),
        access: patch.access.unwrap_or(before.function.access),
        enabled: patch.enabled.unwrap_or(before.function.enabled),
        limits: patch.limits.or(before.own_limits),
        allowed_outbound_hosts: patch
            .allowed_outbound_hosts
            .unwrap_or_else(|| before.function.allowed_outbound_hosts.clone()),
        reuse: patch.reuse.unwrap_or(before.function.reuse),
    };
    functions::update(&mut tx, by.tenant, id, &change, p.clock.now()).await?;
    let after = find(&mut tx, by, &FunctionKey::Id(id)).await?;
    let change = Change {
        action: "function.updated",
        subject: id.to_string(),
        before: audited(&before),
        after: audited(&after),
    };
    audit::record(&mut tx, p, by, change).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(overview(p, by, after))
}

/// Its URL answers 404 as soon as the workers have heard of it; versions, deployments, aliases and routes
/// go with it.
pub async fn delete(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    revision: i64,
) -> Result<(), Error> {
    let mut tx = by.begin(p).await?;
    let before = lock_revision(&mut tx, by, function, revision).await?;
    let id = before.function.id;
    if let Some(over) = deployments::supersede_preparing(&mut tx, by.tenant, id).await? {
        let error = "the function was deleted";
        operations::fail(&mut tx, by.tenant, over.operation, error, p.clock.now()).await?;
    }
    let mut audited = audited(&before);
    audited["routes"] = json!(routes::to_function(&mut tx, by.tenant, id).await?);
    functions::delete(&mut tx, by.tenant, id).await?;
    let change = Change {
        action: "function.deleted",
        subject: id.to_string(),
        before: audited,
        after: Value::Null,
    };
    audit::record(&mut tx, p, by, change).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(())
}

/// What no function can be called is not found, rather than malformed.
pub(crate) fn key(function: &str) -> Result<FunctionKey, Error> {
    FunctionKey::parse(function).ok_or(Error::NotFound("function"))
}

pub(crate) async fn find<R>(
    tx: &mut Connection,
    by: &Member<R>,
    key: &FunctionKey,
) -> Result<Overview, Error> {
    let found = functions::find(tx, by.tenant, key).await?;
    found.ok_or(Error::NotFound("function"))
}

/// Holds the function's row to the end of the transaction.
pub(crate) async fn lock<R>(
    tx: &mut Connection,
    by: &Member<R>,
    function: &str,
) -> Result<FunctionId, Error> {
    let locked = functions::lock(tx, by.tenant, &key(function)?).await?;
    locked.ok_or(Error::NotFound("function"))
}

/// Adds the problems of a text that is too long, or that the database cannot hold.
pub(crate) fn check_text(problems: &mut Problems, field: &str, text: &str, max: usize) {
    let seen = text.chars().count();
    if seen > max {
        let detail = format!("use at most {max} characters, these are {seen}");
        problems.push(field, detail);
    }
    if text.contains('\0') {
        problems.push(field, "the character U+0000 is not allowed");
    }
}

async fn lock_revision(
    tx: &mut Connection,
    by: &Member<Developer>,
    function: &str,
    revision: i64,
) -> Result<Overview, Error> {
    let id = lock(tx, by, function).await?;
    let found = find(tx, by, &FunctionKey::Id(id)).await?;
    if found.function.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(found)
}

fn overview<R>(p: &Platform, by: &Member<R>, found: Overview) -> FunctionOverview {
    FunctionOverview {
        url: p.function_url(&by.slug, &found.function.name),
        traffic: found.traffic,
        latest_version: (found.last_version > 0).then_some(found.last_version),
        function: found.function,
    }
}

fn audited(found: &Overview) -> Value {
    let function = &found.function;
    json!({
        "name": function.name,
        "description": function.description,
        "access": function.access,
        "enabled": function.enabled,
        "limits": found.own_limits,
        "allowed_outbound_hosts": function.allowed_outbound_hosts,
        "reuse": function.reuse,
    })
}
