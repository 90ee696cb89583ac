//! The example that a new tenant deploys with one press: prebuilt, its source is in `examples/`.

use store::operations::Operation;

use crate::{Developer, Error, Member, Platform, functions::FunctionOverview};

/// Makes the function `hello` (or `hello-2`, …), its first version and its deployment.
pub async fn deploy(
    _p: &Platform,
    _by: &Member<Developer>,
) -> Result<(FunctionOverview, Operation), Error> {
    todo!()
}
