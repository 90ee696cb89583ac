//! Operations, read by the members of their tenant.

use domain::OperationId;
use store::operations::{self, Operation};

use crate::{Actor, Error, Platform, Viewer, access};

/// `NotFound` unless the actor is a member of the operation's tenant.
pub async fn get(p: &Platform, by: &Actor, operation: OperationId) -> Result<Operation, Error> {
    let not_found = || Error::NotFound("operation");
    let tenant = match (by.token().and_then(|token| token.tenant), by.user) {
        (Some(tenant), _) => Some(tenant),
        (None, Some(user)) => {
            let mut tx = p.db.user(user).await?;
            operations::tenant_of(&mut tx, user, operation).await?
        }
        (None, None) => None,
    };
    let tenant = tenant.ok_or_else(not_found)?.to_string();
    let member = access::seated::<Viewer>(p, by, &tenant).await;
    let member = member.map_err(|error| match error {
        Error::NotFound(_) => not_found(),
        error => error,
    })?;

    let mut tx = member.begin(p).await?;
    let found = operations::find(&mut tx, member.tenant, operation).await?;
    found.ok_or_else(not_found)
}
