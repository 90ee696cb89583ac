//! What to measure and for how long, from variables: `make bench BENCH=hello,cold BENCH_ROUNDS=3`.

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, bail};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Hello,
    P3,
    Javascript,
    Json,
    Upload,
    Download,
    Cold,
    Growth,
    Hot,
    Neighbour,
}

impl Part {
    const ALL: [Self; 10] = [
        Self::Hello,
        Self::P3,
        Self::Javascript,
        Self::Json,
        Self::Upload,
        Self::Download,
        Self::Cold,
        Self::Growth,
        Self::Hot,
        Self::Neighbour,
    ];

    pub(crate) fn name(self) -> String {
        format!("{self:?}").to_lowercase()
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let found = Self::ALL.into_iter().find(|part| part.name() == text);
        found.with_context(|| {
            let all = Self::ALL.map(Self::name).join(", ");
            format!("BENCH: `{text}` is no part; the parts are {all}")
        })
    }
}

pub(crate) struct Settings {
    pub(crate) parts: Vec<Part>,
    /// Whether these are all parts: only then are the figures those of the docs.
    pub(crate) whole: bool,
    /// Servers take turns in each round, so that a slow minute of the machine hits all of them.
    pub(crate) rounds: usize,
    pub(crate) duration: Duration,
    pub(crate) connections: Vec<usize>,
    /// The largest snapshot of the part `growth`.
    pub(crate) functions: usize,
    pub(crate) repository: PathBuf,
}

impl Settings {
    pub(crate) fn from_environment() -> anyhow::Result<Self> {
        let selected = variable("BENCH").unwrap_or_default();
        let parts: Vec<Part> = match selected.as_str() {
            "" | "all" => Part::ALL.into(),
            list => list
                .split(',')
                .map(|text| Part::parse(text.trim()))
                .collect::<Result<_, _>>()?,
        };
        let connections = variable("BENCH_CONNECTIONS").unwrap_or_else(|| "1,16,256".to_owned());
        let connections = connections
            .split(',')
            .map(|text| in_range("BENCH_CONNECTIONS", text, 1, 5_000));
        Ok(Self {
            whole: parts == Part::ALL,
            parts,
            rounds: number("BENCH_ROUNDS", 5, 1, 100)?,
            duration: Duration::from_secs(number("BENCH_SECONDS", 5, 1, 600)? as u64),
            connections: connections.collect::<Result<_, _>>()?,
            functions: number("BENCH_FUNCTIONS", 100_000, 1_000, 1_000_000)?,
            repository: PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        })
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|text| !text.is_empty())
}

fn number(name: &str, default: usize, least: usize, most: usize) -> anyhow::Result<usize> {
    match variable(name) {
        None => Ok(default),
        Some(text) => in_range(name, &text, least, most),
    }
}

fn in_range(name: &str, text: &str, least: usize, most: usize) -> anyhow::Result<usize> {
    match text.trim().parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => bail!("{name}: use {least} to {most}, this is `{text}`"),
    }
}
