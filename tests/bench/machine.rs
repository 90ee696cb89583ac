//! What the figures were measured on, and whether it had something else to do.

use std::fs;

/// More than this share of a core that others use disturbs a measurement.
const QUIET: f64 = 0.3;

pub(crate) fn described() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("unknown", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = read("/proc/sys/kernel/osrelease");
    format!("{cores} cores of {model}, Linux {}", kernel.trim())
}

/// `Some` tells how busy it was before we began.
pub(crate) fn is_busy() -> Option<String> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    let last_minute: f64 = load.split(' ').next()?.parse().ok()?;
    (last_minute > QUIET).then(|| {
        format!("the load was {last_minute} before the run began: the machine had other work to do")
    })
}
