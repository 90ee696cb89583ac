//! Access as a value: a verb takes `&Member<Role>`, and only [`member`] makes one.

use std::{marker::PhantomData, net::IpAddr, sync::Arc};

use domain::{Role, Scope, SessionId, TenantId, TenantSlug, UserId};
use store::{
    Author, Tx,
    access_tokens::AccessToken,
    functions,
    members::{self, Seat},
    tenants,
};

use crate::{Error, Platform, audit::By, functions::key};

/// Where a request came from, for the audit and the log.
#[derive(Clone, Debug)]
pub struct Origin {
    pub address: Option<IpAddr>,
    pub request_id: String,
}

/// What only this crate can make, and so whoever holds one came through its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Proof;

/// Who calls. Made by [`crate::sessions::authenticate`] and [`crate::access_tokens::authenticate`] alone.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Absent for a tenant's token, which is nobody's in particular.
    pub user: Option<UserId>,
    pub credential: Credential,
    /// May prove itself an operator: by a session, or by a token of the scope `platform:admin`.
    pub operator: bool,
    pub origin: Origin,
    pub(crate) _proof: Proof,
}

/// What the caller presented.
#[derive(Clone, Debug)]
pub enum Credential {
    Session(SessionId),
    Token(Arc<AccessToken>),
}

impl Actor {
    pub fn session(&self) -> Option<SessionId> {
        match self.credential {
            Credential::Session(session) => Some(session),
            Credential::Token(_) => None,
        }
    }

    pub fn token(&self) -> Option<&AccessToken> {
        match &self.credential {
            Credential::Session(_) => None,
            Credential::Token(token) => Some(token),
        }
    }

    /// The person, by session or by a token of his own.
    pub fn person(&self) -> Result<UserId, Error> {
        self.user.ok_or(Error::PersonOnly)
    }

    /// Of what only somebody who has signed in may do.
    pub fn signed_in(&self) -> Result<(UserId, SessionId), Error> {
        let session = self.session().ok_or(Error::SessionOnly)?;
        Ok((self.person()?, session))
    }

    /// Whether it may be used for this at all, whatever the role allows.
    pub fn check_scope(&self, scope: Scope) -> Result<(), Error> {
        let grants = |token: &AccessToken| token.scopes.iter().any(|own| own.includes(scope));
        match self.token() {
            Some(token) if !grants(token) => Err(Error::OutOfScope(scope)),
            _ => Ok(()),
        }
    }

    pub(crate) fn author(&self) -> Author {
        Author {
            user: self.user,
            token: self.token().map(|token| token.id),
        }
    }
}

/// A role as a type.
pub trait AtLeast: Send + Sync {
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
    /// A transaction inside the tenant, for this member.
    pub(crate) async fn begin(&self, p: &Platform) -> Result<Tx, Error> {
        Ok(p.db.tenant(self.tenant, self.actor.user).await?)
    }

    /// The proof of more, where the role is enough for it.
    pub fn at_least<S: AtLeast>(&self) -> Option<Member<S>> {
        self.role.includes(S::ROLE).then(|| Member {
            tenant: self.tenant,
            slug: self.slug.clone(),
            role: self.role,
            actor: self.actor.clone(),
            _role: PhantomData,
        })
    }

    /// The same proof, for verbs that ask for less: every role that a proof can be of may view.
    pub fn as_viewer(&self) -> Member<Viewer> {
        self.lowered()
    }

    fn lowered<L>(&self) -> Member<L> {
        Member {
            tenant: self.tenant,
            slug: self.slug.clone(),
            role: self.role,
            actor: self.actor.clone(),
            _role: PhantomData,
        }
    }
}

impl Member<Admin> {
    pub fn as_developer(&self) -> Member<Developer> {
        self.lowered()
    }
}

/// Proof that somebody runs the platform.
#[derive(Clone, Debug)]
pub struct Operator {
    /// Absent at the machine itself.
    actor: Option<Actor>,
    _proof: Proof,
}

impl Operator {
    pub(crate) fn by(&self) -> By<'_> {
        self.actor.as_ref().map_or(By::PLATFORM, By::from)
    }

    pub(crate) fn user(&self) -> Option<UserId> {
        self.actor.as_ref()?.user
    }
}

/// What a request wants to act upon.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// A slug or a `ten_…` id.
    pub tenant: &'a str,
    /// A name or an `fn_…` id, where the request is about one function.
    pub function: Option<&'a str>,
}

/// An outsider is told that the tenant is not found.
pub async fn member<R: AtLeast>(
    p: &Platform,
    actor: &Actor,
    wanted: Wanted<'_>,
) -> Result<Member<R>, Error> {
    let member = seated(p, actor, wanted.tenant).await?;
    check_function(p, &member, wanted.function).await?;
    Ok(member)
}

/// As [`member`], for what belongs to no function.
pub(crate) async fn seated<R: AtLeast>(
    p: &Platform,
    actor: &Actor,
    tenant: &str,
) -> Result<Member<R>, Error> {
    let of_token = actor
        .token()
        .and_then(|token| Some((token.tenant?, token.role?)));
    let seat = match (of_token, actor.user) {
        (Some((own, role)), _) => seat_of_token(p, own, role, tenant).await?,
        (None, Some(user)) => seat_of_user(p, user, tenant).await?,
        (None, None) => None,
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

async fn seat_of_user(p: &Platform, user: UserId, tenant: &str) -> Result<Option<Seat>, Error> {
    let mut tx = p.db.user(user).await?;
    // No slug has the underscore of an id.
    Ok(
        match (tenant.parse::<TenantId>(), TenantSlug::parse(tenant)) {
            (Ok(id), _) => members::find(&mut tx, id, user).await?,
            (_, Ok(slug)) => members::find_by_slug(&mut tx, &slug, user, p.clock.now()).await?,
            _ => None,
        },
    )
}

/// A tenant's token has a seat in that tenant, whoever made it.
async fn seat_of_token(
    p: &Platform,
    own: TenantId,
    role: Role,
    wanted: &str,
) -> Result<Option<Seat>, Error> {
    let mut tx = p.db.tenant(own, None).await?;
    let Some(tenant) = tenants::find(&mut tx, own).await? else {
        return Ok(None);
    };
    let is_wanted = match TenantSlug::parse(wanted) {
        Ok(slug) if slug == tenant.slug => true,
        Ok(slug) => tenants::leads_to(&mut tx, own, &slug, p.clock.now()).await?,
        Err(_) => wanted.parse() == Ok(own),
    };
    Ok(is_wanted.then_some(Seat {
        tenant: own,
        slug: tenant.slug,
        state: tenant.state,
        role,
    }))
}

/// A token that is limited to some functions is good for nothing else, and does not learn what else
/// there is.
async fn check_function<R>(
    p: &Platform,
    member: &Member<R>,
    wanted: Option<&str>,
) -> Result<(), Error> {
    let token = member.actor.token();
    let Some(limited_to) = token.and_then(|token| token.functions.as_deref()) else {
        return Ok(());
    };
    let Some(key) = wanted.and_then(|wanted| key(wanted).ok()) else {
        return Err(Error::OtherFunction);
    };
    let mut tx = member.begin(p).await?;
    let found = functions::find(&mut tx, member.tenant, &key).await?;
    match found {
        Some(found) if limited_to.contains(&found.function.id) => Ok(()),
        _ => Err(Error::OtherFunction),
    }
}

/// Proof that `actor` owns the tenant, be it deleted or not: good for undoing that alone.
#[derive(Clone, Debug)]
pub struct Restorer {
    pub tenant: TenantId,
    pub slug: TenantSlug,
    pub actor: Actor,
    _proof: Proof,
}

/// A tenant that is deleted is there for its owners alone.
pub async fn restorer(p: &Platform, actor: &Actor, wanted: Wanted<'_>) -> Result<Restorer, Error> {
    let tenant = wanted.tenant;
    if actor.token().is_some_and(|token| token.functions.is_some()) {
        return Err(Error::OtherFunction);
    }
    let seat = match actor.user {
        Some(user) => {
            let (id, slug) = (tenant.parse().ok(), TenantSlug::parse(tenant).ok());
            let mut tx = p.db.user(user).await?;
            members::find_owner(&mut tx, id, slug.as_ref(), user).await?
        }
        None => None,
    };
    let Some(seat) = seat else {
        // Whoever is no owner is told what he is told of any tenant.
        let owner = seated::<Owner>(p, actor, tenant).await?;
        return Ok(Restorer {
            tenant: owner.tenant,
            slug: owner.slug,
            actor: owner.actor,
            _proof: Proof,
        });
    };
    Ok(Restorer {
        tenant: seat.tenant,
        slug: seat.slug,
        actor: actor.clone(),
        _proof: Proof,
    })
}

/// To everybody else there is nothing.
pub fn operator(actor: &Actor) -> Result<Operator, Error> {
    if !actor.operator {
        return Err(Error::NotFound("page"));
    }
    Ok(Operator {
        actor: Some(actor.clone()),
        _proof: Proof,
    })
}

/// For `atoll admin` alone, and banned elsewhere by a lint: whoever can read the configuration with the
/// database's URL and the platform's key can do all of it anyway. The audit tells such a change as the platform's.
pub fn at_the_machine() -> Operator {
    Operator {
        actor: None,
        _proof: Proof,
    }
}
