//! Aliases: names for versions, which stay while the versions change. Each has a preview host, private
//! unless the tenant opens it; a link with a signed token opens a private one.

use domain::{
    AliasName, FunctionId, Invalid, Problems, Timestamp, name::version_number,
    version::VersionState,
};
use serde_json::{Value, json};
use store::{
    Connection,
    aliases::{self, Alias},
    plans, routes, serving, usage, versions,
};
use time::Duration;

use crate::{
    Developer, Error, Member, Platform, Viewer,
    audit::{self, Change},
    feed::preview_token,
    functions::{find, key, lock},
    quotas,
    routes::refuse_in_use,
};

const DEFAULT_LINK: Duration = Duration::days(1);
const MAX_LINK: Duration = Duration::days(7);

/// An alias and where its version answers.
#[derive(Clone, Debug)]
pub struct Shown {
    pub alias: Alias,
    pub url: String,
}

/// What a change may name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patch {
    pub version: Option<i32>,
    pub open: Option<bool>,
}

/// A way into a private preview, for whoever has it.
#[derive(Clone, Debug)]
pub struct Link {
    /// For a browser: it keeps the token in a cookie of the preview's host.
    pub url: String,
    /// For a program, as `x-atoll-preview`.
    pub token: String,
    pub expires_at: Timestamp,
}

pub async fn create(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    name: AliasName,
    version: i32,
    open: bool,
) -> Result<Shown, Error> {
    let now = p.clock.now();
    let mut tx = by.begin(p).await?;
    let id = lock(&mut tx, by, function).await?;
    check_version(&mut tx, by, id, version).await?;
    // The function's row is locked, and with it its aliases.
    let limit = plans::of(&mut tx, by.tenant)
        .await?
        .quotas
        .aliases_per_function;
    let there = usage::of_function(&mut tx, by.tenant, id).await?.aliases;
    quotas::check("aliases_per_function", limit.into(), there, 1)?;
    let alias = Alias {
        name,
        version,
        open,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    aliases::insert(&mut tx, by.tenant, id, &alias).await?;
    record(&mut tx, p, by, id, "alias.created", None, Some(&alias)).await?;
    let shown = shown(&mut tx, p, by, id, alias).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(shown)
}

/// By name.
pub async fn list(p: &Platform, by: &Member<Viewer>, function: &str) -> Result<Vec<Shown>, Error> {
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function;
    let found = aliases::list(&mut tx, by.tenant, function.id).await?;
    let shown = found.into_iter().map(|alias| Shown {
        url: p.preview_url(&by.slug, &function.name, alias.name.as_str()),
        alias,
    });
    Ok(shown.collect())
}

pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    name: &str,
) -> Result<Shown, Error> {
    let mut tx = by.begin(p).await?;
    let id = find(&mut tx, by, &key(function)?).await?.function.id;
    let alias = named(&mut tx, by, id, name).await?;
    shown(&mut tx, p, by, id, alias).await
}

pub async fn update(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    name: &str,
    patch: Patch,
    revision: i64,
) -> Result<Shown, Error> {
    let mut tx = by.begin(p).await?;
    let id = lock(&mut tx, by, function).await?;
    let before = of_revision(&mut tx, by, id, name, revision).await?;
    if let Some(version) = patch.version {
        check_version(&mut tx, by, id, version).await?;
    }
    let after = Alias {
        version: patch.version.unwrap_or(before.version),
        open: patch.open.unwrap_or(before.open),
        revision: before.revision + 1,
        updated_at: p.clock.now(),
        ..before.clone()
    };
    aliases::update(&mut tx, by.tenant, id, &after).await?;
    record(
        &mut tx,
        p,
        by,
        id,
        "alias.updated",
        Some(&before),
        Some(&after),
    )
    .await?;
    let shown = shown(&mut tx, p, by, id, after).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(shown)
}

pub async fn delete(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    name: &str,
    revision: i64,
) -> Result<(), Error> {
    let mut tx = by.begin(p).await?;
    let id = lock(&mut tx, by, function).await?;
    let before = of_revision(&mut tx, by, id, name, revision).await?;
    let routes = routes::to_alias(&mut tx, by.tenant, id, &before.name).await?;
    refuse_in_use("alias", &routes)?;
    aliases::delete(&mut tx, by.tenant, id, &before.name).await?;
    record(&mut tx, p, by, id, "alias.deleted", Some(&before), None).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(())
}

/// `name` is an alias or `v12`, a version that workers have: one that is live, was live before, or has
/// an alias.
pub async fn link(
    p: &Platform,
    by: &Member<Developer>,
    function: &str,
    name: &str,
    lasts: Option<Duration>,
) -> Result<Link, Error> {
    let lasts = lasts.unwrap_or(DEFAULT_LINK);
    if !(Duration::MINUTE..=MAX_LINK).contains(&lasts) {
        let detail = format!("use 60 to {} seconds", MAX_LINK.whole_seconds());
        return Err(Invalid::new("expires_in_seconds", detail).into());
    }
    let mut tx = by.begin(p).await?;
    let found = find(&mut tx, by, &key(function)?).await?;
    let id = found.function.id;
    let name = match version_number(name) {
        Some(number) if serving::is_served(&mut tx, by.tenant, id, number).await? => {
            name.to_owned()
        }
        Some(number) => {
            let detail = format!("version {number} is not on the workers; give it an alias first");
            return Err(Error::Conflict(detail));
        }
        None => named(&mut tx, by, id, name).await?.name.to_string(),
    };
    let (token, expires_at) = preview_token(p, id, lasts)?;
    let url = p.preview_url(&by.slug, &found.function.name, &name);
    let change = Change {
        action: "preview.linked",
        subject: id.to_string(),
        before: Value::Null,
        after: json!({ "name": name, "expires_at": expires_at.unix_timestamp() }),
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(Link {
        url: format!("{url}?atoll-preview={token}"),
        token,
        expires_at,
    })
}

async fn check_version(
    tx: &mut Connection,
    by: &Member<Developer>,
    function: FunctionId,
    number: i32,
) -> Result<(), Error> {
    let version = versions::find(tx, by.tenant, function, number).await?;
    let refused = |detail: String| {
        let mut problems = Problems::default();
        problems.push("version", detail);
        Err(problems.into())
    };
    match version.map(|version| version.state) {
        Some(VersionState::Ready) => Ok(()),
        Some(VersionState::Compiling) => refused(format!("version {number} still compiles")),
        Some(VersionState::Failed) => refused(format!("version {number} failed to compile")),
        None => refused(format!("the function has no version {number}")),
    }
}

async fn named<R>(
    tx: &mut Connection,
    by: &Member<R>,
    function: FunctionId,
    name: &str,
) -> Result<Alias, Error> {
    let not_found = || Error::NotFound("alias");
    let name = AliasName::parse(name).map_err(|_| not_found())?;
    let found = aliases::find(tx, by.tenant, function, &name).await?;
    found.ok_or_else(not_found)
}

/// The function's row is locked, and with it its aliases.
async fn of_revision(
    tx: &mut Connection,
    by: &Member<Developer>,
    function: FunctionId,
    name: &str,
    revision: i64,
) -> Result<Alias, Error> {
    let alias = named(tx, by, function, name).await?;
    if alias.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(alias)
}

async fn shown<R>(
    tx: &mut Connection,
    p: &Platform,
    by: &Member<R>,
    function: FunctionId,
    alias: Alias,
) -> Result<Shown, Error> {
    let function = find(tx, by, &key(&function.to_string())?).await?.function;
    Ok(Shown {
        url: p.preview_url(&by.slug, &function.name, alias.name.as_str()),
        alias,
    })
}

async fn record(
    tx: &mut Connection,
    p: &Platform,
    by: &Member<Developer>,
    function: FunctionId,
    action: &'static str,
    before: Option<&Alias>,
    after: Option<&Alias>,
) -> Result<(), Error> {
    let told = |alias: &Alias| json!({ "alias": alias.name, "version": alias.version, "open": alias.open });
    let change = Change {
        action,
        subject: function.to_string(),
        before: before.map(told).into(),
        after: after.map(told).into(),
    };
    audit::record(tx, p, by, change).await
}
