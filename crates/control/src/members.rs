//! Members of a tenant: who they are, what they may do, and how they go. A tenant always has an owner.

use domain::{
    Role, UserId,
    page::{Page, PageRequest},
};
use serde_json::{Value, json};
use store::{
    Tx,
    members::{self, Membership},
    tenants,
};

use crate::{
    Admin, Error, Member, Platform, Viewer,
    audit::{self, Change},
};

pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    page: &PageRequest,
) -> Result<Page<Membership>, Error> {
    let cursor = page.cursor.as_deref().map(str::parse::<UserId>);
    let after = cursor.transpose().map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let found = members::list(&mut tx, by.tenant, after, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |member| member.user.to_string()))
}

pub async fn get(p: &Platform, by: &Member<Viewer>, user: UserId) -> Result<Membership, Error> {
    let mut tx = by.begin(p).await?;
    let found = members::of(&mut tx, by.tenant, user).await?;
    found.ok_or(Error::NotFound("member"))
}

/// Only an owner makes owners, and makes them something else.
pub async fn set_role(
    p: &Platform,
    by: &Member<Admin>,
    user: UserId,
    role: Role,
    revision: i64,
) -> Result<Membership, Error> {
    let mut tx = by.begin(p).await?;
    let before = lock(&mut tx, by, user, revision).await?;
    if role == Role::Owner && by.role != Role::Owner {
        return Err(Error::Forbidden("owner"));
    }
    if role != Role::Owner {
        may_end(&mut tx, by, &before).await?;
    }
    members::set_role(&mut tx, by.tenant, user, role).await?;
    let change = Change {
        action: "member.changed",
        subject: user.to_string(),
        before: json!({ "role": before.role }),
        after: json!({ "role": role }),
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(Membership {
        role,
        revision: before.revision + 1,
        ..before
    })
}

/// Everybody may leave; it takes an admin to remove somebody else, and an owner to remove an owner.
pub async fn remove(
    p: &Platform,
    by: &Member<Viewer>,
    user: UserId,
    revision: i64,
) -> Result<(), Error> {
    let leaves = by.actor.user == Some(user);
    if !leaves && !by.role.includes(Role::Admin) {
        return Err(Error::Forbidden("admin"));
    }
    let mut tx = by.begin(p).await?;
    let before = lock(&mut tx, by, user, revision).await?;
    may_end(&mut tx, by, &before).await?;
    members::delete(&mut tx, by.tenant, user).await?;
    let change = Change {
        action: if leaves {
            "member.left"
        } else {
            "member.removed"
        },
        subject: user.to_string(),
        before: json!({ "email": before.email, "role": before.role }),
        after: Value::Null,
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether this one need not stay what it is. The tenant's row is locked.
async fn may_end<R>(tx: &mut Tx, by: &Member<R>, seat: &Membership) -> Result<(), Error> {
    if seat.role != Role::Owner {
        return Ok(());
    }
    if by.role != Role::Owner {
        return Err(Error::Forbidden("owner"));
    }
    if members::count_owners(tx, by.tenant).await? > 1 {
        return Ok(());
    }
    let detail =
        "the tenant has no other owner; make somebody else one first, or delete the tenant";
    Err(Error::Conflict(detail.to_owned()))
}

/// By way of the tenant's row: of two owners who leave at the same moment one has to wait, and then
/// is the last.
async fn lock<R>(
    tx: &mut Tx,
    by: &Member<R>,
    user: UserId,
    revision: i64,
) -> Result<Membership, Error> {
    tenants::lock(tx, by.tenant).await?;
    let seat = members::of(tx, by.tenant, user).await?;
    let seat = seat.ok_or(Error::NotFound("member"))?;
    if seat.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    Ok(seat)
}
