//! Whether this API server can do its work.

use std::time::Duration;

use tokio::time::timeout;

use crate::{Error, Platform};

const PATIENCE: Duration = Duration::from_secs(2);

/// Reaches the database and the object store, each within two seconds.
pub async fn ready(p: &Platform) -> Result<(), Error> {
    let (database, blobs) = tokio::join!(
        timeout(PATIENCE, p.db.ping()),
        timeout(PATIENCE, p.blobs.probe()),
    );
    database.map_err(|_| away("the database"))??;
    blobs.map_err(|_| away("the object store"))??;
    Ok(())
}

fn away(what: &'static str) -> Error {
    Error::Unavailable { what, source: None }
}
