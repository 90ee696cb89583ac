//! Tenants: made by anybody who is signed in, seen by their members alone.

use domain::{
    Role, TenantSlug,
    page::{Page, PageRequest},
};
use store::tenants::Tenant;

use crate::{Actor, Admin, Error, Member, Owner, Platform, Viewer};

/// The creator becomes its owner.
pub async fn create(
    _p: &Platform,
    _by: &Actor,
    _slug: TenantSlug,
    _name: String,
) -> Result<Tenant, Error> {
    todo!()
}

/// The actor's tenants, with the role in each, by slug.
pub async fn list(
    _p: &Platform,
    _by: &Actor,
    _page: &PageRequest,
) -> Result<Page<(Tenant, Role)>, Error> {
    todo!()
}

pub async fn get(_p: &Platform, _by: &Member<Viewer>) -> Result<Tenant, Error> {
    todo!()
}

/// `revision` is the one the caller read; `PreconditionFailed` where it is no longer.
pub async fn rename(
    _p: &Platform,
    _by: &Member<Admin>,
    _name: String,
    _revision: i64,
) -> Result<Tenant, Error> {
    todo!()
}

/// Its functions stop answering at once; the slug stays taken.
pub async fn delete(_p: &Platform, _by: &Member<Owner>, _revision: i64) -> Result<(), Error> {
    todo!()
}
