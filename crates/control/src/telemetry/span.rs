//! From when to when, and where a list goes on.

use domain::{Invalid, Timestamp};
use time::Duration;

/// What a caller asks for; an absent end is open.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

impl Span {
    /// The first moment of it, and the first after it.
    pub(crate) fn bounds(self, now: Timestamp) -> Result<(Timestamp, Timestamp), Invalid> {
        let since = self.since.unwrap_or(Timestamp::UNIX_EPOCH);
        // Workers' clocks may be ahead of ours.
        let until = self.until.unwrap_or(now + Duration::DAY);
        if since >= until {
            return Err(Invalid::new("until", "it must lie after `since`"));
        }
        Ok((since, until))
    }
}

/// A moment as the database keeps it, in a cursor.
pub(super) fn written(at: Timestamp) -> String {
    (at.unix_timestamp_nanos() / 1_000).to_string()
}

pub(super) fn read(text: &str) -> Option<Timestamp> {
    // Unsigned: what lies before 1970 may lie before the database's calendar, too.
    let micros: u64 = text.parse().ok()?;
    Timestamp::from_unix_timestamp_nanos(i128::from(micros) * 1_000).ok()
}

pub(super) fn malformed() -> Invalid {
    Invalid::new("cursor", "pass the `next_cursor` of the page before")
}
