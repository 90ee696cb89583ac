//! First start: the operator's account and the first tenant, by a one-time link.

use domain::{
    Problems, TenantId, TenantSlug, UserId,
    name::display_name,
    user::{Email, Password},
};
use serde_json::{Value, json};
use store::{Tx, setup_tokens, users, users::User};
use time::Duration;

use crate::{
    Error, Origin, Platform,
    audit::{self, By, Change},
    sessions::{self, SignedIn},
    tenants,
    tokens::{self, Token},
};

/// A link that was printed and forgotten should not stay a way in. A restart prints a new one.
const VALID_FOR: Duration = Duration::days(7);

pub struct FirstAccount {
    pub email: Email,
    pub name: String,
    pub password: Password,
    pub tenant_slug: TenantSlug,
    pub tenant_name: String,
}

/// Whether an operator exists.
pub async fn is_done(p: &Platform) -> Result<bool, Error> {
    let mut tx = p.db.platform().await?;
    Ok(users::operator_exists(&mut tx).await?)
}

/// A fresh link `<public url>/setup?token=…`, voiding earlier ones; `None` once set up.
pub async fn link(p: &Platform) -> Result<Option<String>, Error> {
    let mut tx = p.db.platform().await?;
    setup_tokens::lock(&mut tx).await?;
    if users::operator_exists(&mut tx).await? {
        return Ok(None);
    }
    let now = p.clock.now();
    let token = Token::generate();
    setup_tokens::replace(&mut tx, &token.hash, now, now + VALID_FOR).await?;
    tx.commit().await?;
    Ok(Some(p.one_time_link("/setup", &token)))
}

pub async fn token_is_open(p: &Platform, token: &str) -> Result<bool, Error> {
    let mut tx = p.db.platform().await?;
    Ok(setup_tokens::is_open(&mut tx, &tokens::hash(token), p.clock.now()).await?)
}

/// Creates the account and the tenant and spends the token, all or nothing.
pub async fn complete(
    p: &Platform,
    token: &str,
    first: FirstAccount,
    origin: &Origin,
) -> Result<SignedIn, Error> {
    // Asked before the hash is made, which not everybody should have for nothing.
    if !token_is_open(p, token).await? {
        return Err(Error::NotFound("set-up link"));
    }
    let mut problems = Problems::default();
    let name = problems.keep("name", display_name("name", &first.name));
    let tenant_name = problems.keep(
        "tenant_name",
        display_name("tenant_name", &first.tenant_name),
    );
    problems.keep("password", first.password.check());
    let (Some(name), Some(tenant_name), true) = (name, tenant_name, problems.0.is_empty()) else {
        return Err(problems.into());
    };
    let hash = p.hashing.hash(&first.password).await?;

    let mut tx = p.db.platform().await?;
    setup_tokens::lock(&mut tx).await?;
    if !setup_tokens::is_open(&mut tx, &tokens::hash(token), p.clock.now()).await? {
        return Err(Error::NotFound("set-up link"));
    }
    setup_tokens::delete_all(&mut tx).await?;
    let user = insert_operator(p, &mut tx, first.email, name, &hash).await?;
    let signed_in = sessions::begin(p, &mut tx, user, origin).await?;
    let owner = signed_in.user.id;
    let by = By::newcomer(owner, signed_in.session, origin);
    let tenant = TenantId::generate();
    tenants::insert(
        p,
        &mut tx,
        tenant,
        owner,
        &first.tenant_slug,
        &tenant_name,
        by,
    )
    .await?;
    tx.commit().await?;
    Ok(signed_in)
}

/// `ATOLL_ADMIN_EMAIL` and `ATOLL_ADMIN_PASSWORD`: creates the operator if there is none.
pub async fn create_operator(
    p: &Platform,
    email: &Email,
    password: &Password,
) -> Result<(), Error> {
    password.check()?;
    if is_done(p).await? {
        return Ok(());
    }
    let hash = p.hashing.hash(password).await?;
    let mut tx = p.db.platform().await?;
    setup_tokens::lock(&mut tx).await?;
    // Another API server may have been quicker.
    if users::operator_exists(&mut tx).await? {
        return Ok(());
    }
    let name = email.as_str().to_owned();
    setup_tokens::delete_all(&mut tx).await?;
    insert_operator(p, &mut tx, email.clone(), name, &hash).await?;
    tx.commit().await?;
    Ok(())
}

async fn insert_operator(
    p: &Platform,
    tx: &mut Tx,
    email: Email,
    name: String,
    password_hash: &str,
) -> Result<User, Error> {
    let user = User {
        id: UserId::generate(),
        email,
        name,
        operator: true,
        revision: 1,
        created_at: p.clock.now(),
    };
    users::insert(tx, &user, password_hash).await?;
    let change = Change {
        action: "user.created",
        subject: user.id.to_string(),
        before: Value::Null,
        after: json!({ "email": user.email, "operator": true }),
    };
    audit::record_by(tx, p, None, By::PLATFORM, change).await?;
    Ok(user)
}
