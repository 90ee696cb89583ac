//! How much a tenant may have. Counted in the transaction that adds, while nobody else adds to the same tenant:
//! of many who would take the last place exactly one gets it.

use domain::{Digest, TenantId};
use store::{
    Connection,
    plans::{self, Plan},
    tenants,
    usage::{self, Usage},
};

use crate::Error;

/// What the plan allows and what there is.
pub(crate) struct Room {
    pub(crate) plan: Plan,
    pub(crate) usage: Usage,
}

/// Stays true until the transaction ends. To be taken before what is added.
pub(crate) async fn hold(tx: &mut Connection, tenant: TenantId) -> Result<Room, Error> {
    // The lock comes in a statement of its own: the next ones see what was committed while it was waited for.
    tenants::hold(tx, tenant).await?;
    room(tx, tenant).await
}

async fn room(tx: &mut Connection, tenant: TenantId) -> Result<Room, Error> {
    Ok(Room {
        plan: plans::of(tx, tenant).await?,
        usage: usage::of(tx, tenant).await?,
    })
}

/// `quota` is the figure's name in [`domain::limits::Quotas`], `there` what there is before this is added.
pub(crate) fn check(quota: &'static str, limit: u64, there: i64, added: u64) -> Result<(), Error> {
    let observed = there.unsigned_abs() + added;
    if observed > limit {
        return Err(Error::QuotaExceeded {
            quota,
            limit,
            observed,
        });
    }
    Ok(())
}

/// Whether a module may be kept. Bytes that the tenant has already add nothing.
pub(crate) async fn check_module(
    tx: &mut Connection,
    tenant: TenantId,
    room: &Room,
    digest: &Digest,
    bytes: u64,
) -> Result<(), Error> {
    if usage::has_module(tx, tenant, digest).await? {
        return Ok(());
    }
    let (limit, there) = (room.plan.quotas.stored_bytes, room.usage.stored_bytes);
    check("stored_bytes", limit, there, bytes)
}

/// As [`hold`] and [`check_module`], but nothing is held: spares the work on a module that will not be kept.
pub(crate) async fn foresee_module(
    tx: &mut Connection,
    tenant: TenantId,
    digest: &Digest,
    bytes: u64,
) -> Result<Plan, Error> {
    let room = room(tx, tenant).await?;
    check_module(tx, tenant, &room, digest, bytes).await?;
    Ok(room.plan)
}
