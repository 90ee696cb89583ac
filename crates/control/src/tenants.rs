//! Tenants: made by anybody who is signed in, seen by their members alone.

use domain::{
    Role, TenantId, TenantSlug, Timestamp, UserId,
    name::display_name,
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{Tx, domains, members, serving, tenants, tenants::Tenant, users};
use time::Duration;

use crate::{
    Actor, Admin, Error, Member, Owner, Platform, Viewer,
    access::{self, Restorer},
    audit::{self, By, Change},
};

/// Of one person; a slug stays taken when its tenant is deleted.
const MAX_OWNED: i64 = 20;
/// For so long a tenant that was deleted can be restored. Then its rows go.
pub const RESTORABLE_FOR: Duration = Duration::days(30);
/// Within [`RENAMES_WITHIN`]: each takes a slug from everybody else for good.
const MAX_RENAMES: i64 = 3;
const RENAMES_WITHIN: Duration = Duration::days(30);
const PURGED_AT_A_TIME: i64 = 100;

/// The creator becomes its owner.
pub async fn create(
    p: &Platform,
    by: &Actor,
    slug: TenantSlug,
    name: String,
) -> Result<Tenant, Error> {
    let name = display_name("name", &name)?;
    let (user, _) = by.signed_in()?;
    let id = TenantId::generate();
    let mut tx = p.db.tenant(id, Some(user)).await?;
    // One after the other, so that the limit holds.
    users::lock(&mut tx, user).await?;
    if !by.operator && members::count_owned(&mut tx, user).await? >= MAX_OWNED {
        let detail =
            format!("you own {MAX_OWNED} tenants, deleted ones counted, the most there may be");
        return Err(Error::Conflict(detail));
    }
    let tenant = insert(p, &mut tx, id, user, &slug, &name, By::from(by)).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// The actor's tenants, with the role in each, by slug.
pub async fn list(
    p: &Platform,
    by: &Actor,
    page: &PageRequest,
) -> Result<Page<(Tenant, Role)>, Error> {
    let cursor = page.cursor.as_deref().map(TenantSlug::parse).transpose();
    let after = cursor.map_err(|problem| problem.at("cursor"))?;
    let one_more = i64::try_from(page.limit() + 1).expect("a page is small");
    if let Some(own) = by.token().and_then(|token| token.tenant) {
        let member = access::seated::<Viewer>(p, by, &own.to_string()).await?;
        let tenant = get(p, &member).await?;
        return Ok(Page::cut(vec![(tenant, member.role)], 1, |_| String::new()));
    }
    let user = by.person()?;
    let mut tx = p.db.user(user).await?;
    let rows = tenants::list_of(&mut tx, user, after.as_ref(), one_more).await?;
    Ok(Page::cut(rows, page.limit(), |(tenant, _)| {
        tenant.slug.to_string()
    }))
}

pub async fn get(p: &Platform, by: &Member<Viewer>) -> Result<Tenant, Error> {
    let mut tx = by.begin(p).await?;
    tenants::find(&mut tx, by.tenant)
        .await?
        .ok_or(Error::NotFound("tenant"))
}

/// What is to be changed; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct Patch {
    pub name: Option<String>,
    /// Takes an owner: its URLs change with it. The old ones lead to the new ones for 30 days, and the old
    /// slug is nobody else's ever after.
    pub slug: Option<TenantSlug>,
}

/// `revision` is the one the caller read; `PreconditionFailed` where it is no longer.
pub async fn update(
    p: &Platform,
    by: &Member<Admin>,
    patch: Patch,
    revision: i64,
) -> Result<Tenant, Error> {
    let name = patch.name.map(|name| display_name("name", &name));
    let name = name.transpose()?;
    if patch.slug.is_some() && by.role != Role::Owner {
        return Err(Error::Forbidden("owner"));
    }
    let now = p.clock.now();
    let mut tx = by.begin(p).await?;
    let before = lock(&mut tx, by.tenant, revision).await?;
    let name = name.unwrap_or_else(|| before.name.clone());
    let slug = patch.slug.unwrap_or_else(|| before.slug.clone());
    let (renamed, moved) = (name != before.name, slug != before.slug);
    if !renamed && !moved {
        return Ok(before);
    }
    if moved {
        check_renames(&mut tx, by.tenant, now).await?;
    }
    let after = tenants::set_names(&mut tx, by.tenant, &slug, &name, now).await?;
    if renamed {
        let change = Change {
            action: "tenant.renamed",
            subject: by.tenant.to_string(),
            before: json!({ "name": before.name }),
            after: json!({ "name": after.name }),
        };
        audit::record(&mut tx, p, by, change).await?;
    }
    if moved {
        let change = Change {
            action: MOVED,
            subject: by.tenant.to_string(),
            before: json!({ "slug": before.slug }),
            after: json!({ "slug": after.slug }),
        };
        audit::record(&mut tx, p, by, change).await?;
        serving::bump(&mut tx, by.tenant).await?;
    }
    tx.commit().await?;
    Ok(after)
}

const MOVED: &str = "tenant.slug_changed";

async fn check_renames(tx: &mut Tx, tenant: TenantId, now: Timestamp) -> Result<(), Error> {
    let since = now - RENAMES_WITHIN;
    if store::audit::count_since(tx, tenant, MOVED, since).await? < MAX_RENAMES {
        return Ok(());
    }
    let days = RENAMES_WITHIN.whole_days();
    let detail = format!(
        "the slug was changed {MAX_RENAMES} times within {days} days, the most there may be; change it later"
    );
    Err(Error::Conflict(detail))
}

/// Its functions stop answering at once. It can be restored for a while; the slug stays taken for good.
pub async fn delete(p: &Platform, by: &Member<Owner>, revision: i64) -> Result<(), Error> {
    let mut tx = by.begin(p).await?;
    let before = lock(&mut tx, by.tenant, revision).await?;
    tenants::mark_deleted(&mut tx, by.tenant, p.clock.now()).await?;
    domains::release(&mut tx, by.tenant, p.clock.now()).await?;
    let change = Change {
        action: "tenant.deleted",
        subject: by.tenant.to_string(),
        before: json!({ "slug": before.slug, "name": before.name }),
        after: Value::Null,
    };
    audit::record(&mut tx, p, by, change).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(())
}

/// When a tenant that was deleted goes for good.
pub fn purge_at(tenant: &Tenant) -> Option<Timestamp> {
    tenant.deleted_at.map(|at| at + RESTORABLE_FOR)
}

/// As it was before it was deleted: its functions answer again, unless it was suspended.
pub async fn restore(p: &Platform, by: &Restorer) -> Result<Tenant, Error> {
    let now = p.clock.now();
    let mut tx = p.db.tenant(by.tenant, by.actor.user).await?;
    let restored = tenants::restore(&mut tx, by.tenant, now - RESTORABLE_FOR, now).await?;
    let Some(tenant) = restored else {
        let detail = match tenants::find(&mut tx, by.tenant).await? {
            Some(_) => "the tenant is not deleted",
            None => "the tenant was deleted too long ago to be restored",
        };
        return Err(Error::Conflict(detail.to_owned()));
    };
    let change = Change {
        action: "tenant.restored",
        subject: by.tenant.to_string(),
        before: Value::Null,
        after: json!({ "slug": tenant.slug, "name": tenant.name, "state": tenant.state }),
    };
    audit::record_by(&mut tx, p, Some(by.tenant), By::from(&by.actor), change).await?;
    serving::bump(&mut tx, by.tenant).await?;
    tx.commit().await?;
    Ok(tenant)
}

/// Ends what cannot be restored any more, and redirects whose time is over. What only a tenant that goes had
/// uploaded is an orphan then, and swept as such; its invocations and log lines go with their days.
pub(crate) async fn sweep(p: &Platform) -> Result<u64, Error> {
    let now = p.clock.now();
    let mut tx = p.db.platform().await?;
    for tenant in tenants::end_redirects(&mut tx, now).await? {
        serving::bump(&mut tx, tenant).await?;
    }
    tx.commit().await?;

    let mut tx = p.db.platform().await?;
    let before = now - RESTORABLE_FOR;
    let gone = tenants::purgeable(&mut tx, before, PURGED_AT_A_TIME).await?;
    drop(tx);
    let mut purged = 0;
    for tenant in gone {
        // One at a time: a large one should not hold up the others, nor its rows for long.
        let mut tx = p.db.platform().await?;
        let Some(slug) = tenants::purge(&mut tx, tenant, before).await? else {
            continue;
        };
        let change = Change {
            action: "tenant.purged",
            subject: tenant.to_string(),
            before: json!({ "slug": slug }),
            after: Value::Null,
        };
        audit::record_by(&mut tx, p, None, By::PLATFORM, change).await?;
        tx.commit().await?;
        purged += 1;
    }
    Ok(purged)
}

/// The new tenant, its owner's seat, and the audit's word of it.
pub(crate) async fn insert(
    p: &Platform,
    tx: &mut Tx,
    id: TenantId,
    owner: UserId,
    slug: &TenantSlug,
    name: &str,
    by: By<'_>,
) -> Result<Tenant, Error> {
    let now = p.clock.now();
    let tenant = tenants::insert(tx, id, slug, name, now).await?;
    members::insert(tx, id, owner, Role::Owner, now).await?;
    let change = Change {
        action: "tenant.created",
        subject: id.to_string(),
        before: Value::Null,
        after: json!({ "slug": slug, "name": name, "owner": owner }),
    };
    audit::record_by(tx, p, Some(id), by, change).await?;
    Ok(tenant)
}

async fn lock(tx: &mut Tx, tenant: TenantId, revision: i64) -> Result<Tenant, Error> {
    let tenant = tenants::lock(tx, tenant)
        .await?
        .ok_or(Error::NotFound("tenant"))?;
    if tenant.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(tenant)
}
