//! Where secrets rest: under a key of their tenant, which rests under the platform's (envelope
//! encryption). Deleting a tenant's key makes unreadable whatever copies of its secrets there are.
//!
//! A rotation makes a new serving key, and of each tenant a new one; a job for each tenant then seals
//! anew what rests under older ones, and the sweep deletes keys that nothing is sealed by.
//!
//! For workers each is sealed apart, under a serving key that they are told when they join.

use domain::{
    TenantId,
    sealed::{Place, SealingKey, ServingKey},
};
use serde_json::{Value, json};
use store::{
    Connection,
    jobs::{self, Kind},
    keys::{self, TenantKey},
    secrets::SealedValue,
};
use zeroize::Zeroizing;

use crate::{
    Error, Keys, Operator, Platform,
    audit::{self, Change},
};

const FIRST: i32 = 1;

/// Seals a value for the database and for workers, under the newest keys.
pub(crate) async fn seal(
    tx: &mut Connection,
    p: &Platform,
    tenant: TenantId,
    place: &Place,
    plain: &[u8],
) -> Result<SealedValue, Error> {
    let (tenant_key, key) = match keys::newest(tx, tenant).await? {
        Some(newest) => opened(p, tenant, &newest)?,
        None => make_key(tx, p, tenant, FIRST).await?,
    };
    let serving_key = newest_serving(tx).await?;
    let serving = serving(&p.config.keys, serving_key);
    Ok(SealedValue {
        tenant_key,
        kept: key.seal(rand::random(), place, plain),
        serving_key,
        sealed: serving.key.seal(rand::random(), place, plain),
    })
}

/// What was sealed for the database.
pub(crate) async fn open(
    tx: &mut Connection,
    p: &Platform,
    tenant: TenantId,
    place: &Place,
    value: &SealedValue,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let key = keys::find(tx, tenant, value.tenant_key).await?;
    let key = key.ok_or_else(|| damaged("the key of a secret is gone"))?;
    let (_, key) = opened(p, tenant, &key)?;
    let plain = key.open(place, &value.kept);
    plain.ok_or_else(|| damaged("a secret does not open under its tenant's key"))
}

/// The key that comes after the tenant's newest; from now on it seals.
pub(crate) async fn renew_key(
    tx: &mut Connection,
    p: &Platform,
    tenant: TenantId,
) -> Result<i32, Error> {
    let newest = keys::newest(tx, tenant).await?;
    let number = newest.map_or(FIRST, |key| key.number + 1);
    let (number, _) = make_key(tx, p, tenant, number).await?;
    Ok(number)
}

/// What a rotation began.
#[derive(Clone, Copy, Debug)]
pub struct Rotation {
    /// The number of the new serving key.
    pub serving_key: i32,
    /// Whose secrets are sealed anew, a job for each.
    pub tenants: usize,
}

/// New keys for everything that is sealed.
pub async fn rotate(p: &Platform, by: &Operator) -> Result<Rotation, Error> {
    let mut tx = p.db.platform().await?;
    let serving_key = keys::next_serving(&mut tx).await?;
    let tenants = keys::tenants(&mut tx).await?;
    for tenant in &tenants {
        jobs::enqueue(&mut tx, Some(*tenant), Kind::Reseal, tenant.uuid(), "").await?;
    }
    let change = Change {
        action: "keys.rotated",
        subject: format!("serving key {serving_key}"),
        before: Value::Null,
        after: json!({ "tenants": tenants.len() }),
    };
    audit::record_by(&mut tx, p, None, by.by(), change).await?;
    tx.commit().await?;
    Ok(Rotation {
        serving_key,
        tenants: tenants.len(),
    })
}

pub(crate) async fn newest_serving(tx: &mut Connection) -> Result<i32, Error> {
    let numbers = keys::serving(tx).await?;
    let newest = numbers.last().copied();
    newest.ok_or_else(|| damaged("there is no serving key"))
}

/// All that something may be sealed by, for workers.
pub(crate) async fn serving_keys(
    tx: &mut Connection,
    p: &Platform,
) -> Result<Vec<ServingKey>, Error> {
    let numbers = keys::serving(tx).await?;
    let keys = numbers
        .into_iter()
        .map(|number| serving(&p.config.keys, number));
    Ok(keys.collect())
}

async fn make_key(
    tx: &mut Connection,
    p: &Platform,
    tenant: TenantId,
    number: i32,
) -> Result<(i32, SealingKey), Error> {
    let key = SealingKey::new(rand::random());
    let place = Place::tenant_key(tenant, number.cast_unsigned());
    let sealed = wrapping(p).seal(rand::random(), &place, key.bytes());
    let row = TenantKey { number, sealed };
    keys::insert(tx, tenant, &row).await?;
    Ok((number, key))
}

fn opened(p: &Platform, tenant: TenantId, key: &TenantKey) -> Result<(i32, SealingKey), Error> {
    let place = Place::tenant_key(tenant, key.number.cast_unsigned());
    let bytes = wrapping(p).open(&place, &key.sealed);
    let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes.as_slice()).ok());
    let bytes = bytes.ok_or_else(|| {
        damaged("a tenant's key does not open: this is not the ATOLL_SECRET_KEY it was made with")
    })?;
    Ok((key.number, SealingKey::new(bytes)))
}

fn wrapping(p: &Platform) -> SealingKey {
    SealingKey::new(p.config.keys.derive("tenant keys"))
}

fn serving(keys: &Keys, number: i32) -> ServingKey {
    ServingKey {
        number: number.cast_unsigned(),
        key: SealingKey::new(keys.derive_numbered("serving key", number.cast_unsigned())),
    }
}

fn damaged(what: &'static str) -> Error {
    Error::Internal(anyhow::anyhow!(what))
}
