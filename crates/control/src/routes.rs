//! Routes: paths of a tenant's hosts that lead to its functions, or to an alias of one.
//!
//! A route is the tenant's word that the path is there for everybody. Hence whether an alias's own
//! preview is open does not matter to it; whether the function is public does.

use domain::{
    AliasName, DomainName, PathPattern, Problems, RouteId,
    page::{Page, PageRequest},
    snapshot::ALIAS_ROUTES,
};
use serde_json::{Value, json};
use store::{
    Connection, Tx, aliases, domains,
    functions::{self, FunctionKey},
    nodes, routes, serving, tenants,
};

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
};

pub use store::routes::Route;

/// Of one tenant: every worker keeps them at hand.
const MAX_ROUTES: i64 = 200;

/// Where a route is to lead, as the caller spelt it.
#[derive(Clone, Debug)]
pub struct NewRoute {
    pub host: Option<DomainName>,
    pub path: PathPattern,
    /// A name or a `fn_…` id.
    pub function: String,
    pub alias: Option<AliasName>,
}

/// What a change may name; `Some(None)` takes a host or an alias away.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub host: Option<Option<DomainName>>,
    pub path: Option<PathPattern>,
    pub function: Option<String>,
    pub alias: Option<Option<AliasName>>,
}

pub async fn create(p: &Platform, by: &Member<Developer>, new: NewRoute) -> Result<Route, Error> {
    let mut tx = begin(p, by).await?;
    if routes::count(&mut tx, by.tenant).await? >= MAX_ROUTES {
        let detail = format!("the tenant has {MAX_ROUTES} routes, the most there may be");
        return Err(Error::Conflict(detail));
    }
    let route = resolve(p, &mut tx, by, RouteId::generate(), new).await?;
    routes::insert(&mut tx, by.tenant, &route).await?;
    record(&mut tx, p, by, "route.created", None, Some(&route)).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(route)
}

/// In the order they were made.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    page: &PageRequest,
) -> Result<Page<Route>, Error> {
    let limit = page.limit();
    let after = page.cursor.as_deref().map(str::parse).transpose();
    let after = after.map_err(|problem: domain::Invalid| problem.at("cursor"))?;
    let mut tx = by.begin(p).await?;
    let found = routes::list(&mut tx, by.tenant, after, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |route| route.id.to_string()))
}

pub async fn get(p: &Platform, by: &Member<Viewer>, id: RouteId) -> Result<Route, Error> {
    let mut tx = by.begin(p).await?;
    find(&mut tx, by, id).await
}

pub async fn update(
    p: &Platform,
    by: &Member<Developer>,
    id: RouteId,
    patch: Patch,
    revision: i64,
) -> Result<Route, Error> {
    let mut tx = begin(p, by).await?;
    let before = of_revision(&mut tx, by, id, revision).await?;
    let function = patch
        .function
        .unwrap_or_else(|| before.function.to_string());
    let new = NewRoute {
        host: patch.host.unwrap_or_else(|| before.host.clone()),
        path: patch.path.unwrap_or_else(|| before.path.clone()),
        alias: patch.alias.unwrap_or_else(|| before.alias.clone()),
        function,
    };
    let after = Route {
        revision: before.revision + 1,
        created_at: before.created_at,
        ..resolve(p, &mut tx, by, id, new).await?
    };
    routes::update(&mut tx, by.tenant, &after).await?;
    record(&mut tx, p, by, "route.updated", Some(&before), Some(&after)).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(after)
}

pub async fn delete(
    p: &Platform,
    by: &Member<Developer>,
    id: RouteId,
    revision: i64,
) -> Result<(), Error> {
    let mut tx = begin(p, by).await?;
    let before = of_revision(&mut tx, by, id, revision).await?;
    routes::delete(&mut tx, by.tenant, id).await?;
    record(&mut tx, p, by, "route.deleted", Some(&before), None).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(())
}

/// Refuses to end what these routes need.
pub(crate) fn refuse_in_use(what: &str, routes: &[RouteId]) -> Result<(), Error> {
    if routes.is_empty() {
        return Ok(());
    }
    let named: Vec<_> = routes.iter().take(10).map(RouteId::to_string).collect();
    let more = match routes.len() - named.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = named.join(", ");
    let detail =
        format!("the {what} is needed by {named}{more}; change or delete these routes first");
    Err(Error::Conflict(detail))
}

/// Of two changes to a tenant's routes or domains one waits, so that what either found still holds.
pub(crate) async fn begin<R>(p: &Platform, by: &Member<R>) -> Result<Tx, Error> {
    let mut tx = by.begin(p).await?;
    let tenant = tenants::lock(&mut tx, by.tenant).await?;
    tenant.ok_or(Error::NotFound("tenant"))?;
    Ok(tx)
}

/// The route as it is to be: all that it names is there, and no other matches the same requests. Holds the
/// function's row, and with it its aliases.
async fn resolve(
    p: &Platform,
    tx: &mut Connection,
    by: &Member<Developer>,
    id: RouteId,
    new: NewRoute,
) -> Result<Route, Error> {
    let mut problems = Problems::default();
    if let Some(host) = &new.host
        && domains::find(tx, by.tenant, host).await?.is_none()
    {
        let detail =
            format!("the tenant has no domain `{host}`; add it first, it need not be verified yet");
        problems.push("host", detail);
    }
    let function = match FunctionKey::parse(&new.function) {
        Some(key) => match functions::lock(tx, by.tenant, &key).await? {
            Some(_) => functions::find(tx, by.tenant, &key).await?,
            None => None,
        },
        None => None,
    };
    let Some(function) = function.map(|found| found.function) else {
        problems.push("function", "the tenant has no function of this name or id");
        return Err(problems.into());
    };
    if let Some(alias) = &new.alias
        && aliases::find(tx, by.tenant, function.id, alias)
            .await?
            .is_none()
    {
        let detail = format!("the function `{}` has no alias `{alias}`", function.name);
        problems.push("alias", detail);
    }
    problems.into_result()?;
    if new.alias.is_some() {
        check_workers(p).await?;
    }
    let now = p.clock.now();
    let route = Route {
        id,
        host: new.host,
        path: new.path,
        function: function.id,
        function_name: function.name,
        alias: new.alias,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    match routes::conflicting(tx, by.tenant, &route).await? {
        None => Ok(route),
        Some(other) => Err(Error::RouteConflict {
            route: other.id,
            path: other.path,
            function: other.function_name,
        }),
    }
}

/// A worker of an earlier release would take no notice of the alias, and lead to what is live.
async fn check_workers(p: &Platform) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    let Some(worker) = nodes::without(&mut tx, ALIAS_ROUTES).await? else {
        return Ok(());
    };
    let detail = format!(
        "the worker {worker} is of a release that knows no routes to aliases; they can be made once all workers are newer"
    );
    Err(Error::Conflict(detail))
}

async fn find<R>(tx: &mut Connection, by: &Member<R>, id: RouteId) -> Result<Route, Error> {
    let found = routes::find(tx, by.tenant, id).await?;
    found.ok_or(Error::NotFound("route"))
}

/// The tenant's row is locked, and with it its routes.
async fn of_revision(
    tx: &mut Connection,
    by: &Member<Developer>,
    id: RouteId,
    revision: i64,
) -> Result<Route, Error> {
    let route = find(tx, by, id).await?;
    if route.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(route)
}

async fn record(
    tx: &mut Connection,
    p: &Platform,
    by: &Member<Developer>,
    action: &'static str,
    before: Option<&Route>,
    after: Option<&Route>,
) -> Result<(), Error> {
    let told = |route: &Route| {
        json!({
            "host": route.host,
            "path": route.path,
            "function": route.function,
            "alias": route.alias,
        })
    };
    let subject = before.or(after).map(|route| route.id.to_string());
    let change = Change {
        action,
        subject: subject.unwrap_or_default(),
        before: before.map(told).map_or(Value::Null, Value::from),
        after: after.map(told).map_or(Value::Null, Value::from),
    };
    audit::record(tx, p, by, change).await
}
