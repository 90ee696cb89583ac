//! Access as a value: a verb takes `&Member<Role>`, and only [`member`] makes one.

use std::{marker::PhantomData, net::IpAddr};

use domain::{Role, SessionId, TenantId, TenantSlug, UserId};
use store::members;

use crate::{Error, Platform};

/// Where a request came from, for the audit and the log.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub request_id: String,
}

/// What only this crate can make, and so whoever holds one came through its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof;

/// Somebody who is signed in. Made by [`crate::sessions::authenticate`] alone.
#[derive(Clone, Debug)]
pub struct Actor {
    pub user: UserId,
    pub session: SessionId,
    pub operator: bool,
    pub origin: Origin,
    pub(crate) _proof: Proof,
}

/// A role as a type.
pub trait AtLeast {
    const ROLE: Role;
    const NAME: &'static str;
}

macro_rules! roles {
    ($($name:ident $text:literal),*) => {$(
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl AtLeast for $name {
            const ROLE: Role = Role::$name;
            const NAME: &'static str = $text;
        }
    )*};
}
roles!(Viewer "viewer", Developer "developer", Admin "admin", Owner "owner");

/// Proof that `actor` holds at least the role `R` in `tenant`.
#[derive(Clone, Debug)]
pub struct Member<R> {
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub role: Role,
    pub actor: Actor,
    _role: PhantomData<R>,
}

impl<R> Member<R> {
    /// The same proof, for verbs that ask for less: every role that a proof can be of may view.
    pub fn as_viewer(&self) -> Member<Viewer> {
        Member {
            tenant: self.tenant,
            slug: self.slug.clone(),
            role: self.role,
            actor: self.actor.clone(),
            _role: PhantomData,
        }
    }
}

/// Proof that `actor` runs the platform.
#[derive(Clone, Debug)]
pub struct Operator {
    pub actor: Actor,
    _proof: Proof,
}

/// `tenant` is a slug or a `ten_…` id. An outsider is told that it is not found.
pub async fn member<R: AtLeast>(
    platform: &Platform,
    actor: &Actor,
    tenant: &str,
) -> Result<Member<R>, Error> {
    let mut tx = platform.db.user(actor.user).await?;
    // No slug has the underscore of an id.
    let seat = match (tenant.parse::<TenantId>(), TenantSlug::parse(tenant)) {
        (Ok(id), _) => members::find(&mut tx, id, actor.user).await?,
        (_, Ok(slug)) => members::find_by_slug(&mut tx, &slug, actor.user).await?,
        _ => None,
    };
    let seat = seat.ok_or(Error::NotFound("tenant"))?;
    if !seat.role.includes(R::ROLE) {
        return Err(Error::Forbidden(R::NAME));
    }
    Ok(Member {
        tenant: seat.tenant,
        slug: seat.slug,
        role: seat.role,
        actor: actor.clone(),
        _role: PhantomData,
    })
}

pub fn operator(actor: &Actor) -> Result<Operator, Error> {
    if !actor.operator {
        return Err(Error::NotFound("page"));
    }
    Ok(Operator {
        actor: actor.clone(),
        _proof: Proof,
    })
}
