//! Signing in and out. A session's secret is random, opaque, and stored as its hash.

use domain::{
    SessionId, Timestamp,
    page::{Page, PageRequest},
    user::{Email, Password},
};
use serde_json::{Value, json};
use store::{
    Tx, attempts, invitations, registrations, resets, sessions, sessions::Session, users,
    users::User,
};
use time::Duration;

use crate::{
    Actor, Error, Origin, Platform,
    access::{self, Credential},
    audit::{self, By, Change},
    backoff,
    tokens::{self, Token},
};

pub use store::sessions::Listed;

/// However busy, a session ends after this long.
const LIFETIME: Duration = Duration::days(30);
/// One that nobody used for this long is taken for forgotten.
const IDLE: Duration = Duration::days(14);
/// How exact the time of the last use is: a request should not cost a write.
const USED_EVERY: Duration = Duration::minutes(1);

/// What a sign-in gives: the secret is told once, as a cookie or as the API's access token.
pub struct SignedIn {
    pub secret: String,
    pub expires_at: Timestamp,
    pub session: SessionId,
    pub user: User,
}

/// Backs off per address and per account; an unknown account takes as long as a wrong password.
pub async fn sign_in(
    p: &Platform,
    email: &Email,
    password: &Password,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    let mut tx = p.db.nobody().await?;
    backoff::charge(&mut tx, email, origin, p.clock.now()).await?;
    let account = users::find_with_password(&mut tx, email).await?;
    // No connection is held while the password is hashed, and the charge stands whatever happens.
    tx.commit().await?;

    let stored = account.as_ref().and_then(|(_, hash)| hash.as_deref());
    let right = p.hashing.verify(password, stored).await?;
    let (true, Some((user, Some(hash)))) = (right, account) else {
        return Err(Error::WrongCredentials);
    };

    let mut tx = p.db.nobody().await?;
    // A reset that was spent meanwhile has ended the sessions of the old password, this one too.
    if !users::password_stays(&mut tx, user.id, &hash).await? {
        return Err(Error::WrongCredentials);
    }
    backoff::forgive(&mut tx, email, origin).await?;
    let signed_in = begin(p, &mut tx, user, origin).await?;
    tx.commit().await?;
    Ok(signed_in)
}

pub async fn authenticate(p: &Platform, secret: &str, origin: Origin) -> Result<Actor, Error> {
    let now = p.clock.now();
    let mut tx = p.db.nobody().await?;
    let session = sessions::find_live(&mut tx, &tokens::hash(secret), now, now - IDLE)
        .await?
        .ok_or(Error::Unauthenticated)?;
    if now - session.used_at >= USED_EVERY {
        sessions::touch(&mut tx, session.id, now).await?;
        tx.commit().await?;
    }
    Ok(Actor {
        user: Some(session.user),
        credential: Credential::Session(session.id),
        operator: session.operator,
        origin,
        _proof: access::Proof,
    })
}

pub async fn sign_out(p: &Platform, actor: &Actor) -> Result<(), Error> {
    let (_, session) = actor.signed_in()?;
    let mut tx = p.db.nobody().await?;
    sessions::end(&mut tx, session, p.clock.now()).await?;
    let change = Change {
        action: "session.ended",
        subject: session.to_string(),
        before: Value::Null,
        after: Value::Null,
    };
    audit::record_by(&mut tx, p, None, By::from(actor), change).await?;
    tx.commit().await?;
    Ok(())
}

/// Where the caller is signed in, newest first.
pub async fn list(p: &Platform, by: &Actor, page: &PageRequest) -> Result<Page<Listed>, Error> {
    let (user, _) = by.signed_in()?;
    let cursor = page.cursor.as_deref().map(str::parse::<SessionId>);
    let before = cursor.transpose().map_err(|problem| problem.at("cursor"))?;
    let (now, limit) = (p.clock.now(), page.limit());
    let mut tx = p.db.nobody().await?;
    let found =
        sessions::list_live(&mut tx, user, now, now - IDLE, before, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |session| session.id.to_string()))
}

/// Signs the caller out somewhere else, or here.
pub async fn end(p: &Platform, by: &Actor, session: SessionId) -> Result<(), Error> {
    let (user, _) = by.signed_in()?;
    let mut tx = p.db.nobody().await?;
    if !sessions::end_of(&mut tx, user, session, p.clock.now()).await? {
        return Err(Error::NotFound("session"));
    }
    let change = Change {
        action: "session.ended",
        subject: session.to_string(),
        before: Value::Null,
        after: Value::Null,
    };
    audit::record_by(&mut tx, p, None, By::from(by), change).await?;
    tx.commit().await?;
    Ok(())
}

/// The signed-in user's own row.
pub async fn me(p: &Platform, actor: &Actor) -> Result<User, Error> {
    let mut tx = p.db.nobody().await?;
    users::find(&mut tx, actor.person()?)
        .await?
        .ok_or(Error::Unauthenticated)
}

/// A new session of somebody who just proved who they are.
pub(crate) async fn begin(
    p: &Platform,
    tx: &mut Tx,
    user: User,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    let now = p.clock.now();
    let token = Token::generate();
    let session = Session {
        id: SessionId::generate(),
        user: user.id,
        created_at: now,
        used_at: now,
        expires_at: now + LIFETIME,
    };
    sessions::insert(tx, &session, &token.hash, origin.address).await?;
    let change = Change {
        action: "session.created",
        subject: session.id.to_string(),
        before: Value::Null,
        after: json!({ "expires_at": session.expires_at.unix_timestamp() }),
    };
    let by = By::newcomer(user.id, session.id, origin);
    audit::record_by(tx, p, None, by, change).await?;
    Ok(SignedIn {
        secret: token.text,
        expires_at: session.expires_at,
        session: session.id,
        user,
    })
}

/// Forgets what has run out: sessions, links and counted failures.
pub(crate) async fn sweep(p: &Platform) -> Result<(), Error> {
    let now = p.clock.now();
    let mut tx = p.db.platform().await?;
    sessions::sweep(&mut tx, now).await?;
    resets::sweep(&mut tx, now).await?;
    registrations::sweep(&mut tx, now).await?;
    invitations::sweep(&mut tx, now).await?;
    attempts::sweep(&mut tx, now - backoff::FORGOTTEN_AFTER).await?;
    tx.commit().await?;
    Ok(())
}
