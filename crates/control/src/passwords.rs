//! Links that set a new password, for those who lost theirs: mailed, or printed for the operator.

use domain::{
    UserId,
    user::{Email, Password},
};
use serde_json::Value;
use store::{Tx, resets, sessions as session_rows, users};
use time::Duration;

use crate::{
    Actor, Error, Origin, Platform,
    audit::{self, By, Change},
    backoff,
    sessions::{self, SignedIn},
    tokens::{self, Token},
};

const VALID_FOR: Duration = Duration::hours(1);
/// Mails to one account in the time that a link is valid: more would only be a nuisance.
const OPEN_LINKS: i64 = 3;

/// Mails a link where the account exists and mail is configured. Answers alike whether the account
/// exists or not; `Err(Conflict)` where no mail is configured, naming `atoll admin reset-password`.
pub async fn request_reset(p: &Platform, email: &Email, origin: &Origin) -> Result<(), Error> {
    if !p.mail.is_configured() {
        return Err(Error::Conflict(
            "no mail server is configured here; ask the operator for a link, \
             `atoll admin reset-password` prints one"
                .to_owned(),
        ));
    }
    let mut tx = p.db.nobody().await?;
    backoff::charge_address(&mut tx, origin, p.clock.now()).await?;
    tx.commit().await?;

    // Not waited for: how long it takes would tell whether the account exists.
    let (p, email) = (p.clone(), email.clone());
    tokio::spawn(async move {
        if let Err(error) = mail_link(&p, &email).await {
            tracing::error!("a link to set a new password could not be mailed: {error:#}");
        }
    });
    Ok(())
}

/// For `atoll admin reset-password`: the link itself, valid for an hour, once.
pub async fn issue_reset(p: &Platform, email: &Email) -> Result<String, Error> {
    let mut tx = p.db.nobody().await?;
    let user = users::find_by_email(&mut tx, email)
        .await?
        .ok_or(Error::NotFound("account"))?;
    let link = new_link(p, &mut tx, user.id).await?;
    tx.commit().await?;
    Ok(link)
}

/// Spends the link's token, ends all sessions of the account and signs in.
pub async fn reset(
    p: &Platform,
    token: &str,
    password: &Password,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    password.check()?;
    // Asked before the hash is made, which not everybody should have for nothing.
    if !reset_is_open(p, token).await? {
        return Err(Error::NotFound("link"));
    }
    let hash = p.hashing.hash(password).await?;

    let now = p.clock.now();
    let mut tx = p.db.nobody().await?;
    let user = resets::spend(&mut tx, &tokens::hash(token), now)
        .await?
        .ok_or(Error::NotFound("link"))?;
    users::set_password_hash(&mut tx, user, &hash, now).await?;
    resets::delete_all_of(&mut tx, user).await?;
    session_rows::end_all_of(&mut tx, user, now).await?;
    let user = users::find(&mut tx, user)
        .await?
        .ok_or(Error::NotFound("link"))?;
    backoff::forgive(&mut tx, &user.email, origin).await?;
    let subject = user.id.to_string();
    let signed_in = sessions::begin(p, &mut tx, user, origin).await?;
    let change = Change {
        action: "password.reset",
        subject,
        before: Value::Null,
        after: Value::Null,
    };
    let by = By::newcomer(signed_in.user.id, signed_in.session, origin);
    audit::record_by(&mut tx, p, None, by, change).await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// Sets a new password by the old one; the caller's other sessions end. A wrong guess counts as one of a
/// sign-in does.
pub async fn change(
    p: &Platform,
    by: &Actor,
    current: &Password,
    new: &Password,
) -> Result<(), Error> {
    new.check().map_err(|problem| problem.at("new_password"))?;
    let (user, session) = by.signed_in()?;
    let now = p.clock.now();
    let mut tx = p.db.nobody().await?;
    let user = users::find(&mut tx, user).await?;
    let user = user.ok_or(Error::Unauthenticated)?;
    backoff::charge(&mut tx, &user.email, &by.origin, now).await?;
    let account = users::find_with_password(&mut tx, &user.email).await?;
    tx.commit().await?;

    let stored = account.and_then(|(_, hash)| hash);
    if !p.hashing.verify(current, stored.as_deref()).await? {
        return Err(Error::WrongCredentials);
    }
    let hash = p.hashing.hash(new).await?;

    let mut tx = p.db.nobody().await?;
    // A reset that was spent meanwhile goes before.
    if !users::password_stays(&mut tx, user.id, &stored.unwrap_or_default()).await? {
        return Err(Error::WrongCredentials);
    }
    users::set_password_hash(&mut tx, user.id, &hash, now).await?;
    resets::delete_all_of(&mut tx, user.id).await?;
    session_rows::end_others(&mut tx, user.id, session, now).await?;
    backoff::forgive(&mut tx, &user.email, &by.origin).await?;
    let change = Change {
        action: "password.changed",
        subject: user.id.to_string(),
        before: Value::Null,
        after: Value::Null,
    };
    audit::record_by(&mut tx, p, None, By::from(by), change).await?;
    tx.commit().await?;
    Ok(())
}

/// Whether the token of a reset link still works, for the page that asks for the new password.
pub async fn reset_is_open(p: &Platform, token: &str) -> Result<bool, Error> {
    let mut tx = p.db.nobody().await?;
    let user = resets::find(&mut tx, &tokens::hash(token), p.clock.now()).await?;
    Ok(user.is_some())
}

async fn mail_link(p: &Platform, email: &Email) -> anyhow::Result<()> {
    let mut tx = p.db.nobody().await?;
    let Some(user) = users::find_by_email(&mut tx, email).await? else {
        return Ok(());
    };
    let since = p.clock.now() - VALID_FOR;
    if resets::count_since(&mut tx, user.id, since).await? >= OPEN_LINKS {
        return Ok(());
    }
    let link = new_link(p, &mut tx, user.id).await?;
    tx.commit().await?;
    let text = format!(
        "Somebody, hopefully you, asked to set a new password for {email} on {}.\n\n\
         This link does it, once, within an hour:\n\n{link}\n\n\
         If it was not you, do nothing: the password stays as it is.\n",
        p.config.public_url
    );
    p.mail.send(email, "Set a new password", text).await
}

async fn new_link(p: &Platform, tx: &mut Tx, user: UserId) -> Result<String, Error> {
    let now = p.clock.now();
    let token = Token::generate();
    resets::insert(tx, &token.hash, user, now, now + VALID_FOR).await?;
    Ok(p.one_time_link("/reset-password", &token))
}
