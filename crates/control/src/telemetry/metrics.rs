//! Exact counts of a function's invocations, and estimates of how long they took.

use std::collections::BTreeMap;

use domain::{
    Invalid, Problems, Timestamp,
    telemetry::{CALLER_GONE, Counter, RESPONDED, WALL_BUCKETS_MS},
};
use store::invocation_minutes::{self, Sum};
use time::Duration;

use super::{Span, check_version};
use crate::{
    Error, Member, Platform, Viewer,
    functions::{find, key},
};

pub use store::invocation_minutes::Step;

/// A day of minutes, two months of hours, four years of days.
const MAX_POINTS: i64 = 1_500;

#[derive(Clone, Copy, Debug)]
pub struct Wanted {
    pub step: Step,
    pub version: Option<i32>,
    pub span: Span,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    /// What was asked for, widened to whole steps.
    pub since: Timestamp,
    pub until: Timestamp,
    pub total: Figures,
    /// The steps that had invocations, oldest first.
    pub points: Vec<(Timestamp, Figures)>,
}

#[derive(Clone, Debug, Default)]
pub struct Figures {
    pub invocations: u64,
    /// Those that the platform answered for the function, and those that it answered with 500 or more.
    pub errors: u64,
    pub outcomes: BTreeMap<String, u64>,
    /// By hundreds; 0 where no status was told.
    pub status_classes: BTreeMap<u8, u64>,
    pub cpu_us: u64,
    pub wall_us: u64,
    pub request_bytes: u64,
    pub response_bytes: u64,
    pub outbound_requests: u64,
    pub peak_memory_bytes: u64,
    wall_buckets: [u64; Counter::BUCKETS],
}

pub async fn get(
    p: &Platform,
    by: &Member<Viewer>,
    function: &str,
    wanted: Wanted,
) -> Result<Metrics, Error> {
    let mut problems = Problems::default();
    check_version(&mut problems, wanted.version);
    problems.into_result()?;
    let (since, until) = bounds(wanted.span, wanted.step, p.clock.now())?;
    let mut tx = by.begin(p).await?;
    let function = find(&mut tx, by, &key(function)?).await?.function.id;
    let (version, step) = (wanted.version, wanted.step);
    let sums =
        invocation_minutes::sums(&mut tx, by.tenant, function, version, since, until, step).await?;

    let mut total = Figures::default();
    let mut points = Vec::<(Timestamp, Figures)>::new();
    for sum in sums {
        total.add(&sum);
        match points.last_mut() {
            Some((at, figures)) if *at == sum.at => figures.add(&sum),
            _ => {
                let mut figures = Figures::default();
                figures.add(&sum);
                points.push((sum.at, figures));
            }
        }
    }
    Ok(Metrics {
        since,
        until,
        total,
        points,
    })
}

impl Figures {
    /// The time within which that share of the invocations ended, in milliseconds: taken to lie evenly within
    /// their bucket, and at the lower bound of the open one. None where there were no invocations.
    pub fn wall_ms(&self, share: f64) -> Option<f64> {
        let all: u64 = self.wall_buckets.iter().sum();
        if all == 0 {
            return None;
        }
        let rank = share * all as f64;
        let mut below = 0.0;
        let mut from = 0.0;
        for (&count, to) in self.wall_buckets.iter().zip(WALL_BUCKETS_MS) {
            let (count, to) = (count as f64, f64::from(to));
            if count > 0.0 && below + count >= rank {
                return Some(from + (to - from) * (rank - below) / count);
            }
            below += count;
            from = to;
        }
        Some(from)
    }

    fn add(&mut self, sum: &Sum) {
        let count = sum.invocations.unsigned_abs();
        let class = u8::try_from(sum.status_class).unwrap_or_default();
        let failed = sum.outcome != RESPONDED && sum.outcome != CALLER_GONE;
        if failed || (sum.outcome == RESPONDED && class >= 5) {
            self.errors += count;
        }
        self.invocations += count;
        *self.outcomes.entry(sum.outcome.clone()).or_default() += count;
        *self.status_classes.entry(class).or_default() += count;
        self.cpu_us += sum.cpu_us.unsigned_abs();
        self.wall_us += sum.wall_us.unsigned_abs();
        self.request_bytes += sum.request_bytes.unsigned_abs();
        self.response_bytes += sum.response_bytes.unsigned_abs();
        self.outbound_requests += sum.outbound_requests.unsigned_abs();
        let peak = sum.peak_memory_bytes.unsigned_abs();
        self.peak_memory_bytes = self.peak_memory_bytes.max(peak);
        for (all, more) in self.wall_buckets.iter_mut().zip(&sum.wall_buckets) {
            *all += more.unsigned_abs();
        }
    }
}

/// Widened to whole steps; what is left open is the last hour, day or month.
fn bounds(span: Span, step: Step, now: Timestamp) -> Result<(Timestamp, Timestamp), Invalid> {
    let (seconds, usual) = match step {
        Step::Minute => (60, Duration::HOUR),
        Step::Hour => (3_600, Duration::DAY),
        Step::Day => (86_400, Duration::days(30)),
    };
    let until = ceil(span.until.unwrap_or(now), seconds);
    let since = match span.since {
        Some(since) => floor(since, seconds),
        None => until.checked_sub(usual).unwrap_or(until),
    };
    if since >= until {
        return Err(Invalid::new("until", "it must lie after `since`"));
    }
    let points = (until - since).whole_seconds() / seconds;
    if points > MAX_POINTS {
        let detail = format!(
            "ask for at most {MAX_POINTS} steps, from `since` to `until` are {points}; take a longer `step`"
        );
        return Err(Invalid::new("since", detail));
    }
    Ok((since, until))
}

fn floor(at: Timestamp, seconds: i64) -> Timestamp {
    let whole = at.unix_timestamp().div_euclid(seconds) * seconds;
    Timestamp::from_unix_timestamp(whole).unwrap_or(at)
}

fn ceil(at: Timestamp, seconds: i64) -> Timestamp {
    let whole = floor(at, seconds);
    let next = whole.checked_add(Duration::seconds(seconds));
    if whole == at { at } else { next.unwrap_or(at) }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn took(counts: &[(usize, u64)]) -> Figures {
        let mut figures = Figures::default();
        for &(bucket, count) in counts {
            figures.wall_buckets[bucket] = count;
        }
        figures
    }

    #[test]
    fn a_percentile_lies_within_its_bucket() {
        // A hundred of 25 to 50 ms.
        let even = took(&[(5, 100)]);
        assert_eq!(even.wall_ms(0.5), Some(37.5));
        assert_eq!(even.wall_ms(1.0), Some(50.0));
        let tail = took(&[(0, 98), (10, 2)]);
        assert_eq!(tail.wall_ms(0.99), Some(3_000.0));
        assert!(tail.wall_ms(0.95).unwrap() < 1.0);
        assert_eq!(took(&[(12, 1)]).wall_ms(0.5), Some(30_000.0));
        assert_eq!(took(&[]).wall_ms(0.5), None);
    }

    #[test]
    fn whole_steps_are_counted_and_not_too_many() {
        let now = datetime!(2026-03-10 12:34:56 UTC);
        let open = Span::default();
        let hour = datetime!(2026-03-10 11:35 UTC);
        let (since, until) = bounds(open, Step::Minute, now).unwrap();
        assert_eq!((since, until), (hour, datetime!(2026-03-10 12:35 UTC)));
        let year = Span {
            since: Some(datetime!(2025-03-10 12:34 UTC)),
            until: None,
        };
        assert!(bounds(year, Step::Day, now).is_ok());
        let refused = bounds(year, Step::Minute, now).unwrap_err().to_string();
        assert!(
            refused.starts_with("since: ask for at most 1500"),
            "{refused}"
        );
        let backwards = Span {
            since: Some(now + Duration::DAY),
            until: Some(now),
        };
        assert!(bounds(backwards, Step::Day, now).is_err());
    }
}
