//! Sends what was collected, once a second. A batch is sent until it is taken, always with the same
//! number; what ends meanwhile gathers for the next one, so that an API server that is away costs
//! records, and never a count.

use std::{collections::HashMap, sync::Arc, time::Duration};

use domain::{
    Timestamp,
    telemetry::{Batch, MAX_COUNTERS},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    Telemetry,
    shard::{Key, Shard, Tally},
};
use crate::{
    clock,
    feed::{Client, Session, Trouble},
};

const EVERY: Duration = Duration::from_secs(1);
/// For what is left when the worker ends.
const LAST_WITHIN: Duration = Duration::from_secs(5);

/// Sends until `stop`, and then the rest.
pub(crate) async fn send(
    telemetry: Arc<Telemetry>,
    client: Arc<Client>,
    session: Session,
    stop: CancellationToken,
) {
    let mut outbox = Outbox::new();
    let going_on = async {
        loop {
            tokio::time::sleep(EVERY).await;
            outbox.gather(&telemetry);
            outbox.deliver(&client, &session).await;
        }
    };
    stop.run_until_cancelled(going_on).await;
    outbox.gather(&telemetry);
    let rest = outbox.deliver(&client, &session);
    if tokio::time::timeout(LAST_WITHIN, rest).await.is_err() {
        tracing::warn!("the last telemetry could not be sent");
    }
}

struct Outbox {
    source: Uuid,
    sequence: u64,
    /// What is being sent; it may have been taken without our hearing of it.
    sending: Option<Batch>,
    tallies: HashMap<(Key, Timestamp), Tally>,
    next: Shard,
}

impl Outbox {
    fn new() -> Self {
        Self {
            source: Uuid::now_v7(),
            sequence: 0,
            sending: None,
            tallies: HashMap::new(),
            next: Shard::default(),
        }
    }

    fn gather(&mut self, telemetry: &Telemetry) {
        let mut taken = telemetry.take();
        // A long outage is told by the hour, for its minutes would have no end.
        let minute = match self.tallies.len() {
            few if few < MAX_COUNTERS => cut(clock::now(), false),
            _ => cut(clock::now(), true),
        };
        for (key, tally) in taken.tallies() {
            self.tallies.entry((key, minute)).or_default().merge(&tally);
        }
        self.next.merge(taken);
    }

    /// Tries each batch once; one that was not taken is tried again the next time.
    async fn deliver(&mut self, client: &Client, session: &Session) {
        while let Some(batch) = self.pick() {
            let Ok(token) = tokio::time::timeout(EVERY, session.token()).await else {
                return;
            };
            match client.telemetry(&token, batch).await {
                Ok(()) => self.sending = None,
                Err(Trouble::Refused(reason)) => {
                    tracing::error!(reason, "a batch of telemetry was refused and is dropped");
                    self.sending = None;
                }
                Err(Trouble::Unknown) => return session.lost(&token),
                // The feed meets the same, and tells.
                Err(Trouble::Gone | Trouble::Other(_)) => return,
            }
        }
    }

    fn pick(&mut self) -> Option<&Batch> {
        if self.sending.is_none() && !(self.next.is_empty() && self.tallies.is_empty()) {
            self.sequence += 1;
            let keys = self.tallies.keys().take(MAX_COUNTERS).copied();
            let keys: Vec<_> = keys.collect();
            let counters = keys.into_iter().filter_map(|key| {
                let tally = self.tallies.remove(&key)?;
                Some(tally.counter(key.0, key.1))
            });
            let counters = counters.collect();
            let next = std::mem::take(&mut self.next);
            self.sending = Some(Batch {
                source: self.source,
                sequence: self.sequence,
                counters,
                invocations: next.records,
                lines: next.lines,
                invocations_dropped: next.records_dropped,
                lines_dropped: next.lines_dropped,
            });
        }
        self.sending.as_ref()
    }
}

fn cut(now: Timestamp, to_the_hour: bool) -> Timestamp {
    let minute = if to_the_hour { 0 } else { now.minute() };
    let time = time::Time::from_hms(now.hour(), minute, 0);
    time.map_or(now, |time| now.replace_time(time))
}
