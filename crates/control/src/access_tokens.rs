//! Access tokens: what programs present in the place of a session. A person's does what he may do now,
//! a tenant's what it was given; both only within their scopes.

use std::{collections::BTreeSet, sync::Arc};

use domain::{
    FunctionId, Problems, Role, Scope, TenantId, TokenId, UserId,
    name::display_name,
    page::{Page, PageRequest},
    token::{TokenKind, TokenText},
};
use serde_json::{Value, json};
use store::{
    Tx,
    access_tokens::{self, AccessToken, Holder, Rotation},
    users,
};
use time::Duration;

use crate::{
    Actor, Admin, Error, Member, Origin, Platform,
    access::{Credential, Proof},
    audit::{self, By, Change},
    functions, quotas, tokens,
};

/// How exact the time of the last use is: a request should not cost a write.
const USED_EVERY: Duration = Duration::minutes(1);
const DEFAULT_LIFETIME_DAYS: i32 = 90;
const MAX_LIFETIME_DAYS: i32 = 366;
const DEFAULT_OVERLAP: Duration = Duration::hours(24);
const MAX_OVERLAP: Duration = Duration::days(7);
/// Live tokens that a person may have. How many a tenant may, its plan says.
const MAX_TOKENS: i64 = 100;
const MAX_FUNCTIONS: usize = 50;

/// What is asked of a new token.
#[derive(Clone, Debug)]
pub struct NewToken {
    pub name: String,
    pub scopes: Vec<String>,
    /// Names or ids that it is limited to; all if absent.
    pub functions: Option<Vec<String>>,
    pub expires_in_days: Option<i32>,
}

/// A token with its secret, which is told this once.
#[derive(Clone, Debug)]
pub struct Told {
    pub token: AccessToken,
    pub secret: TokenText,
}

/// `Unauthenticated` for one that is malformed, unknown, expired or revoked: which, is nobody's affair.
pub async fn authenticate(p: &Platform, secret: &str, origin: Origin) -> Result<Actor, Error> {
    let secret: TokenText = secret.parse().map_err(|_| Error::Unauthenticated)?;
    let now = p.clock.now();
    let hash = tokens::hash(secret.as_str());
    let mut tx = p.db.nobody().await?;
    let found = access_tokens::find_live(&mut tx, &hash, now, now - USED_EVERY, origin.address);
    let token = found.await?.ok_or(Error::Unauthenticated)?;
    let operator = is_operators(&mut tx, &token).await?;
    tx.commit().await?;
    Ok(Actor {
        user: token.owner,
        credential: Credential::Token(Arc::new(token)),
        operator,
        origin,
        _proof: Proof,
    })
}

/// What concerns all tenants takes the scope that says so, on a token of somebody who is an operator now.
/// One of a tenant, or limited to some functions, is good for nothing beyond them.
async fn is_operators(tx: &mut Tx, token: &AccessToken) -> Result<bool, Error> {
    let (Some(owner), None) = (token.owner, &token.functions) else {
        return Ok(false);
    };
    if !token.scopes.contains(&Scope::PlatformAdmin) {
        return Ok(false);
    }
    let owner = users::find(tx, owner).await?;
    Ok(owner.is_some_and(|owner| owner.operator))
}

/// The caller's own personal tokens, newest first.
pub async fn list_own(
    p: &Platform,
    by: &Actor,
    page: &PageRequest,
) -> Result<Page<AccessToken>, Error> {
    let (user, _) = by.signed_in()?;
    let mut tx = p.db.user(user).await?;
    list(&mut tx, Holder::User(user), page).await
}

/// A personal token may do what its owner may, in every tenant where he may it at that time.
pub async fn create_own(p: &Platform, by: &Actor, new: NewToken) -> Result<Told, Error> {
    let (user, _) = by.signed_in()?;
    let mut problems = Problems::default();
    let wanted = check(&new, &mut problems);
    let functions = functions_by_id(new.functions.as_deref(), &mut problems);
    problems.into_result()?;
    let mut tx = p.db.user(user).await?;
    // One after the other, so that the limit holds.
    users::lock(&mut tx, user).await?;
    if access_tokens::count(&mut tx, Holder::User(user)).await? >= MAX_TOKENS {
        let detail =
            format!("there are {MAX_TOKENS} tokens, the most there may be; revoke one first");
        return Err(Error::Conflict(detail));
    }
    let told = make(p, &mut tx, Whose::Person(user), wanted, functions).await?;
    record(&mut tx, p, None, by, "token.created", &told.token).await?;
    tx.commit().await?;
    Ok(told)
}

pub async fn rotate_own(
    p: &Platform,
    by: &Actor,
    token: TokenId,
    overlap: Option<Duration>,
) -> Result<Told, Error> {
    let (user, _) = by.signed_in()?;
    let mut tx = p.db.user(user).await?;
    let told = rotate(p, &mut tx, Holder::User(user), token, overlap).await?;
    record(&mut tx, p, None, by, "token.rotated", &told.token).await?;
    tx.commit().await?;
    Ok(told)
}

pub async fn revoke_own(p: &Platform, by: &Actor, token: TokenId) -> Result<(), Error> {
    let (user, _) = by.signed_in()?;
    let mut tx = p.db.user(user).await?;
    let revoked = revoke(p, &mut tx, Holder::User(user), token).await?;
    record(&mut tx, p, None, by, "token.revoked", &revoked).await?;
    tx.commit().await?;
    Ok(())
}

/// The tenant's tokens, newest first.
pub async fn list_of_tenant(
    p: &Platform,
    by: &Member<Admin>,
    page: &PageRequest,
) -> Result<Page<AccessToken>, Error> {
    let mut tx = by.begin(p).await?;
    list(&mut tx, Holder::Tenant(by.tenant), page).await
}

/// A tenant's token has a role of its own, never above its maker's, and no scope that a token which
/// makes it has not.
pub async fn create_of_tenant(
    p: &Platform,
    by: &Member<Admin>,
    new: NewToken,
    role: Role,
) -> Result<Told, Error> {
    let mut problems = Problems::default();
    let wanted = check(&new, &mut problems);
    if role == Role::Billing {
        problems.push(
            "role",
            "a token has the role viewer, developer, admin or owner",
        );
    } else if !by.role.includes(role) {
        problems.push("role", "a token cannot have a higher role than its maker");
    }
    problems.into_result()?;
    for &scope in &wanted.scopes {
        by.actor.check_scope(scope)?;
    }
    let mut tx = by.begin(p).await?;
    let functions = functions_of_tenant(&mut tx, by, new.functions.as_deref()).await?;
    let room = quotas::hold(&mut tx, by.tenant).await?;
    let (limit, there) = (room.plan.quotas.access_tokens, room.usage.access_tokens);
    quotas::check("access_tokens", limit.into(), there, 1)?;
    let whose = Whose::Tenant {
        tenant: by.tenant,
        role,
        created_by: by.actor.user,
    };
    let told = make(p, &mut tx, whose, wanted, functions).await?;
    record(
        &mut tx,
        p,
        Some(by.tenant),
        &by.actor,
        "token.created",
        &told.token,
    )
    .await?;
    tx.commit().await?;
    Ok(told)
}

pub async fn rotate_of_tenant(
    p: &Platform,
    by: &Member<Admin>,
    token: TokenId,
    overlap: Option<Duration>,
) -> Result<Told, Error> {
    let mut tx = by.begin(p).await?;
    let told = rotate(p, &mut tx, Holder::Tenant(by.tenant), token, overlap).await?;
    // Whoever gets its new secret may do what it may.
    not_above(by, &told.token)?;
    record(
        &mut tx,
        p,
        Some(by.tenant),
        &by.actor,
        "token.rotated",
        &told.token,
    )
    .await?;
    tx.commit().await?;
    Ok(told)
}

pub async fn revoke_of_tenant(
    p: &Platform,
    by: &Member<Admin>,
    token: TokenId,
) -> Result<(), Error> {
    let mut tx = by.begin(p).await?;
    let revoked = revoke(p, &mut tx, Holder::Tenant(by.tenant), token).await?;
    record(
        &mut tx,
        p,
        Some(by.tenant),
        &by.actor,
        "token.revoked",
        &revoked,
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Whoever finds a token may end it, and can do nothing better with it.
pub async fn revoke_self(p: &Platform, by: &Actor) -> Result<(), Error> {
    let token = by.token().ok_or(Error::NotFound("token"))?;
    let (mut tx, holder) = match (token.tenant, token.owner) {
        (Some(tenant), _) => (p.db.tenant(tenant, None).await?, Holder::Tenant(tenant)),
        (None, Some(owner)) => (p.db.user(owner).await?, Holder::User(owner)),
        (None, None) => return Err(Error::NotFound("token")),
    };
    revoke(p, &mut tx, holder, token.id).await?;
    record(&mut tx, p, token.tenant, by, "token.revoked", token).await?;
    tx.commit().await?;
    Ok(())
}

fn not_above(by: &Member<Admin>, token: &AccessToken) -> Result<(), Error> {
    if token.role.is_some_and(|role| !by.role.includes(role)) {
        return Err(Error::Forbidden("owner"));
    }
    token
        .scopes
        .iter()
        .try_for_each(|&scope| by.actor.check_scope(scope))
}

struct Checked {
    name: String,
    scopes: Vec<Scope>,
    lifetime_days: i32,
}

fn check(new: &NewToken, problems: &mut Problems) -> Checked {
    let name = problems.keep("name", display_name("name", &new.name));
    let mut scopes = BTreeSet::new();
    for (index, scope) in new.scopes.iter().enumerate() {
        scopes.extend(problems.keep(&format!("scopes[{index}]"), scope.parse::<Scope>()));
    }
    if new.scopes.is_empty() {
        problems.push("scopes", "name at least one");
    }
    let lifetime_days = new.expires_in_days.unwrap_or(DEFAULT_LIFETIME_DAYS);
    if !(1..=MAX_LIFETIME_DAYS).contains(&lifetime_days) {
        let detail = format!("use 1 to {MAX_LIFETIME_DAYS} days, this is {lifetime_days}");
        problems.push("expires_in_days", detail);
    }
    if new
        .functions
        .as_ref()
        .is_some_and(|functions| !(1..=MAX_FUNCTIONS).contains(&functions.len()))
    {
        let detail = format!("name 1 to {MAX_FUNCTIONS}, or leave it out for all");
        problems.push("functions", detail);
    }
    Checked {
        name: name.unwrap_or_default(),
        scopes: scopes.into_iter().collect(),
        lifetime_days,
    }
}

/// Of a personal token, which belongs to no one tenant: one that its owner cannot see grants nothing.
fn functions_by_id(named: Option<&[String]>, problems: &mut Problems) -> Option<Vec<FunctionId>> {
    let ids = named?.iter().enumerate().filter_map(|(index, id)| {
        problems.keep(&format!("functions[{index}]"), id.parse::<FunctionId>())
    });
    let ids: BTreeSet<_> = ids.collect();
    Some(ids.into_iter().collect())
}

async fn functions_of_tenant(
    tx: &mut Tx,
    by: &Member<Admin>,
    named: Option<&[String]>,
) -> Result<Option<Vec<FunctionId>>, Error> {
    let own = by.actor.token().and_then(|token| token.functions.clone());
    let Some(named) = named else {
        return Ok(own);
    };
    let mut ids = BTreeSet::new();
    let mut problems = Problems::default();
    for (index, function) in named.iter().enumerate() {
        let found = match functions::key(function) {
            Ok(key) => functions::find(tx, by, &key).await,
            Err(error) => Err(error),
        };
        match found {
            Ok(found) => {
                ids.insert(found.function.id);
            }
            Err(Error::NotFound(_)) => {
                let detail = format!("no function is called {function:?}");
                problems.push(format!("functions[{index}]"), detail);
            }
            Err(error) => return Err(error),
        }
    }
    problems.into_result()?;
    Ok(Some(ids.into_iter().collect()))
}

enum Whose {
    Person(UserId),
    Tenant {
        tenant: TenantId,
        role: Role,
        created_by: Option<UserId>,
    },
}

async fn make(
    p: &Platform,
    tx: &mut Tx,
    whose: Whose,
    wanted: Checked,
    functions: Option<Vec<FunctionId>>,
) -> Result<Told, Error> {
    let (holder, kind, role, created_by) = match whose {
        Whose::Person(user) => (Holder::User(user), TokenKind::Personal, None, Some(user)),
        Whose::Tenant {
            tenant,
            role,
            created_by,
        } => {
            let holder = Holder::Tenant(tenant);
            (holder, TokenKind::Tenant, Some(role), created_by)
        }
    };
    let (owner, tenant) = holder.parts();
    let now = p.clock.now();
    let secret = generate(kind);
    let token = AccessToken {
        id: TokenId::generate(),
        kind,
        tenant,
        owner,
        name: wanted.name,
        role,
        scopes: wanted.scopes,
        functions,
        hint: secret.hint().to_owned(),
        lifetime_days: wanted.lifetime_days,
        created_at: now,
        rotated_at: None,
        previous_until: None,
        expires_at: now + Duration::days(wanted.lifetime_days.into()),
        used_at: None,
        used_from: None,
    };
    access_tokens::insert(tx, &token, &tokens::hash(secret.as_str()), created_by).await?;
    Ok(Told { token, secret })
}

fn generate(kind: TokenKind) -> TokenText {
    TokenText::new(kind, std::array::from_fn(|_| rand::random_range(0..62)))
}

async fn list(tx: &mut Tx, holder: Holder, page: &PageRequest) -> Result<Page<AccessToken>, Error> {
    let cursor = page
        .cursor
        .as_deref()
        .map(str::parse::<TokenId>)
        .transpose();
    let before = cursor.map_err(|problem| problem.at("cursor"))?;
    let limit = page.limit();
    let found = access_tokens::list(tx, holder, before, limit as i64 + 1).await?;
    Ok(Page::cut(found, limit, |token| token.id.to_string()))
}

async fn rotate(
    p: &Platform,
    tx: &mut Tx,
    holder: Holder,
    id: TokenId,
    overlap: Option<Duration>,
) -> Result<Told, Error> {
    let overlap = overlap.unwrap_or(DEFAULT_OVERLAP);
    if !(Duration::ZERO..=MAX_OVERLAP).contains(&overlap) {
        let detail = format!("use 0 to {} seconds", MAX_OVERLAP.whole_seconds());
        let mut problems = Problems::default();
        problems.push("overlap_seconds", detail);
        problems.into_result()?;
    }
    let now = p.clock.now();
    let mut token = live(tx, holder, id).await?;
    if token.expires_at <= now {
        return Err(Error::Conflict(
            "the token has expired; make another".to_owned(),
        ));
    }
    let secret = generate(token.kind);
    let rotation = Rotation {
        secret_hash: &tokens::hash(secret.as_str()),
        hint: secret.hint(),
        now,
        // The old secret never lives longer than it would have.
        previous_until: token.expires_at.min(now + overlap),
        expires_at: now + Duration::days(token.lifetime_days.into()),
    };
    access_tokens::rotate(tx, id, rotation).await?;
    token.hint = rotation.hint.to_owned();
    token.rotated_at = Some(now);
    token.previous_until = Some(rotation.previous_until);
    token.expires_at = rotation.expires_at;
    Ok(Told { token, secret })
}

async fn revoke(
    p: &Platform,
    tx: &mut Tx,
    holder: Holder,
    id: TokenId,
) -> Result<AccessToken, Error> {
    let token = live(tx, holder, id).await?;
    access_tokens::revoke(tx, id, p.clock.now()).await?;
    Ok(token)
}

async fn live(tx: &mut Tx, holder: Holder, id: TokenId) -> Result<AccessToken, Error> {
    let token = access_tokens::lock(tx, holder, id).await?;
    token.ok_or(Error::NotFound("token"))
}

async fn record(
    tx: &mut Tx,
    p: &Platform,
    tenant: Option<TenantId>,
    by: &Actor,
    action: &'static str,
    token: &AccessToken,
) -> Result<(), Error> {
    let told = json!({
        "name": token.name,
        "kind": token.kind,
        "role": token.role,
        "scopes": token.scopes,
        "functions": token.functions,
        "hint": token.hint,
    });
    let (before, after) = match action {
        "token.revoked" => (told, Value::Null),
        _ => (Value::Null, told),
    };
    let change = Change {
        action,
        subject: token.id.to_string(),
        before,
        after,
    };
    audit::record_by(tx, p, tenant, By::from(by), change).await
}
