//! Time as the platform sees it, so that a test can move it.

use std::sync::{Arc, Mutex, PoisonError};

use domain::Timestamp;
use time::Duration;

#[derive(Clone, Debug)]
pub enum Clock {
    System,
    Manual(Arc<Mutex<Timestamp>>),
}

impl Clock {
    /// Stands still at `start` until it is moved; clones move together.
    pub fn manual(start: Timestamp) -> Self {
        Self::Manual(Arc::new(Mutex::new(start)))
    }

    /// In whole microseconds, as the database keeps them: what was stored compares equal to what is read.
    pub fn now(&self) -> Timestamp {
        let now = match self {
            #[expect(clippy::disallowed_methods, reason = "this is where time comes from")]
            Self::System => Timestamp::now_utc(),
            Self::Manual(now) => *now.lock().unwrap_or_else(PoisonError::into_inner),
        };
        now - Duration::nanoseconds((now.nanosecond() % 1_000).into())
    }

    /// Moves a manual clock on. The system's cannot be moved.
    pub fn advance(&self, by: Duration) {
        if let Self::Manual(now) = self {
            *now.lock().unwrap_or_else(PoisonError::into_inner) += by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manual_clock_moves_when_told_to_and_its_clones_with_it() {
        let clock = Clock::manual(Timestamp::UNIX_EPOCH + Duration::nanoseconds(1_500));
        let clone = clock.clone();
        clone.advance(Duration::minutes(2));
        let expected = Timestamp::UNIX_EPOCH + Duration::minutes(2) + Duration::microseconds(1);
        assert_eq!(clock.now(), expected);
    }
}
