//! Secrets: told once, then read by guests alone. A new value makes new versions of those that have
//! the old one, from what is deployed, so that a rollback still finds what it was made with.

use domain::{
    ConfigName, Problems, SecretId,
    configuration::{MAX_SECRET_BYTES, SecretReference},
    sealed::Place,
};
use serde_json::{Value, json};
use store::{
    Tx,
    secrets::{self, Secret},
    serving,
};
use zeroize::Zeroizing;

use crate::{
    Error, Member, Platform, Viewer,
    audit::{self, Change},
    configuration::{Followed, Held, Holder},
    functions::{find, key},
    vault,
};

/// `function` is a name or an id; absent for the tenant's own. By name.
pub async fn list(
    p: &Platform,
    by: &Member<Viewer>,
    function: Option<&str>,
) -> Result<Vec<Secret>, Error> {
    let mut tx = by.begin(p).await?;
    let function = match function {
        Some(function) => Some(find(&mut tx, by, &key(function)?).await?.function.id),
        None => None,
    };
    Ok(secrets::list(&mut tx, by.tenant, function).await?)
}

pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: Option<&str>,
    name: &str,
) -> Result<Secret, Error> {
    let found = list(p, by, function).await?;
    let named = found
        .into_iter()
        .find(|secret| secret.name.as_str() == name);
    named.ok_or(Error::NotFound("secret"))
}

pub async fn create(
    p: &Platform,
    holder: Holder<'_>,
    name: ConfigName,
    value: Zeroizing<String>,
    deploy: bool,
) -> Result<(Secret, Vec<Followed>), Error> {
    check(&value)?;
    let now = p.clock.now();
    let (mut tx, held) = holder.begin(p).await?;
    let secret = Secret {
        id: SecretId::generate(),
        function: held.function,
        name,
        number: 1,
        revision: 1,
        created_at: now,
        updated_at: now,
    };
    secrets::insert(&mut tx, held.tenant(), &secret).await?;
    let mut problems = Problems::default();
    held.check_names(&mut tx, &mut problems).await?;
    problems.into_result()?;
    keep(&mut tx, p, &held, secret.reference(), &value).await?;
    let followed = finish(tx, p, &held, "secret.created", &secret, deploy).await?;
    Ok((secret, followed))
}

/// Gives it a new value.
pub async fn rotate(
    p: &Platform,
    holder: Holder<'_>,
    name: &str,
    value: Zeroizing<String>,
    deploy: bool,
) -> Result<(Secret, Vec<Followed>), Error> {
    check(&value)?;
    let (mut tx, held) = holder.begin(p).await?;
    let mut secret = named(&mut tx, &held, name).await?;
    secret.number += 1;
    secret.revision += 1;
    secret.updated_at = p.clock.now();
    secrets::update(&mut tx, held.tenant(), &secret).await?;
    keep(&mut tx, p, &held, secret.reference(), &value).await?;
    let followed = finish(tx, p, &held, "secret.rotated", &secret, deploy).await?;
    Ok((secret, followed))
}

/// No new version gets it. Its values go once no version has them.
pub async fn delete(
    p: &Platform,
    holder: Holder<'_>,
    name: &str,
    deploy: bool,
    revision: i64,
) -> Result<Vec<Followed>, Error> {
    let (mut tx, held) = holder.begin(p).await?;
    let secret = named(&mut tx, &held, name).await?;
    if secret.revision != revision {
        return Err(Error::PreconditionFailed);
    }
    secrets::mark_deleted(&mut tx, held.tenant(), secret.id, p.clock.now()).await?;
    finish(tx, p, &held, "secret.deleted", &secret, deploy).await
}

fn check(value: &str) -> Result<(), Error> {
    let mut problems = Problems::default();
    let seen = value.len();
    if seen == 0 || seen > MAX_SECRET_BYTES {
        let detail = format!("use 1 to {MAX_SECRET_BYTES} bytes, these are {seen}");
        problems.push("value", detail);
    }
    Ok(problems.into_result()?)
}

async fn named(tx: &mut Tx, held: &Held, name: &str) -> Result<Secret, Error> {
    // What no secret can be called is not found, rather than malformed.
    let name: ConfigName = name.parse().map_err(|_| Error::NotFound("secret"))?;
    let secret = secrets::lock(tx, held.tenant(), held.function, &name).await?;
    secret.ok_or(Error::NotFound("secret"))
}

async fn keep(
    tx: &mut Tx,
    p: &Platform,
    held: &Held,
    of: SecretReference,
    value: &str,
) -> Result<(), Error> {
    let place = Place::secret(held.tenant(), of.secret, of.number);
    let sealed = vault::seal(tx, p, held.tenant(), &place, value.as_bytes()).await?;
    let author = held.by.actor.author();
    secrets::insert_value(tx, held.tenant(), of, &sealed, author, p.clock.now()).await?;
    Ok(())
}

/// The audit's word, the versions that follow, and the end of the transaction.
async fn finish(
    mut tx: Tx,
    p: &Platform,
    held: &Held,
    action: &'static str,
    secret: &Secret,
    deploy: bool,
) -> Result<Vec<Followed>, Error> {
    let told = json!({ "name": secret.name, "number": secret.number, "of": held.subject() });
    let (before, after) = match action {
        "secret.deleted" => (told, Value::Null),
        _ => (Value::Null, told),
    };
    let change = Change {
        action,
        subject: secret.id.to_string(),
        before,
        after,
    };
    audit::record(&mut tx, p, &held.by, change).await?;
    let message = format!("{}: {}", action.replace('.', " "), secret.name);
    let followed = held.follow(&mut tx, p, deploy, &message).await?;
    serving::bump(&mut tx, held.tenant()).await?;
    tx.commit().await?;
    Ok(followed)
}
