//! One shard of what was collected. Counters are never lost; of records and lines each function has
//! its part of the room, so that a busy neighbour does not push out another's failures.

use std::collections::HashMap;

use domain::{
    FunctionId, TenantId, Timestamp,
    telemetry::{Counter, InvocationRecord, LogLine, MAX_INVOCATIONS, MAX_LINES, WALL_BUCKETS_MS},
};

/// Of one function between two batches; failures have room of their own.
const RECORDS_OF_ONE: u16 = 20;
const LINES_OF_ONE: u16 = 500;
const LINE_BYTES_OF_ONE: usize = 256 << 10;
/// Of the texts in one batch: with them as JSON, and as many of all else as there may be, it stays below
/// what an API server takes. One that is refused would take its counters with it.
const LINE_BYTES: usize = 3 << 19;
const BUCKETS: usize = WALL_BUCKETS_MS.len() + 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) tenant: TenantId,
    pub(crate) function: FunctionId,
    /// Absent where none was chosen yet.
    pub(crate) version: Option<u32>,
    pub(crate) outcome: &'static str,
    /// Hundreds of the HTTP status told.
    pub(crate) status_class: u8,
}

/// What one call cost.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spent {
    pub(crate) wall_us: u64,
    pub(crate) cpu_us: u64,
    pub(crate) peak_memory_bytes: u64,
    pub(crate) request_bytes: u64,
    pub(crate) response_bytes: u64,
    pub(crate) outbound_requests: u32,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Tally {
    invocations: u64,
    cpu_us: u64,
    wall_us: u64,
    request_bytes: u64,
    response_bytes: u64,
    outbound_requests: u64,
    peak_memory_bytes: u64,
    buckets: [u64; BUCKETS],
}

#[derive(Default)]
pub(super) struct Shard {
    tallies: HashMap<Key, Tally>,
    pub(super) records: Vec<InvocationRecord>,
    pub(super) lines: Vec<LogLine>,
    line_bytes: usize,
    room: HashMap<FunctionId, Used>,
    pub(super) records_dropped: u64,
    pub(super) lines_dropped: u64,
}

/// Of a function's room.
#[derive(Clone, Copy, Default)]
struct Used {
    responded: u16,
    failed: u16,
    lines: u16,
    line_bytes: usize,
}

impl Shard {
    pub(super) fn ended(
        &mut self,
        key: Key,
        spent: &Spent,
        record: impl FnOnce() -> InvocationRecord,
    ) {
        self.tallies.entry(key).or_default().add(spent);
        let used = self.room.entry(key.function).or_default();
        let used = match key.outcome {
            "responded" => &mut used.responded,
            _ => &mut used.failed,
        };
        if *used < RECORDS_OF_ONE && self.records.len() < MAX_INVOCATIONS {
            *used += 1;
            self.records.push(record());
        } else {
            self.records_dropped += 1;
        }
    }

    pub(super) fn line(&mut self, line: LogLine) {
        let used = self.room.entry(line.function).or_default();
        let bytes = used.line_bytes + line.text.len();
        if used.lines < LINES_OF_ONE && bytes <= LINE_BYTES_OF_ONE {
            used.lines += 1;
            used.line_bytes = bytes;
            self.push(line);
        } else {
            self.lines_dropped += 1;
        }
    }

    fn push(&mut self, line: LogLine) {
        let bytes = self.line_bytes + line.text.len();
        if self.lines.len() < MAX_LINES && bytes <= LINE_BYTES {
            self.line_bytes = bytes;
            self.lines.push(line);
        } else {
            self.lines_dropped += 1;
        }
    }

    /// What does not fit any more is dropped, and counted as that.
    pub(super) fn merge(&mut self, other: Self) {
        for (key, tally) in other.tallies {
            self.tallies.entry(key).or_default().merge(&tally);
        }
        self.records_dropped += other.records_dropped;
        self.lines_dropped += other.lines_dropped;
        for record in other.records {
            if self.records.len() < MAX_INVOCATIONS {
                self.records.push(record);
            } else {
                self.records_dropped += 1;
            }
        }
        for line in other.lines {
            self.push(line);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tallies.is_empty() && self.lines.is_empty()
    }

    pub(super) fn tallies(&mut self) -> impl Iterator<Item = (Key, Tally)> {
        std::mem::take(&mut self.tallies).into_iter()
    }
}

impl Tally {
    fn add(&mut self, spent: &Spent) {
        self.invocations += 1;
        self.cpu_us += spent.cpu_us;
        self.wall_us += spent.wall_us;
        self.request_bytes += spent.request_bytes;
        self.response_bytes += spent.response_bytes;
        self.outbound_requests += u64::from(spent.outbound_requests);
        self.peak_memory_bytes = self.peak_memory_bytes.max(spent.peak_memory_bytes);
        let within = |bound: &u32| spent.wall_us <= u64::from(*bound) * 1_000;
        let bucket = WALL_BUCKETS_MS.iter().position(within);
        self.buckets[bucket.unwrap_or(BUCKETS - 1)] += 1;
    }

    pub(super) fn merge(&mut self, other: &Self) {
        self.invocations += other.invocations;
        self.cpu_us += other.cpu_us;
        self.wall_us += other.wall_us;
        self.request_bytes += other.request_bytes;
        self.response_bytes += other.response_bytes;
        self.outbound_requests += other.outbound_requests;
        self.peak_memory_bytes = self.peak_memory_bytes.max(other.peak_memory_bytes);
        for (sum, more) in self.buckets.iter_mut().zip(other.buckets) {
            *sum += more;
        }
    }

    pub(super) fn counter(self, key: Key, minute: Timestamp) -> Counter {
        Counter {
            tenant: key.tenant,
            function: key.function,
            version: key.version,
            outcome: key.outcome.to_owned(),
            status_class: key.status_class,
            minute,
            invocations: self.invocations,
            cpu_us: self.cpu_us,
            wall_us: self.wall_us,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            outbound_requests: self.outbound_requests,
            peak_memory_bytes: self.peak_memory_bytes,
            wall_buckets: self.buckets.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::telemetry::{LogStream, MAX_BATCH_BYTES, MAX_COUNTERS};

    use super::*;
    use crate::clock;

    fn key(function: FunctionId, outcome: &'static str) -> Key {
        Key {
            tenant: TenantId::generate(),
            function,
            version: Some(1),
            outcome,
            status_class: 2,
        }
    }

    fn record(key: Key) -> InvocationRecord {
        InvocationRecord {
            id: domain::RequestId::generate(),
            tenant: key.tenant,
            function: key.function,
            version: key.version,
            started_at: clock::now(),
            outcome: key.outcome.to_owned(),
            party: String::new(),
            detail: String::new(),
            status: Some(200),
            method: "GET".to_owned(),
            path: "/".to_owned(),
            queued_us: 0,
            wall_us: 0,
            cpu_us: 0,
            peak_memory_bytes: 0,
            request_bytes: 0,
            response_bytes: 0,
            outbound_requests: 0,
            cold: false,
        }
    }

    #[test]
    fn counts_are_exact_however_few_records_are_kept() {
        let mut all = Shard::default();
        let busy = key(FunctionId::generate(), "responded");
        let failing = key(busy.function, "function_trapped");
        for _ in 0..3 {
            let mut shard = Shard::default();
            for call in 0..1_000 {
                let spent = Spent {
                    wall_us: call * 10,
                    cpu_us: 7,
                    ..Spent::default()
                };
                shard.ended(busy, &spent, || record(busy));
            }
            shard.ended(failing, &Spent::default(), || record(failing));
            all.merge(shard);
        }
        assert_eq!(all.records.len(), 3 * (usize::from(RECORDS_OF_ONE) + 1));
        assert_eq!(all.records_dropped, 3 * (1_000 - u64::from(RECORDS_OF_ONE)));
        let tallies: HashMap<_, _> = all.tallies().collect();
        let responded = &tallies[&busy];
        assert_eq!((responded.invocations, responded.cpu_us), (3_000, 21_000));
        assert_eq!(responded.buckets[..4], [303, 300, 900, 1_497]);
        assert_eq!(tallies[&failing].invocations, 3);
    }

    fn line(function: FunctionId, text: &str) -> LogLine {
        LogLine {
            tenant: TenantId::generate(),
            function,
            version: 1,
            request: domain::RequestId::generate(),
            number: 1,
            at: clock::now(),
            stream: LogStream::Stdout,
            level: "info".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn the_fullest_batch_is_one_that_an_api_server_takes() {
        let mut all = Shard::default();
        // The text that grows most as JSON of those that a log lets through.
        let text = "\"".repeat(8 << 10);
        for _ in 0..16 {
            let mut shard = Shard::default();
            for _ in 0..500 {
                let key = key(FunctionId::generate(), "function_trapped");
                shard.ended(key, &Spent::default(), || record(key));
                for _ in 0..3 {
                    shard.line(line(key.function, &text));
                }
            }
            all.merge(shard);
        }
        let minute = clock::now();
        let counter = |(key, tally): (Key, Tally)| tally.counter(key, minute);
        let counters: Vec<_> = all.tallies().map(counter).collect();
        let one = serde_json::to_vec(&counters[0]).unwrap().len();
        let rest = serde_json::to_vec(&(&all.records, &all.lines))
            .unwrap()
            .len();
        assert!(all.lines_dropped > 0 && all.records.len() == MAX_INVOCATIONS);
        assert!(one * MAX_COUNTERS + rest < MAX_BATCH_BYTES, "{one} {rest}");
    }
}
