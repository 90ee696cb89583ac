//! Tenants: made by anybody who is signed in, seen by their members alone.

use domain::{
    Role, TenantId, TenantSlug, UserId,
    name::display_name,
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{Tx, domains, members, serving, tenants, tenants::Tenant, users};

use crate::{
    Actor, Admin, Error, Member, Owner, Platform, Viewer, access,
    audit::{self, By, Change},
};

/// Of one person; a slug stays taken when its tenant is deleted.
const MAX_OWNED: i64 = 20;

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

/// `revision` is the one the caller read; `PreconditionFailed` where it is no longer.
pub async fn rename(
    p: &Platform,
    by: &Member<Admin>,
    name: String,
    revision: i64,
) -> Result<Tenant, Error> {
    let name = display_name("name", &name)?;
    let mut tx = by.begin(p).await?;
    let before = lock(&mut tx, by.tenant, revision).await?;
    let after = tenants::rename(&mut tx, by.tenant, &name, p.clock.now()).await?;
    let change = Change {
        action: "tenant.renamed",
        subject: by.tenant.to_string(),
        before: json!({ "name": before.name }),
        after: json!({ "name": after.name }),
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(after)
}

/// Its functions stop answering at once; the slug stays taken, its domains are free for others.
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
