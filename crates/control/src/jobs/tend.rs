//! Once at the start and every minute: makes a lost job harmless, and has what is live compiled for
//! this build's engine.

use std::time::Duration;

use store::{
    artifacts,
    jobs::{self, Kind},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{Error, Platform};

const EVERY: Duration = Duration::from_secs(60);
/// While the database is not there yet.
const SOON: Duration = Duration::from_secs(1);
const AT_A_TIME: i64 = 1_000;

pub(super) async fn tend(p: &Platform, stop: &CancellationToken) {
    let tending = async {
        loop {
            // The lanes tell when the database is away.
            let wait = if once(p).await.is_ok() { EVERY } else { SOON };
            tokio::time::sleep(wait).await;
        }
    };
    stop.run_until_cancelled(tending).await;
}

async fn once(p: &Platform) -> Result<(), Error> {
    let mut tx = p.db.platform().await?;
    jobs::enqueue(&mut tx, None, Kind::Sweep, Uuid::nil(), "").await?;
    let lost = jobs::restore_lost(&mut tx, engine::TAG).await?;
    let strays = jobs::adopt_strays(&mut tx, engine::TAG).await?;
    let missing = artifacts::missing(&mut tx, engine::TAG, AT_A_TIME).await?;
    for &version in &missing {
        jobs::enqueue(&mut tx, None, Kind::Compile, version, engine::TAG).await?;
    }
    tx.commit().await?;
    if lost + strays > 0 {
        tracing::warn!(lost, strays, "jobs that nobody ran were taken up again");
    }
    Ok(())
}
