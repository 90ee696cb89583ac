//! Host names that tenants bring: proven by a TXT record, then served with the tenant's routes.
//!
//! Several tenants may ask for a name, and one at most serves it: the one whose record is there.

mod check;
mod judgement;

use domain::{
    DomainId, DomainName, Invalid, TenantId, TenantSlug, Timestamp,
    domain_name::DomainState,
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{
    Connection,
    domains::{self, Domain},
    routes, serving,
};
use time::Duration;

use crate::{
    Admin, Error, Member, Platform, Viewer,
    audit::{self, By, Change},
    routes::{begin, refuse_in_use},
};

pub(crate) use check::keep_checking;

/// Of one tenant.
const MAX_DOMAINS: i64 = 20;
/// From a domain's creation to the first look that nobody asks for.
const FIRST_LOOK: Duration = Duration::minutes(1);

/// A domain, and the records that its DNS should have.
#[derive(Clone, Debug)]
pub struct Shown {
    pub domain: Domain,
    /// The value of its TXT record.
    pub proof: String,
    /// Where it should point.
    pub target: String,
    /// When a domain whose proof is gone is served no longer.
    pub served_until: Option<Timestamp>,
}

pub async fn create(p: &Platform, by: &Member<Admin>, name: DomainName) -> Result<Shown, Error> {
    refuse_our_own(p, &name)?;
    let mut tx = begin(p, by).await?;
    if domains::count(&mut tx, by.tenant).await? >= MAX_DOMAINS {
        let detail = format!("the tenant has {MAX_DOMAINS} domains, the most there may be");
        return Err(Error::Conflict(detail));
    }
    let now = p.clock.now();
    let domain = Domain {
        id: DomainId::generate(),
        tenant: by.tenant,
        slug: by.slug.clone(),
        name,
        state: DomainState::Pending,
        problem: None,
        seen: Vec::new(),
        points_here: None,
        misses: 0,
        last_checked_at: None,
        next_check_at: now + FIRST_LOOK,
        verified_at: None,
        failing_since: None,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    domains::insert(&mut tx, &domain).await?;
    let by_whom = By::from(&by.actor);
    record(&mut tx, p, by_whom, "domain.created", None, Some(&domain)).await?;
    tx.commit().await?;
    Ok(shown(p, domain))
}

/// By name.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    page: &PageRequest,
) -> Result<Page<Shown>, Error> {
    let limit = page.limit();
    let after = page.cursor.as_deref().map(DomainName::parse).transpose();
    let after = after.map_err(|problem| problem.at("cursor"))?;
    let mut tx = by.begin(p).await?;
    let found = domains::list(&mut tx, by.tenant, after.as_ref(), limit as i64 + 1).await?;
    let page = Page::cut(found, limit, |domain| domain.name.to_string());
    Ok(page.map(|domain| shown(p, domain)))
}

pub async fn get(p: &Platform, by: &Member<Viewer>, name: &str) -> Result<Shown, Error> {
    let name = key(name)?;
    let mut tx = by.begin(p).await?;
    let found = domains::find(&mut tx, by.tenant, &name).await?;
    let found = found.ok_or(Error::NotFound("domain"))?;
    Ok(shown(p, found))
}

/// Looks for the proof now.
pub async fn verify(p: &Platform, by: &Member<Admin>, name: &str) -> Result<Shown, Error> {
    let name = key(name)?;
    let checked = check::check(p, by.tenant, &name, By::from(&by.actor)).await?;
    let domain = checked.ok_or(Error::NotFound("domain"))?;
    Ok(shown(p, domain))
}

/// It is served no longer as soon as the workers have heard of it.
pub async fn delete(
    p: &Platform,
    by: &Member<Admin>,
    name: &str,
    revision: i64,
) -> Result<(), Error> {
    let name = key(name)?;
    let mut tx = begin(p, by).await?;
    let before = domains::lock(&mut tx, by.tenant, &name).await?;
    let before = before.ok_or(Error::NotFound("domain"))?;
    if before.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    refuse_in_use("domain", &routes::of_host(&mut tx, by.tenant, &name).await?)?;
    domains::delete(&mut tx, by.tenant, &name).await?;
    let by_whom = By::from(&by.actor);
    record(&mut tx, p, by_whom, "domain.deleted", Some(&before), None).await?;
    if before.state.is_served() {
        serving::bump(&mut tx, by.tenant).await?;
    }
    tx.commit().await?;
    Ok(())
}

/// What no domain can be called is not found, rather than malformed.
fn key(name: &str) -> Result<DomainName, Error> {
    DomainName::parse(name).map_err(|_| Error::NotFound("domain"))
}

/// Names that lead to the platform itself: a tenant who served one could speak for all of it.
fn refuse_our_own(p: &Platform, name: &DomainName) -> Result<(), Error> {
    let console = p.config.public_url.host_str();
    let own = [console, p.config.domains_target.as_deref()];
    let own = own
        .into_iter()
        .flatten()
        .chain([p.config.apps_domain.as_str()]);
    match own.into_iter().find(|own| name.is_within(own)) {
        Some(own) => {
            let detail = format!("`{own}` and the names below it are the platform's own");
            Err(Invalid::new("name", detail).into())
        }
        None => Ok(()),
    }
}

fn shown(p: &Platform, domain: Domain) -> Shown {
    Shown {
        proof: proof(p, domain.tenant, &domain.name),
        target: target(p, &domain.slug),
        served_until: domain.failing_since.map(|since| since + judgement::GRACE),
        domain,
    }
}

/// Nobody can guess it, and it is the same whenever this tenant adds this name.
fn proof(p: &Platform, tenant: TenantId, name: &DomainName) -> String {
    let key = p.config.keys.derive("domain proof");
    let mut hasher = blake3::Hasher::new_keyed(&key);
    hasher.update(tenant.uuid().as_bytes());
    hasher.update(name.as_str().as_bytes());
    let hash = hasher.finalize();
    format!("atoll-verification={}", hex::encode(&hash.as_bytes()[..20]))
}

fn target(p: &Platform, slug: &TenantSlug) -> String {
    match &p.config.domains_target {
        Some(target) => target.clone(),
        None => format!("{slug}.{}", p.config.apps_domain),
    }
}

async fn record(
    tx: &mut Connection,
    p: &Platform,
    by: By<'_>,
    action: &'static str,
    before: Option<&Domain>,
    after: Option<&Domain>,
) -> Result<(), Error> {
    let Some(of) = before.or(after) else {
        return Ok(());
    };
    let told = |domain: &Domain| json!({ "name": domain.name, "state": domain.state, "problem": domain.problem });
    let change = Change {
        action,
        subject: of.id.to_string(),
        before: before.map(told).map_or(Value::Null, Value::from),
        after: after.map(told).map_or(Value::Null, Value::from),
    };
    audit::record_by(tx, p, Some(of.tenant), by, change).await
}
