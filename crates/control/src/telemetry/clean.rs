//! Brings a batch into bounds, so that no row of it can spoil the others.

use std::collections::{BTreeMap, btree_map::Entry};

use domain::{
    FunctionId, TenantId, Timestamp,
    telemetry::{Batch, Counter, InvocationRecord, LogLine, MAX_AGE_HOURS},
};
use time::{Duration, UtcOffset};

use super::Retention;

/// A worker's clock may be ahead by this much; what is further ahead is taken for now.
const MAX_AHEAD: Duration = Duration::minutes(5);
/// No count of a minute reaches it, and thousands of them fit a column together.
const MAX_COUNT: u64 = 1 << 50;
const MAX_WORD: usize = 40;
const MAX_DETAIL: usize = 2_000;
const MAX_PATH: usize = 2_048;
/// What a worker cuts lines at, and room for what it marks a cut with.
const MAX_LINE: usize = 9 << 10;

pub(super) struct Clean {
    pub(super) batch: Batch,
    /// Rows that were too old to be kept.
    pub(super) refused: u64,
}

pub(super) fn clean(mut batch: Batch, now: Timestamp, retention: Retention) -> Clean {
    let oldest = now - Duration::hours(MAX_AGE_HOURS);
    let records = oldest.max(retention.records_since(now));
    let counters = oldest.max(retention.counters_since(now));
    let before = batch.counters.len() + batch.invocations.len() + batch.lines.len();
    batch.counters.retain_mut(|it| counter(it, now, counters));
    batch.invocations.retain_mut(|it| record(it, now, records));
    batch.lines.retain_mut(|it| line(it, now, records));
    let after = batch.counters.len() + batch.invocations.len() + batch.lines.len();
    batch.counters = merged(batch.counters);
    Clean {
        batch,
        refused: (before - after) as u64,
    }
}

fn counter(counter: &mut Counter, now: Timestamp, oldest: Timestamp) -> bool {
    let Some(at) = within(counter.minute, now, oldest) else {
        return false;
    };
    let second = Duration::seconds(at.second().into());
    counter.minute = at - second - Duration::nanoseconds(at.nanosecond().into());
    counter.version = counter.version.map(number);
    counter.status_class = counter.status_class.min(9);
    text(&mut counter.outcome, MAX_WORD);
    fold(&mut counter.wall_buckets);
    true
}

fn record(record: &mut InvocationRecord, now: Timestamp, oldest: Timestamp) -> bool {
    let Some(at) = within(record.started_at, now, oldest) else {
        return false;
    };
    record.started_at = at;
    record.version = record.version.map(number);
    record.status = record.status.map(|status| status.min(999));
    for word in [&mut record.outcome, &mut record.party, &mut record.method] {
        text(word, MAX_WORD);
    }
    text(&mut record.detail, MAX_DETAIL);
    text(&mut record.path, MAX_PATH);
    true
}

fn line(line: &mut LogLine, now: Timestamp, oldest: Timestamp) -> bool {
    let Some(at) = within(line.at, now, oldest) else {
        return false;
    };
    line.at = at;
    line.version = number(line.version);
    line.number = number(line.number);
    text(&mut line.level, MAX_WORD);
    text(&mut line.text, MAX_LINE);
    true
}

fn within(at: Timestamp, now: Timestamp, oldest: Timestamp) -> Option<Timestamp> {
    // The day it is kept under is that of UTC.
    let at = at.to_offset(UtcOffset::UTC);
    if at < oldest {
        return None;
    }
    Some(if at > now + MAX_AHEAD { now } else { at })
}

/// Cut at a character, and without U+0000, which the database cannot hold.
fn text(text: &mut String, max: usize) {
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
    }
    if text.contains('\0') {
        *text = text.replace('\0', "?");
    }
}

fn number(number: u32) -> u32 {
    number.min(i32::MAX.unsigned_abs())
}

/// To as many as there are: a worker of another release may have more or fewer.
fn fold(buckets: &mut Vec<u64>) {
    let more: u64 = buckets
        .get(Counter::BUCKETS..)
        .unwrap_or_default()
        .iter()
        .fold(0, |sum, &count| sum.saturating_add(count));
    buckets.resize(Counter::BUCKETS, 0);
    let last = &mut buckets[Counter::BUCKETS - 1];
    *last = last.saturating_add(more);
}

type Key = (TenantId, FunctionId, Timestamp, Option<u32>, String, u8);

/// One counter for each key, in the order of keys: all transactions lock rows in the same one.
fn merged(counters: Vec<Counter>) -> Vec<Counter> {
    let mut by_key = BTreeMap::<Key, Counter>::new();
    for counter in counters {
        // The column has 0 for none.
        let version = counter.version.filter(|&number| number > 0);
        let key = (
            counter.tenant,
            counter.function,
            counter.minute,
            version,
            counter.outcome.clone(),
            counter.status_class,
        );
        match by_key.entry(key) {
            Entry::Vacant(place) => {
                place.insert(counter);
            }
            Entry::Occupied(mut place) => add(place.get_mut(), &counter),
        }
    }
    let mut merged: Vec<_> = by_key.into_values().collect();
    merged.iter_mut().for_each(cap);
    merged
}

fn add(sum: &mut Counter, more: &Counter) {
    sum.invocations = sum.invocations.saturating_add(more.invocations);
    sum.cpu_us = sum.cpu_us.saturating_add(more.cpu_us);
    sum.wall_us = sum.wall_us.saturating_add(more.wall_us);
    sum.request_bytes = sum.request_bytes.saturating_add(more.request_bytes);
    sum.response_bytes = sum.response_bytes.saturating_add(more.response_bytes);
    sum.outbound_requests = sum.outbound_requests.saturating_add(more.outbound_requests);
    sum.peak_memory_bytes = sum.peak_memory_bytes.max(more.peak_memory_bytes);
    for (sum, more) in sum.wall_buckets.iter_mut().zip(&more.wall_buckets) {
        *sum = sum.saturating_add(*more);
    }
}

fn cap(counter: &mut Counter) {
    for count in [
        &mut counter.invocations,
        &mut counter.cpu_us,
        &mut counter.wall_us,
        &mut counter.request_bytes,
        &mut counter.response_bytes,
        &mut counter.outbound_requests,
        &mut counter.peak_memory_bytes,
    ] {
        *count = (*count).min(MAX_COUNT);
    }
    for count in &mut counter.wall_buckets {
        *count = (*count).min(MAX_COUNT);
    }
}

#[cfg(test)]
mod tests {
    use domain::NodeId;
    use time::macros::datetime;

    use super::*;

    const NOW: Timestamp = datetime!(2026-03-10 12:00:30.5 UTC);

    fn told(minute: Timestamp, buckets: &[u64]) -> Counter {
        Counter {
            tenant: TenantId::from_uuid(NodeId::generate().uuid()),
            function: FunctionId::generate(),
            version: Some(1),
            outcome: "responded".to_owned(),
            status_class: 2,
            minute,
            invocations: 1,
            cpu_us: u64::MAX,
            wall_us: 5,
            request_bytes: 0,
            response_bytes: 0,
            outbound_requests: 0,
            peak_memory_bytes: 7,
            wall_buckets: buckets.to_vec(),
        }
    }

    fn cleaned(counters: Vec<Counter>) -> Clean {
        let batch = Batch {
            source: NodeId::generate().uuid(),
            sequence: 1,
            counters,
            invocations: Vec::new(),
            lines: Vec::new(),
            invocations_dropped: 0,
            lines_dropped: 0,
        };
        clean(batch, NOW, Retention::DEFAULT)
    }

    #[test]
    fn counters_of_the_same_key_become_one_and_no_sum_overflows() {
        let one = told(NOW, &[1; 13]);
        let clean = cleaned(vec![one.clone(), one]);
        let [sum] = &*clean.batch.counters else {
            panic!("{:?}", clean.batch.counters);
        };
        assert_eq!((sum.invocations, sum.wall_us), (2, 10));
        assert_eq!((sum.cpu_us, sum.peak_memory_bytes), (MAX_COUNT, 7));
        assert_eq!(sum.wall_buckets, [2; 13]);
        assert_eq!(sum.minute, datetime!(2026-03-10 12:00 UTC));
    }

    #[test]
    fn what_is_too_old_is_left_out_and_what_is_ahead_is_of_now() {
        let old = told(NOW - Duration::hours(MAX_AGE_HOURS + 1), &[]);
        let ahead = told(NOW + Duration::days(9_000), &[]);
        let clean = cleaned(vec![old, ahead]);
        assert_eq!(clean.refused, 1);
        let minutes: Vec<_> = clean.batch.counters.iter().map(|it| it.minute).collect();
        assert_eq!(minutes, [datetime!(2026-03-10 12:00 UTC)]);
    }

    #[test]
    fn a_day_is_that_of_utc_whatever_the_offset_told() {
        let elsewhere = NOW.to_offset(time::macros::offset!(+14));
        let clean = cleaned(vec![told(elsewhere, &[])]);
        assert_eq!(clean.batch.counters[0].minute.date(), NOW.date());
    }

    #[test]
    fn buckets_of_another_release_lose_no_count() {
        let clean = cleaned(vec![told(NOW, &[1; 15]), told(NOW, &[1])]);
        let sums = clean.batch.counters.iter();
        let mut sums: Vec<u64> = sums.map(|it| it.wall_buckets.iter().sum()).collect();
        sums.sort_unstable();
        assert_eq!(sums, [1, 15]);
    }

    #[test]
    fn a_text_is_cut_between_characters_and_has_no_zero() {
        let mut cut = "aä\0".to_owned();
        text(&mut cut, 2);
        assert_eq!(cut, "a");
        let mut zero = "a\0b".to_owned();
        text(&mut zero, 9);
        assert_eq!(zero, "a?b");
    }
}
