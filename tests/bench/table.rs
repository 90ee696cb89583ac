//! Samples by server and connections: their medians, and between which values they lay.

use std::time::Duration;

use crate::load::Sample;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) name: &'static str,
    pub(crate) connections: usize,
}

impl Key {
    pub(crate) fn new(name: &'static str, connections: usize) -> Self {
        Self { name, connections }
    }
}

/// In the order of their first sample.
#[derive(Default)]
pub(crate) struct Table(Vec<(Key, Vec<Sample>)>);

impl Table {
    pub(crate) fn add(&mut self, key: Key, sample: Sample) {
        match self.0.iter_mut().find(|(known, _)| *known == key) {
            Some((_, samples)) => samples.push(sample),
            None => self.0.push((key, vec![sample])),
        }
    }

    /// The median of one figure of a row, if the row was measured.
    pub(crate) fn median(&self, key: Key, figure: fn(&Sample) -> f64) -> Option<f64> {
        let (_, samples) = self.0.iter().find(|(known, _)| *known == key)?;
        Some(Spread::of(samples, figure).median)
    }

    pub(crate) fn connections(&self) -> Vec<usize> {
        let mut all: Vec<_> = self.0.iter().map(|(key, _)| key.connections).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = "| connections | server | requests/s | p50 ms | p99 ms | CPU µs per request | failed |\n\
                        |--:|---|--:|--:|--:|--:|--:|\n"
            .to_owned();
        for connections in self.connections() {
            let rows = self
                .0
                .iter()
                .filter(|(key, _)| key.connections == connections);
            for (key, samples) in rows {
                let failed: u64 = samples.iter().map(|sample| sample.failed).sum();
                text += &format!(
                    "| {connections} | {} | {} | {} | {} | {} | {failed} |\n",
                    key.name,
                    Spread::of(samples, requests).told(0),
                    Spread::of(samples, p50).told(2),
                    Spread::of(samples, p99).told(2),
                    Spread::of(samples, cpu).told(1),
                );
            }
        }
        text
    }
}

pub(crate) fn requests(sample: &Sample) -> f64 {
    sample.requests_per_second
}

pub(crate) fn p50(sample: &Sample) -> f64 {
    milliseconds(sample.p50)
}

pub(crate) fn p99(sample: &Sample) -> f64 {
    milliseconds(sample.p99)
}

pub(crate) fn cpu(sample: &Sample) -> f64 {
    sample.cpu_us
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

pub(crate) struct Spread {
    pub(crate) least: f64,
    pub(crate) median: f64,
    pub(crate) most: f64,
}

impl Spread {
    pub(crate) fn of<T>(samples: &[T], figure: impl Fn(&T) -> f64) -> Self {
        let mut values: Vec<f64> = samples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((values.len() - 1) as f64 * share).round() as usize];
        Self {
            least: at(0.0),
            median: at(0.5),
            most: at(1.0),
        }
    }

    /// `12.3 (11.9–14.0)`
    pub(crate) fn told(&self, digits: usize) -> String {
        let Self {
            least,
            median,
            most,
        } = self;
        format!("{median:.digits$} ({least:.digits$}–{most:.digits$})")
    }
}
