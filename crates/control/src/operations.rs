//! Operations, read by the members of their tenant.

use domain::OperationId;
use store::operations::Operation;

use crate::{Actor, Error, Platform};

/// `NotFound` unless the actor is a member of the operation's tenant.
pub async fn get(_p: &Platform, _by: &Actor, _operation: OperationId) -> Result<Operation, Error> {
    todo!()
}
