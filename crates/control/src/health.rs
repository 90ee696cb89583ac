//! Whether this API server can do its work.

use crate::{Error, Platform};

/// Reaches the database and the object store, each within two seconds.
pub async fn ready(_p: &Platform) -> Result<(), Error> {
    todo!()
}
