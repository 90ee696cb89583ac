//! Accounts that people make by themselves, where the operator lets them.
//!
//! Where mail can be sent, an account comes to be when its address was confirmed, and no answer before that
//! tells whether the address has one. The link alone does not make it: whoever opens it gives the password
//! again, so that nobody confirms an account whose password a stranger chose.

use std::{fmt, str::FromStr};

use domain::{
    Problems, UserId,
    name::display_name,
    user::{Email, Password},
};
use store::{
    registrations::{self, Registration},
    users::{self, User},
};
use time::Duration;

use crate::{
    Error, Origin, Platform, backoff,
    invitations::{Newcomer, newcomer_signs_in},
    sessions::SignedIn,
    tokens::{self, Token},
};

const VALID_FOR: Duration = Duration::hours(24);
/// Mails to one address in the time that a link is valid.
const OPEN_LINKS: i64 = 3;
/// Where the console asks for the password again.
const PAGE: &str = "/sign-up/confirm";

/// Who may make an account without an invitation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    Open,
    #[default]
    Invite,
}

/// What became of a registration.
pub enum Registered {
    /// There is no mail to confirm an address by: the account is there.
    SignedIn(Box<SignedIn>),
    /// A link may be on its way.
    Mailed,
}

pub async fn register(
    p: &Platform,
    newcomer: Newcomer,
    origin: &Origin,
) -> Result<Registered, Error> {
    check_open(p)?;
    let mut problems = Problems::default();
    let name = problems.keep("name", display_name("name", &newcomer.name));
    problems.keep("password", newcomer.password.check());
    let (Some(name), true) = (name, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    let mut tx = p.db.nobody().await?;
    backoff::charge_registration(&mut tx, origin, p.clock.now()).await?;
    tx.commit().await?;
    let registration = Registration {
        email: newcomer.email,
        name,
        password_hash: p.hashing.hash(&newcomer.password).await?,
    };
    if !p.mail.is_configured() {
        let mut tx = p.db.nobody().await?;
        let hash = registration.password_hash.clone();
        let user = user(p, registration);
        let signed_in = newcomer_signs_in(p, &mut tx, user, &hash, origin).await?;
        tx.commit().await?;
        return Ok(Registered::SignedIn(Box::new(signed_in)));
    }
    // Not waited for: how long it takes would tell whether the account exists.
    let p = p.clone();
    tokio::spawn(async move {
        if let Err(error) = mail_link(&p, registration).await {
            tracing::error!("a link to confirm an address could not be mailed: {error:#}");
        }
    });
    Ok(Registered::Mailed)
}

/// Whose address the token of a link confirms, for the page that asks for the password.
pub async fn look(p: &Platform, token: &str) -> Result<Email, Error> {
    let mut tx = p.db.nobody().await?;
    let found = registrations::find(&mut tx, &tokens::hash(token), p.clock.now()).await?;
    Ok(found.ok_or(Error::NotFound("link"))?.email)
}

/// Makes the account and signs it in. A wrong password counts as one of a sign-in does.
pub async fn confirm(
    p: &Platform,
    token: &str,
    password: &Password,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    check_open(p)?;
    let hash = tokens::hash(token);
    let mut tx = p.db.nobody().await?;
    let found = registrations::find(&mut tx, &hash, p.clock.now()).await?;
    let found = found.ok_or(Error::NotFound("link"))?;
    backoff::charge(&mut tx, &found.email, origin, p.clock.now()).await?;
    tx.commit().await?;
    if !p
        .hashing
        .verify(password, Some(&found.password_hash))
        .await?
    {
        return Err(Error::WrongCredentials);
    }
    let mut tx = p.db.nobody().await?;
    let spent = registrations::spend(&mut tx, &hash, p.clock.now()).await?;
    let spent = spent.ok_or(Error::NotFound("link"))?;
    backoff::forgive(&mut tx, &spent.email, origin).await?;
    let password_hash = spent.password_hash.clone();
    let user = user(p, spent);
    let signed_in = newcomer_signs_in(p, &mut tx, user, &password_hash, origin).await?;
    tx.commit().await?;
    Ok(signed_in)
}

fn check_open(p: &Platform) -> Result<(), Error> {
    match p.config.registration {
        Mode::Open => Ok(()),
        Mode::Invite => Err(Error::Conflict(
            "accounts are made by invitation here; ask a member of a tenant, or the operator, for one"
                .to_owned(),
        )),
    }
}

fn user(p: &Platform, registration: Registration) -> User {
    User {
        id: UserId::generate(),
        email: registration.email,
        name: registration.name,
        operator: false,
        revision: 1,
        created_at: p.clock.now(),
    }
}

async fn mail_link(p: &Platform, registration: Registration) -> anyhow::Result<()> {
    let now = p.clock.now();
    let (email, here) = (registration.email.clone(), &p.config.public_url);
    let mut tx = p.db.nobody().await?;
    if registrations::count(&mut tx, &email, now).await? >= OPEN_LINKS {
        return Ok(());
    }
    let token = Token::generate();
    let exists = users::find_by_email(&mut tx, &email).await?.is_some();
    // Kept for one that exists, too, so that the mails to it are counted; nobody is told its token.
    registrations::insert(&mut tx, &token.hash, &registration, now, now + VALID_FOR).await?;
    tx.commit().await?;
    let (subject, text) = if exists {
        let text = format!(
            "Somebody, hopefully you, wanted to make an account for {email} on {here}. There is one \
             already: sign in with it. If you lost its password, the sign-in page helps.\n\n\
             If it was not you, do nothing.\n"
        );
        ("You have an account already", text)
    } else {
        let link = p.one_time_link(PAGE, &token);
        let text = format!(
            "Somebody, hopefully you, wants to make an account for {email} on {here}.\n\n\
             This link makes it, once, within a day; it asks for the password that was chosen:\n\n{link}\n\n\
             If it was not you, do nothing: there will be no account.\n"
        );
        ("Confirm your address", text)
    };
    p.mail.send(&email, subject, text).await
}

impl FromStr for Mode {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "open" => Ok(Self::Open),
            "invite" => Ok(Self::Invite),
            _ => Err("not `open` or `invite`"),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Invite => "invite",
        })
    }
}
