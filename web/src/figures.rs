//! What a function's page tells of its last hour and day.

use control::{
    Member, Platform, Viewer,
    telemetry::{
        Span,
        invocations::{self, Wanted},
        metrics::{self, Figures, Step},
    },
};
use domain::page::PageRequest;

use crate::{errors::Result, format, invocations::InvocationRow};

const RECENT: u32 = 8;

pub(crate) struct Activity {
    pub(crate) periods: Vec<PeriodRow>,
    pub(crate) recent: Vec<InvocationRow>,
}

/// A line of the table of periods.
pub(crate) struct PeriodRow {
    pub(crate) name: &'static str,
    pub(crate) invocations: String,
    pub(crate) errors: String,
    pub(crate) has_errors: bool,
    pub(crate) p50: String,
    pub(crate) p99: String,
    pub(crate) cpu: String,
}

impl Activity {
    pub(crate) async fn read(
        platform: &Platform,
        viewer: &Member<Viewer>,
        function: &str,
    ) -> Result<Self> {
        let mut periods = Vec::new();
        for (name, step) in [("Last hour", Step::Minute), ("Last day", Step::Hour)] {
            let wanted = metrics::Wanted {
                step,
                version: None,
                span: Span::default(),
            };
            let read = metrics::get(platform, viewer, function, wanted).await?;
            periods.push(PeriodRow::new(name, &read.total));
        }
        let page = PageRequest {
            limit: Some(RECENT),
            cursor: None,
        };
        let all = Wanted::default();
        let recent = invocations::list(platform, viewer, function, all, &page).await?;
        let now = platform.clock.now();
        let recent = recent.items.iter();
        Ok(Self {
            periods,
            recent: recent.map(|it| InvocationRow::new(it, now)).collect(),
        })
    }
}

impl PeriodRow {
    fn new(name: &'static str, figures: &Figures) -> Self {
        let time = |share| {
            figures
                .wall_ms(share)
                .map_or("–".to_owned(), format::millis)
        };
        let per_call = figures.cpu_us.checked_div(figures.invocations);
        Self {
            name,
            invocations: format::count(figures.invocations),
            errors: format::count(figures.errors),
            has_errors: figures.errors > 0,
            p50: time(0.50),
            p99: time(0.99),
            cpu: per_call.map_or("–".to_owned(), |us| format::millis(us as f64 / 1_000.0)),
        }
    }
}
