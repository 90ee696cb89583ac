//! The import report as a person reads it, before a version is made and after.

use domain::report::{ImportReport, ModuleKind, Support};

use crate::format::{self, Mark};

pub(crate) struct ReportView {
    pub(crate) kind: &'static str,
    pub(crate) handler: &'static str,
    pub(crate) handler_export: String,
    pub(crate) memory: String,
    pub(crate) producers: String,
    pub(crate) imports: Vec<ImportRow>,
    /// Of the whole: that all is provided, or how much is not.
    pub(crate) verdict: Verdict,
}

pub(crate) struct ImportRow {
    pub(crate) name: String,
    pub(crate) mark: Mark,
    pub(crate) detail: String,
}

pub(crate) struct Verdict {
    pub(crate) class: &'static str,
    pub(crate) text: String,
}

impl ReportView {
    pub(crate) fn new(report: &ImportReport) -> Self {
        let imports: Vec<_> = report
            .imports
            .iter()
            .map(|import| ImportRow::new(import.name.clone(), &import.support))
            .collect();
        let count = |class| imports.iter().filter(|row| row.mark.class == class).count();
        let (class, text) = match (count("bad"), count("warn")) {
            (0, 0) => ("good", "All provided".to_owned()),
            (0, waiting) => ("warn", format!("{waiting} not granted")),
            (missing, _) => ("bad", format!("{missing} not offered")),
        };
        Self {
            kind: match report.kind {
                ModuleKind::Component => "Component",
                ModuleKind::WrappedCore => "Core module of WASI 0.1, wrapped into a component",
            },
            handler: format::handler(report.handler),
            handler_export: report.handler_export.clone(),
            memory: format::bytes(report.initial_memory_bytes),
            producers: report.producers.join(", "),
            verdict: Verdict { class, text },
            imports,
        }
    }
}

impl ImportRow {
    fn new(name: String, support: &Support) -> Self {
        let (mark, detail) = match support {
            Support::Provided => (Mark::new("Provided", "good"), String::new()),
            Support::NotGranted { reason } => (Mark::new("Not granted", "warn"), reason.clone()),
            Support::Unsupported { nearest } => {
                let nearest = nearest.as_ref();
                let detail = nearest.map(|nearest| format!("the nearest is `{nearest}`"));
                (Mark::new("Not offered", "bad"), detail.unwrap_or_default())
            }
        };
        Self { name, mark, detail }
    }
}
