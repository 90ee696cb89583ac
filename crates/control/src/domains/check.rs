//! The looks at domains: of those that are due, and of one that somebody wants to know about now.

use std::time::Duration as Wait;

use domain::{DomainName, TenantId, domain_name::DomainState};
use futures::future::join_all;
use store::{
    domains::{self, Domain},
    serving,
};
use time::Duration;
use tokio_util::sync::CancellationToken;

use super::{
    judgement::{Claim, judge},
    proof, record, target,
};
use crate::{Error, Platform, audit::By};

/// How soon a domain that is due is looked at.
const POLL: Wait = Wait::from_secs(5);
const AT_A_TIME: i64 = 8;
/// Longer than any look takes: nobody else begins one meanwhile, and a lost one is made up for.
const CLAIMED_FOR: Duration = Duration::minutes(2);

/// Looks at domains that are due, until `stop`.
pub(crate) async fn keep_checking(p: &Platform, stop: &CancellationToken) {
    let checking = async {
        let mut away = false;
        loop {
            match check_due(p).await {
                Ok(AT_A_TIME) => continue,
                Ok(_) => away = false,
                Err(error) => {
                    if !away {
                        tracing::warn!("domains cannot be looked at, trying again: {error}");
                    }
                    away = true;
                }
            }
            tokio::time::sleep(POLL).await;
        }
    };
    stop.run_until_cancelled(checking).await;
}

/// How many there were.
async fn check_due(p: &Platform) -> Result<i64, Error> {
    let now = p.clock.now();
    let mut tx = p.db.platform().await?;
    let due = domains::claim(&mut tx, now, now + CLAIMED_FOR, AT_A_TIME).await?;
    tx.commit().await?;
    let checks = due
        .iter()
        .map(|(tenant, name)| check(p, *tenant, name, By::PLATFORM));
    for checked in join_all(checks).await {
        checked?;
    }
    Ok(due.len() as i64)
}

/// Looks for a domain's proof, and writes what that means; `None` where the tenant has no such domain.
pub(super) async fn check(
    p: &Platform,
    tenant: TenantId,
    name: &DomainName,
    by: By<'_>,
) -> Result<Option<Domain>, Error> {
    let mut tx = p.db.platform().await?;
    let Some(asked) = domains::find(&mut tx, tenant, name).await? else {
        return Ok(None);
    };
    drop(tx);
    let found = p.dns.look(name, &target(p, &asked.slug)).await;

    let mut tx = p.db.platform().await?;
    let rows = domains::lock_name(&mut tx, name).await?;
    let claims: Vec<_> = rows
        .iter()
        .map(|domain| Claim {
            proof: proof(p, domain.tenant, name),
            domain,
        })
        .collect();
    let (own, others): (Vec<_>, Vec<_>) = claims
        .into_iter()
        .partition(|claim| claim.domain.tenant == tenant);
    let Some(own) = own.first() else {
        return Ok(None);
    };
    let (after, loser) = judge(own, &others, found, p.clock.now());

    // Who loses the name is written first: one tenant at most serves it, at every moment.
    let mut served_anew = Vec::new();
    if let Some(lost) = &loser {
        let before = others.iter().find(|other| other.domain.id == lost.id);
        let before = before.map(|other| other.domain);
        domains::write(&mut tx, lost).await?;
        record(&mut tx, p, By::PLATFORM, "domain.lost", before, Some(lost)).await?;
        served_anew.push(lost.tenant);
    }
    domains::write(&mut tx, &after).await?;
    if after.state != own.domain.state {
        let action = action(after.state);
        record(&mut tx, p, by, action, Some(own.domain), Some(&after)).await?;
    }
    if after.state.is_served() != own.domain.state.is_served() {
        served_anew.push(tenant);
    }
    for tenant in served_anew {
        serving::bump(&mut tx, tenant).await?;
    }
    tx.commit().await?;
    Ok(Some(after))
}

fn action(state: DomainState) -> &'static str {
    match state {
        DomainState::Pending => "domain.ended",
        DomainState::Verified => "domain.verified",
        DomainState::Failing => "domain.failing",
    }
}
