//! When the machine itself is out of breath: too late at its own work, or nearly out of memory. New
//! calls are then refused with 503 before those that run suffer.

use std::{
    fs,
    sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const BEAT: Duration = Duration::from_millis(50);
/// A data thread this late, in the least of several beats, has more to do than it can.
const TOO_LATE: Duration = Duration::from_millis(200);
const BEATS: u32 = 3;
const REFUSE_FOR: Duration = Duration::from_secs(1);
/// Of the machine's memory, or of our control group's.
const MIN_AVAILABLE_PERCENT: u64 = 5;

const FINE: u8 = 0;
const MEMORY: u8 = 1;

#[derive(Default)]
pub(crate) struct Pressure {
    memory: AtomicU8,
    /// When a data thread last was too late, in milliseconds of the process's life; zero for never.
    late_until_ms: AtomicU64,
    now_ms: AtomicU64,
}

impl Pressure {
    /// Why no new call is taken, if so.
    pub(super) fn reason(&self) -> Option<&'static str> {
        if self.memory.load(Relaxed) == MEMORY {
            return Some("this worker is nearly out of memory; try again");
        }
        (self.late_until_ms.load(Relaxed) > self.now_ms.load(Relaxed))
            .then_some("this worker has more work than its processors can do; try again")
    }

    /// Looks after memory for as long as it is polled.
    pub(crate) async fn watch_memory(&self) {
        let started = Instant::now();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            self.now_ms
                .store(started.elapsed().as_millis() as u64, Relaxed);
            let available = available_percent(|path| fs::read_to_string(path).ok());
            let short = available.is_some_and(|percent| percent < MIN_AVAILABLE_PERCENT);
            let before = self.memory.swap(if short { MEMORY } else { FINE }, Relaxed);
            if short && before == FINE {
                tracing::warn!(available, "memory is short: new calls are refused");
            }
        }
    }

    /// Looks after one data thread, from which it must be called, for as long as it is polled.
    pub(crate) async fn watch_thread(&self) {
        loop {
            let mut least = Duration::MAX;
            for _ in 0..BEATS {
                let due = Instant::now() + BEAT;
                tokio::time::sleep_until(due).await;
                least = least.min(due.elapsed());
            }
            if least > TOO_LATE {
                let until = self.now_ms.load(Relaxed) + REFUSE_FOR.as_millis() as u64;
                self.late_until_ms.fetch_max(until, Relaxed);
                tracing::warn!(
                    late_ms = least.as_millis() as u64,
                    "a data thread is late: new calls are refused"
                );
            }
        }
    }
}

/// The least of what the machine and the control group at the root of our view have left.
fn available_percent(read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let machine = read("/proc/meminfo").and_then(|text| {
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        percent(field("MemAvailable:")?, field("MemTotal:")?)
    });
    let group = read("/sys/fs/cgroup/memory.max").and_then(|max| {
        let max: u64 = max.trim().parse().ok()?;
        let current: u64 = read("/sys/fs/cgroup/memory.current")?.trim().parse().ok()?;
        // What is only cached is given back when it is needed.
        let stat = read("/sys/fs/cgroup/memory.stat")?;
        let cached = stat
            .lines()
            .find_map(|line| line.strip_prefix("inactive_file "))?;
        let used = current.saturating_sub(cached.trim().parse().ok()?);
        percent(max.saturating_sub(used), max)
    });
    machine.into_iter().chain(group).min()
}

fn percent(part: u64, whole: u64) -> Option<u64> {
    part.saturating_mul(100).checked_div(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_the_less_of_the_machines_and_the_groups() {
        let files = |path: &str| {
            let text = match path {
                "/proc/meminfo" => "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 400 kB\n",
                "/sys/fs/cgroup/memory.max" => "1000\n",
                "/sys/fs/cgroup/memory.current" => "990\n",
                "/sys/fs/cgroup/memory.stat" => "anon 3\ninactive_file 20\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(available_percent(files), Some(3));
        let no_limit = |path: &str| match path {
            "/sys/fs/cgroup/memory.max" => Some("max\n".to_owned()),
            path => files(path),
        };
        assert_eq!(available_percent(no_limit), Some(40));
        assert_eq!(available_percent(|_| None), None);
    }
}
