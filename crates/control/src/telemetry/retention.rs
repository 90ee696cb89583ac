//! How long telemetry is kept: whole days of UTC, made ahead and dropped after.

use domain::{Timestamp, telemetry::MAX_AGE_HOURS};
use store::telemetry::{self, Daily};
use time::{Date, Duration};

use crate::{Error, Platform};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Of invocations and log lines, beside today.
    pub records_days: u16,
    /// Of counters, beside today.
    pub counters_days: u16,
}

impl Retention {
    pub const DEFAULT: Self = Self {
        records_days: 7,
        counters_days: 90,
    };

    pub(super) fn records_since(self, now: Timestamp) -> Timestamp {
        start(now, self.records_days)
    }

    pub(super) fn counters_since(self, now: Timestamp) -> Timestamp {
        start(now, self.counters_days)
    }
}

/// Makes today and tomorrow, so that no batch has to, and drops what is past its time. Answers how many
/// days were dropped.
pub(crate) async fn keep(p: &Platform) -> Result<u64, Error> {
    let now = p.clock.now();
    let today = now.date();
    let mut tx = p.db.platform().await?;
    telemetry::add_days(&mut tx, &[today, today + Duration::DAY]).await?;
    // No resend comes after its rows would be refused anyway; a day more for clocks that differ.
    let resends = now - Duration::hours(MAX_AGE_HOURS) - Duration::DAY;
    telemetry::delete_before(&mut tx, resends).await?;
    tx.commit().await?;

    let retention = p.config.retention;
    let records = retention.records_since(now).date();
    let counters = retention.counters_since(now).date();
    Ok(drop_before(p, Daily::Invocations, records).await?
        + drop_before(p, Daily::LogLines, records).await?
        + drop_before(p, Daily::Counters, counters).await?)
}

async fn drop_before(p: &Platform, daily: Daily, before: Date) -> Result<u64, Error> {
    let mut dropped = 0;
    loop {
        let mut tx = p.db.platform().await?;
        let day = telemetry::drop_day(&mut tx, daily, before).await?;
        tx.commit().await?;
        if day.is_none() {
            return Ok(dropped);
        }
        dropped += 1;
    }
}

/// Midnight of the day that is so many days before today.
fn start(now: Timestamp, days: u16) -> Timestamp {
    let day = now.date() - Duration::days(days.into());
    day.midnight().assume_utc()
}
