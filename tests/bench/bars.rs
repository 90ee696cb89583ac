//! What Atoll promises to reach, as ratios within one run, and whether it did.

use crate::{
    load::Sample,
    settings::Part,
    table::{Key, Table, cpu, p50, p99, requests},
    throughput::{PLAIN, REUSE},
    wasmtime::Flags,
};

/// CPU µs per request of the prototype of 100 lines over those of hyper alone, both of one run: what
/// the prototype would have cost on the machine that this run is on.
const PROTOTYPE_OVER_HYPER: f64 = 38.0 / 7.0;

pub(crate) struct Bar {
    pub(crate) what: String,
    pub(crate) measured: f64,
    pub(crate) limit: f64,
    pub(crate) wanted: Wanted,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    AtLeast,
    AtMost,
}

impl Bar {
    pub(crate) fn at_least(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self {
            what: what.into(),
            measured,
            limit,
            wanted: Wanted::AtLeast,
        }
    }

    pub(crate) fn at_most(what: impl Into<String>, measured: f64, limit: f64) -> Self {
        Self {
            wanted: Wanted::AtMost,
            ..Self::at_least(what, measured, limit)
        }
    }

    pub(crate) fn is_met(&self) -> bool {
        match self.wanted {
            Wanted::AtLeast => self.measured >= self.limit,
            Wanted::AtMost => self.measured <= self.limit,
        }
    }
}

pub(crate) fn of(part: Part, table: &Table) -> Vec<Bar> {
    let default = Flags::Default.name();
    let mut bars = Vec::new();
    for connections in table.connections() {
        let ratio = |ours: &'static str, theirs: &'static str, figure: fn(&Sample) -> f64| {
            let ours = table.median(Key::new(ours, connections), figure)?;
            let theirs = table.median(Key::new(theirs, connections), figure)?;
            Some(ours / theirs)
        };
        let mut at_least = |what: &str, ratio: Option<f64>, limit| {
            let what = format!("{what}, {connections} connections");
            bars.extend(ratio.map(|ratio| Bar::at_least(what, ratio, limit)));
        };
        if part == Part::Hello && connections > 1 {
            at_least(
                "requests/s over `wasmtime serve`",
                ratio(PLAIN, default, requests),
                5.0,
            );
        }
        if part == Part::Hello {
            at_least(
                "with reuse, requests/s over its reuse",
                ratio(REUSE, Flags::Reuse.name(), requests),
                1.2,
            );
        }
        let mut at_most = |what: &str, ratio: Option<f64>, limit| {
            let what = format!("{what}, {connections} connections");
            bars.extend(ratio.map(|ratio| Bar::at_most(what, ratio, limit)));
        };
        match part {
            Part::Hello => {
                let tuned = Flags::Tuned.name();
                at_most("p99 over `wasmtime serve`", ratio(PLAIN, default, p99), 1.0);
                at_most(
                    "CPU over `wasmtime serve` tuned",
                    ratio(PLAIN, tuned, cpu),
                    0.6,
                );
                if connections == 1 {
                    at_most("p50 over `wasmtime serve`", ratio(PLAIN, default, p50), 1.0);
                    at_most(
                        "p50 over `wasmtime serve` tuned",
                        ratio(PLAIN, tuned, p50),
                        1.0,
                    );
                }
                let over_hyper = ratio(PLAIN, crate::throughput::HYPER, cpu);
                let over_prototype = over_hyper.map(|ratio| ratio / PROTOTYPE_OVER_HYPER);
                at_most(
                    "CPU over the prototype's (by way of hyper alone)",
                    over_prototype,
                    1.15,
                );
            }
            Part::P3 => {
                at_most(
                    "with reuse, CPU over `wasmtime serve` (it reuses)",
                    ratio(REUSE, default, cpu),
                    1.0,
                );
                at_most(
                    "with reuse, p99 over `wasmtime serve`",
                    ratio(REUSE, default, p99),
                    1.0,
                );
            }
            _ => {}
        }
    }
    bars
}
