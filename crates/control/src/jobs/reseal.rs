//! Seals a tenant's secrets anew, after the keys were rotated: opened and sealed in one transaction,
//! some at a time, so that it can break off anywhere.

use domain::{TenantId, sealed::Place};
use store::{keys, secrets, serving};

use super::Done;
use crate::{Error, Platform, vault};

const AT_A_TIME: i64 = 100;

pub(super) async fn run(p: &Platform, tenant: TenantId) -> Result<Done, Error> {
    let mut tx = p.db.platform().await?;
    if keys::is_due(&mut tx, tenant).await? {
        vault::renew_key(&mut tx, p, tenant).await?;
        tx.commit().await?;
    }
    loop {
        let mut tx = p.db.platform().await?;
        let Some(newest) = keys::newest(&mut tx, tenant).await? else {
            return Ok(Done::Finished);
        };
        let serving = vault::newest_serving(&mut tx).await?;
        let older =
            secrets::under_older_keys(&mut tx, tenant, newest.number, serving, AT_A_TIME).await?;
        if older.is_empty() {
            return Ok(Done::Finished);
        }
        for (of, value) in &older {
            let place = Place::secret(tenant, of.secret, of.number);
            let plain = vault::open(&mut tx, p, tenant, &place, value).await?;
            let sealed = vault::seal(&mut tx, p, tenant, &place, &plain).await?;
            secrets::reseal(&mut tx, *of, &sealed).await?;
        }
        serving::bump(&mut tx, tenant).await?;
        tx.commit().await?;
    }
}
