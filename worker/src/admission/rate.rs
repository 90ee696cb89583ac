//! A rate as the generic cell rate algorithm (ITU-T I.371): a token bucket kept as one number, the
//! time at which it would be full again.

use std::{
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Instant,
};

/// Seconds' worth of requests that may come at once.
const BURST_NS: u64 = 2_000_000_000;

static BEGINNING: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(super) struct Rate {
    /// Nanoseconds between two requests.
    interval_ns: AtomicU64,
    /// Since the beginning, when the bucket is full.
    full_at_ns: AtomicU64,
}

impl Rate {
    pub(super) fn new(per_second: u32) -> Self {
        let rate = Self {
            interval_ns: AtomicU64::new(0),
            full_at_ns: AtomicU64::new(0),
        };
        rate.set(per_second);
        rate
    }

    pub(super) fn set(&self, per_second: u32) {
        let interval = 1_000_000_000 / u64::from(per_second.max(1));
        self.interval_ns.store(interval, Relaxed);
    }

    /// Takes a token, if there is one.
    pub(super) fn take(&self, now: Instant) -> bool {
        let now = now.saturating_duration_since(*BEGINNING).as_nanos() as u64;
        let interval = self.interval_ns.load(Relaxed);
        let take = |full_at: u64| {
            let next = full_at.max(now) + interval;
            (next - now <= BURST_NS).then_some(next)
        };
        self.full_at_ns.fetch_update(Relaxed, Relaxed, take).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn two_seconds_worth_comes_at_once_and_then_one_at_a_time() {
        let rate = Rate::new(10);
        let start = *BEGINNING + Duration::from_secs(5);
        let burst = (0..100).filter(|_| rate.take(start)).count();
        assert_eq!(burst, 20);
        assert!(!rate.take(start + Duration::from_millis(99)));
        assert!(rate.take(start + Duration::from_millis(100)));
        assert!(!rate.take(start + Duration::from_millis(100)));

        let later = start + Duration::from_secs(60);
        let burst = (0..100).filter(|_| rate.take(later)).count();
        assert_eq!(burst, 20, "no more is saved up than the burst");
    }

    #[test]
    fn a_rate_that_is_raised_holds_from_the_next_request() {
        let rate = Rate::new(1);
        let now = *BEGINNING + Duration::from_secs(5);
        assert_eq!((0..9).filter(|_| rate.take(now)).count(), 2);
        rate.set(1_000);
        let soon = now + Duration::from_millis(10);
        assert_eq!((0..99).filter(|_| rate.take(soon)).count(), 10);
    }
}
