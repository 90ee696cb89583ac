//! Links by which people come into a tenant: made by its admins, used once, by somebody who is signed in or
//! who makes an account with it.
//!
//! A link stands for who made it: it is void once he could not make it any more.

use domain::{
    Invalid, InvitationId, Problems, Role, Timestamp, UserId,
    name::display_name,
    page::{Page, PageRequest},
    user::{Email, Password},
};
use serde_json::{Value, json};
use store::{Tx, invitations, members, tenants, users, users::User};
use time::Duration;

use crate::{
    Actor, Admin, Error, Member, Origin, Platform,
    audit::{self, By, Change},
    backoff, quotas,
    sessions::{self, SignedIn},
    tokens::{self, Token},
};

pub use store::invitations::{Found, Invitation};

pub const DEFAULT_DAYS: u32 = 7;
pub const MAX_DAYS: u32 = 30;
/// Of one tenant, not used yet.
const MAX_OPEN: i64 = 50;
/// Of one tenant in a day, those that were taken back counted: each may be a mail to a stranger.
const MAX_A_DAY: i64 = 100;
/// Where the console shows what a link is for.
const PAGE: &str = "/invitations/accept";

/// What an admin asks for.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    /// The one address that it is to be good for.
    pub email: Option<Email>,
    pub role: Role,
    pub expires_in_days: Option<u32>,
}

/// The link is told this once.
pub struct Told {
    pub invitation: Invitation,
    pub link: String,
    /// Whether it is on its way to the address as well.
    pub mailed: bool,
}

/// An account that is made by a link.
pub struct Newcomer {
    pub name: String,
    pub email: Email,
    pub password: Password,
}

/// Newest first.
pub async fn list(
    p: &Platform,
    by: &Member<Admin>,
    page: &PageRequest,
) -> Result<Page<Invitation>, Error> {
    let cursor = page.cursor.as_deref().map(str::parse::<InvitationId>);
    let before = cursor.transpose().map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let mut tx = by.begin(p).await?;
    let now = p.clock.now();
    let found = invitations::list(&mut tx, by.tenant, before, limit as i64 + 1, now).await?;
    Ok(Page::cut(found, limit, |invitation| {
        invitation.id.to_string()
    }))
}

/// Only an owner invites owners.
pub async fn create(p: &Platform, by: &Member<Admin>, new: NewInvitation) -> Result<Told, Error> {
    let days = new.expires_in_days.unwrap_or(DEFAULT_DAYS);
    if !(1..=MAX_DAYS).contains(&days) {
        let detail = format!("use 1 to {MAX_DAYS} days; this is {days}");
        return Err(Invalid::new("expires_in_days", detail).into());
    }
    if new.role == Role::Owner && by.role != Role::Owner {
        return Err(Error::Forbidden("owner"));
    }
    let now = p.clock.now();
    let mut tx = by.begin(p).await?;
    let tenant = tenants::lock(&mut tx, by.tenant).await?;
    let tenant = tenant.ok_or(Error::NotFound("tenant"))?;
    check_number(&mut tx, by, now).await?;
    if let Some(email) = &new.email {
        refuse_member(&mut tx, by, email).await?;
    }
    let token = Token::generate();
    let invitation = Invitation {
        id: InvitationId::generate(),
        email: new.email,
        role: new.role,
        created_by: by.actor.user,
        created_at: now,
        expires_at: now + Duration::days(days.into()),
    };
    let by_token = by.actor.token().map(|token| token.id);
    invitations::insert(&mut tx, by.tenant, &invitation, &token.hash, by_token).await?;
    let change = Change {
        action: "invitation.created",
        subject: invitation.id.to_string(),
        before: Value::Null,
        after: told(&invitation),
    };
    audit::record(&mut tx, p, by, change).await?;
    let inviter = match by.actor.user {
        Some(user) => users::find(&mut tx, user).await?.map(|user| user.name),
        None => None,
    };
    tx.commit().await?;

    let link = p.one_time_link(PAGE, &token);
    let mailed = p.mail.is_configured() && invitation.email.is_some();
    if let (true, Some(email)) = (mailed, invitation.email.clone()) {
        let text = letter(p, &tenant.name, inviter.as_deref(), &invitation, &link);
        let p = p.clone();
        tokio::spawn(async move {
            let subject = "You are invited to a tenant of Atoll";
            if let Err(error) = p.mail.send(&email, subject, text).await {
                tracing::error!("an invitation could not be mailed: {error:#}");
            }
        });
    }
    Ok(Told {
        invitation,
        link,
        mailed,
    })
}

/// Takes one back that was not used yet, of a higher role too: a link that leaked has to end.
pub async fn revoke(
    p: &Platform,
    by: &Member<Admin>,
    invitation: InvitationId,
) -> Result<(), Error> {
    let mut tx = by.begin(p).await?;
    let deleted = invitations::delete(&mut tx, by.tenant, invitation, p.clock.now()).await?;
    let deleted = deleted.ok_or(Error::NotFound("invitation"))?;
    let change = Change {
        action: "invitation.revoked",
        subject: invitation.to_string(),
        before: told(&deleted),
        after: Value::Null,
    };
    audit::record(&mut tx, p, by, change).await?;
    tx.commit().await?;
    Ok(())
}

/// What the token of a link is for, for whoever has it.
pub async fn look(p: &Platform, token: &str) -> Result<Found, Error> {
    let mut tx = p.db.nobody().await?;
    let found = invitations::find(&mut tx, &tokens::hash(token), p.clock.now()).await?;
    found.ok_or(Error::NotFound("invitation"))
}

/// Seats the caller in the tenant; the link is spent.
pub async fn accept(p: &Platform, by: &Actor, token: &str) -> Result<Found, Error> {
    let (user, _) = by.signed_in()?;
    let found = look(p, token).await?;
    let mut tx = p.db.tenant(found.tenant, Some(user)).await?;
    let invitation = spend(p, &mut tx, &found, token).await?;
    let user = users::find(&mut tx, user).await?;
    let user = user.ok_or(Error::Unauthenticated)?;
    if let Some(email) = invitation
        .email
        .as_ref()
        .filter(|email| **email != user.email)
    {
        let detail = format!(
            "the invitation is for {email} and you are signed in as {}; sign in with that address",
            user.email
        );
        return Err(Error::Conflict(detail));
    }
    if members::of(&mut tx, found.tenant, user.id).await?.is_some() {
        let detail = "you are a member of this tenant already; the invitation was not used";
        return Err(Error::Conflict(detail.to_owned()));
    }
    seat(p, &mut tx, &found, &user, By::from(by)).await?;
    tx.commit().await?;
    Ok(found)
}

/// Makes an account, seats it in the tenant and signs it in, all or nothing. An invitation is good for that
/// where nobody may register by himself, too.
pub async fn register(
    p: &Platform,
    token: &str,
    newcomer: Newcomer,
    origin: &Origin,
) -> Result<(Found, SignedIn), Error> {
    let mut problems = Problems::default();
    let name = problems.keep("name", display_name("name", &newcomer.name));
    problems.keep("password", newcomer.password.check());
    // Asked before the hash is made, which not everybody should have for nothing.
    let found = look(p, token).await?;
    if let Some(email) = found
        .email
        .as_ref()
        .filter(|email| **email != newcomer.email)
    {
        problems.push("email", format!("this invitation is for {email} alone"));
    }
    let (Some(name), true) = (name, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    let now = p.clock.now();
    let mut tx = p.db.nobody().await?;
    backoff::charge_registration(&mut tx, origin, now).await?;
    tx.commit().await?;
    let hash = p.hashing.hash(&newcomer.password).await?;

    let user = User {
        id: UserId::generate(),
        email: newcomer.email,
        name,
        operator: false,
        revision: 1,
        created_at: now,
    };
    let mut tx = p.db.tenant(found.tenant, Some(user.id)).await?;
    spend(p, &mut tx, &found, token).await?;
    let signed_in = newcomer_signs_in(p, &mut tx, user, &hash, origin).await?;
    let by = By::newcomer(signed_in.user.id, signed_in.session, origin);
    seat(p, &mut tx, &found, &signed_in.user, by).await?;
    backoff::forgive_registration(&mut tx, origin).await?;
    tx.commit().await?;
    Ok((found, signed_in))
}

/// A new account, signed in.
pub(crate) async fn newcomer_signs_in(
    p: &Platform,
    tx: &mut Tx,
    user: User,
    password_hash: &str,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    users::insert(tx, &user, password_hash).await?;
    let signed_in = sessions::begin(p, tx, user, origin).await?;
    let user = &signed_in.user;
    let change = Change {
        action: "user.created",
        subject: user.id.to_string(),
        before: Value::Null,
        after: json!({ "email": user.email }),
    };
    let by = By::newcomer(user.id, signed_in.session, origin);
    audit::record_by(tx, p, None, by, change).await?;
    Ok(signed_in)
}

/// By way of the tenant's row, as everything that changes its seats: it may be deleted by now, too.
async fn spend(p: &Platform, tx: &mut Tx, found: &Found, token: &str) -> Result<Invitation, Error> {
    let gone = Error::NotFound("invitation");
    if tenants::lock(tx, found.tenant).await?.is_none() {
        return Err(gone);
    }
    let hash = tokens::hash(token);
    let spent = invitations::spend(tx, found.tenant, &hash, p.clock.now()).await?;
    spent.ok_or(gone)
}

async fn seat(
    p: &Platform,
    tx: &mut Tx,
    found: &Found,
    user: &User,
    by: By<'_>,
) -> Result<(), Error> {
    let room = quotas::hold(tx, found.tenant).await?;
    quotas::check(
        "members",
        room.plan.quotas.members.into(),
        room.usage.members,
        1,
    )?;
    members::insert(tx, found.tenant, user.id, found.role, p.clock.now()).await?;
    let change = Change {
        action: "member.joined",
        subject: user.id.to_string(),
        before: Value::Null,
        after: json!({ "email": user.email, "role": found.role, "invitation": found.id }),
    };
    audit::record_by(tx, p, Some(found.tenant), by, change).await
}

async fn check_number(tx: &mut Tx, by: &Member<Admin>, now: Timestamp) -> Result<(), Error> {
    if invitations::count(tx, by.tenant, now).await? >= MAX_OPEN {
        let detail = format!(
            "the tenant has {MAX_OPEN} invitations that were not used yet, the most there may be; take some back"
        );
        return Err(Error::Conflict(detail));
    }
    let since = now - Duration::days(1);
    let of_late = store::audit::count_since(tx, by.tenant, "invitation.created", since).await?;
    if of_late >= MAX_A_DAY {
        let detail = format!(
            "the tenant made {MAX_A_DAY} invitations within a day, the most there may be; go on tomorrow"
        );
        return Err(Error::Conflict(detail));
    }
    Ok(())
}

async fn refuse_member(tx: &mut Tx, by: &Member<Admin>, email: &Email) -> Result<(), Error> {
    let Some(user) = users::find_by_email(tx, email).await? else {
        return Ok(());
    };
    match members::of(tx, by.tenant, user.id).await? {
        Some(_) => Err(Error::Conflict(format!(
            "{email} is a member of the tenant already"
        ))),
        None => Ok(()),
    }
}

fn told(invitation: &Invitation) -> Value {
    json!({ "email": invitation.email, "role": invitation.role })
}

fn letter(
    p: &Platform,
    tenant: &str,
    inviter: Option<&str>,
    invitation: &Invitation,
    link: &str,
) -> String {
    let inviter = inviter.unwrap_or("Somebody");
    let until = invitation.expires_at.date();
    format!(
        "{inviter} invites you to the tenant \"{tenant}\" on {}.\n\n\
         This link lets you in, once, until {until}:\n\n{link}\n\n\
         If you do not know what this is about, do nothing.\n",
        p.config.public_url
    )
}
