//! The report: printed as it grows, kept in `target/bench/`, and after a whole run in the docs.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, ensure};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    bars::{Bar, Wanted},
    machine,
    settings::{Part, Settings},
};

const DOCS: &str = "docs/performance.md";
const BEGIN: &str = "<!-- written by make bench -->\n";
const END: &str = "<!-- end of what make bench writes -->";

pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) text: String,
    pub(crate) bars: Vec<Bar>,
}

pub(crate) struct Report {
    text: String,
    name: String,
    repository: PathBuf,
    whole: bool,
    failed: Vec<String>,
}

impl Report {
    #[expect(
        clippy::disallowed_methods,
        reason = "a report of today, made by nobody's platform"
    )]
    pub(crate) fn begin(settings: &Settings) -> Self {
        let now = OffsetDateTime::now_utc();
        let now = now.replace_nanosecond(0).unwrap_or(now);
        let date = now.format(&Rfc3339).unwrap_or_default();
        let mut report = Self {
            text: String::new(),
            name: date.replace(':', ""),
            repository: settings.repository.clone(),
            whole: settings.whole,
            failed: Vec::new(),
        };
        let profile = if cfg!(debug_assertions) {
            "**a debug build: these figures mean nothing**"
        } else {
            "release build"
        };
        report.write(&format!(
            "{date}, {}, {profile}; {} rounds of {} s, medians (least–most).\n",
            machine::described(),
            settings.rounds,
            settings.duration.as_secs(),
        ));
        if let Some(busy) = machine::is_busy() {
            report.write(&format!("\n**Disturbed:** {busy}.\n"));
        }
        report
    }

    pub(crate) fn add(&mut self, section: Section) {
        let mut text = format!("\n### {}\n\n{}", section.title, section.text);
        if !section.bars.is_empty() {
            text += "\n| bar | wanted | measured | |\n|---|--:|--:|---|\n";
        }
        for bar in &section.bars {
            let sign = match bar.wanted {
                Wanted::AtLeast => "≥",
                Wanted::AtMost => "≤",
            };
            let verdict = if bar.is_met() { "met" } else { "**missed**" };
            text += &format!(
                "| {} | {sign} {} | {:.2} | {verdict} |\n",
                bar.what, bar.limit, bar.measured
            );
        }
        self.write(&text);
    }

    pub(crate) fn failed(&mut self, part: Part, error: &anyhow::Error) {
        self.write(&format!(
            "\n### {}\n\nNot measured: {error:#}\n",
            part.name()
        ));
        self.failed.push(part.name());
    }

    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let folder = self.repository.join("target/bench");
        fs::create_dir_all(&folder)?;
        let path = folder.join(&self.name).with_extension("md");
        fs::write(&path, &self.text)?;
        eprintln!("written to {}", path.display());
        ensure!(
            self.failed.is_empty(),
            "not measured: {}",
            self.failed.join(", ")
        );
        if self.whole {
            self.write_docs()?;
        }
        Ok(())
    }

    fn write_docs(&self) -> anyhow::Result<()> {
        let path = self.repository.join(DOCS);
        let docs = fs::read_to_string(&path)?;
        let (before, rest) = docs
            .split_once(BEGIN)
            .with_context(|| format!("{DOCS} has lost its marker {BEGIN}"))?;
        let (_, after) = rest
            .split_once(END)
            .with_context(|| format!("{DOCS} has lost its marker {END}"))?;
        fs::write(
            &path,
            format!("{before}{BEGIN}\n{}\n{END}{after}", self.text),
        )?;
        Ok(())
    }

    fn write(&mut self, text: &str) {
        print!("{text}");
        self.text += text;
    }
}
