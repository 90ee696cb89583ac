//! Limits as people read them: a table of what there may be, what there is, and who set it.

use control::limits::{Figure, Source};

use crate::format;

pub(crate) struct LimitRow {
    pub(crate) label: String,
    /// Empty where nothing is counted.
    pub(crate) used: String,
    pub(crate) limit: String,
    pub(crate) source: &'static str,
    /// No more can be added.
    pub(crate) is_full: bool,
}

pub(crate) fn rows(figures: Vec<Figure>) -> Vec<LimitRow> {
    let rows = figures.into_iter().map(|figure| LimitRow {
        label: label(figure.name),
        used: figure
            .used
            .map(|used| amount(figure.name, used))
            .unwrap_or_default(),
        limit: amount(figure.name, figure.limit),
        source: match figure.source {
            Source::Plan => "Plan",
            Source::Function => "This function",
            Source::Platform => "Platform",
        },
        is_full: figure.used.is_some_and(|used| used >= figure.limit),
    });
    rows.collect()
}

/// By the unit that a limit's name ends with.
fn amount(name: &str, number: u64) -> String {
    if name.ends_with("_bytes") {
        format::bytes(number)
    } else if name.ends_with("_ms") {
        format::count(number) + " ms"
    } else {
        format::count(number)
    }
}

fn label(name: &str) -> String {
    let words = match name {
        "cpu_ms" => "CPU time of a call",
        "wall_ms" => "Wall time of a call",
        "memory_bytes" => "Memory of a call",
        "request_body_bytes" => "Request body",
        "response_body_bytes" => "Response body",
        "log_bytes" => "Log of a call",
        "concurrency" => "Calls at a time",
        "rate_per_second" => "Calls a second",
        "outbound_requests" => "Requests that a call sends",
        "outbound_bytes" => "Bodies of those",
        "functions" => "Functions",
        "versions" => "Versions",
        "versions_per_function" => "Versions of a function",
        "aliases" => "Aliases",
        "aliases_per_function" => "Aliases of a function",
        "stored_bytes" => "Modules kept",
        "members" => "Members",
        "access_tokens" => "Access tokens of the tenant",
        "module_bytes" => "Size of a module",
        other => other,
    };
    words.to_owned()
}

#[cfg(test)]
mod tests {
    use domain::{
        Limits,
        limits::{Quotas, TenantLimits},
    };

    use super::*;

    #[test]
    fn every_limit_has_words_of_its_own() {
        let figures = [
            Limits::DEFAULT.each(),
            TenantLimits::DEFAULT.each(),
            Quotas::DEFAULT.each(),
        ];
        for (name, _) in figures.concat() {
            assert_ne!(label(name), name);
        }
    }

    #[test]
    fn what_is_used_up_is_marked() {
        let figure = |used| Figure {
            name: "stored_bytes",
            limit: 10 << 20,
            used,
            source: Source::Plan,
        };
        let rows = rows(vec![figure(Some(10 << 20)), figure(Some(0)), figure(None)]);
        let told: Vec<_> = rows
            .iter()
            .map(|row| (row.used.as_str(), row.limit.as_str(), row.is_full))
            .collect();
        assert_eq!(
            told,
            [
                ("10 MiB", "10 MiB", true),
                ("0 B", "10 MiB", false),
                ("", "10 MiB", false)
            ]
        );
    }
}
