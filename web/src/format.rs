//! Times, sizes and states as people read them.

use std::fmt;

use askama::filters::{Escaper, Html, HtmlSafe};
use domain::{
    Timestamp,
    deployment::{DeploymentState, Share},
    function::Access,
    version::{Handler, VersionState},
};
use time::{
    Duration, format_description::BorrowedFormatItem, format_description::well_known::Rfc3339,
    macros::format_description,
};

const FULL: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");
const DAY: &[BorrowedFormatItem<'_>] =
    format_description!("[day padding:none] [month repr:short] [year]");

/// A moment as a `time` element: how long ago, and exactly when on hovering.
pub(crate) struct When {
    at: Timestamp,
    now: Timestamp,
}

impl When {
    pub(crate) fn new(at: Timestamp, now: Timestamp) -> Self {
        Self { at, now }
    }
}

impl HtmlSafe for When {}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.at.format(&Rfc3339).map_err(|_| fmt::Error)?;
        let full = self.at.format(FULL).map_err(|_| fmt::Error)?;
        write!(f, r#"<time datetime="{machine}" title="{full}">"#)?;
        let ago = self.now - self.at;
        if ago < Duration::minutes(1) {
            f.write_str("just now")?;
        } else if ago < Duration::hours(1) {
            write!(f, "{} min ago", ago.whole_minutes())?;
        } else if ago < Duration::days(1) {
            write!(f, "{} h ago", ago.whole_hours())?;
        } else if ago < Duration::days(2) {
            f.write_str("yesterday")?;
        } else if ago < Duration::days(30) {
            write!(f, "{} days ago", ago.whole_days())?;
        } else {
            f.write_str(&self.at.format(DAY).map_err(|_| fmt::Error)?)?;
        }
        f.write_str("</time>")
    }
}

/// A day that is to come, `3 Nov 2026`.
pub(crate) fn day(at: Timestamp) -> String {
    at.format(DAY).unwrap_or_default()
}

/// A sentence in which what stands between backticks is code.
pub(crate) struct Prose<'a>(&'a str);

impl<'a> Prose<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self(text)
    }
}

impl HtmlSafe for Prose<'_> {}

impl fmt::Display for Prose<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        while let Some((before, code, after)) = next_code(rest) {
            Html.write_escaped_str(&mut *f, before)?;
            f.write_str("<code>")?;
            Html.write_escaped_str(&mut *f, code)?;
            f.write_str("</code>")?;
            rest = after;
        }
        Html.write_escaped_str(f, rest)
    }
}

fn next_code(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

/// `1.8 MiB`
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: &[&str] = &["KiB", "MiB", "GiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    let mut amount = count as f64 / 1024.0;
    let mut unit = 0;
    while amount >= 1024.0 && unit + 1 < UNITS.len() {
        amount /= 1024.0;
        unit += 1;
    }
    let digits = usize::from(amount < 10.0 && amount.fract() > 0.05);
    format!("{amount:.digits$} {}", UNITS[unit])
}

/// `12.4 ms`, `1.2 s`
pub(crate) fn millis(ms: f64) -> String {
    match ms {
        ..10.0 => format!("{ms:.1} ms"),
        ..1000.0 => format!("{ms:.0} ms"),
        _ => format!("{:.1} s", ms / 1000.0),
    }
}

/// `12 345`, with spaces that do not break
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A state's word and the class of its mark.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
}

impl Mark {
    pub(crate) const fn new(word: &'static str, class: &'static str) -> Self {
        Self { word, class }
    }
}

impl From<VersionState> for Mark {
    fn from(state: VersionState) -> Self {
        match state {
            VersionState::Compiling => Self::new("Compiling", "busy"),
            VersionState::Ready => Self::new("Ready", ""),
            VersionState::Failed => Self::new("Failed", "bad"),
        }
    }
}

impl From<DeploymentState> for Mark {
    fn from(state: DeploymentState) -> Self {
        match state {
            DeploymentState::Preparing => Self::new("Preparing", "busy"),
            DeploymentState::Live => Self::new("Live", "good"),
            DeploymentState::Superseded => Self::new("Replaced", ""),
            DeploymentState::Failed => Self::new("Failed", "bad"),
        }
    }
}

/// `v8`, or `v8 90 % · v9 10 %`
pub(crate) fn traffic(shares: &[Share]) -> String {
    match shares {
        [] => "nothing".to_owned(),
        [only] => format!("v{}", only.version),
        several => {
            let each = several
                .iter()
                .map(|share| format!("v{} {} %", share.version, share.percent));
            each.collect::<Vec<_>>().join(" · ")
        }
    }
}

pub(crate) fn access(access: Access) -> &'static str {
    match access {
        Access::Public => "Public",
        Access::Private => "Private",
    }
}

/// Accounts go, what they did stays.
pub(crate) fn author(name: Option<&str>) -> String {
    name.unwrap_or("somebody who left").to_owned()
}

pub(crate) fn handler(handler: Handler) -> &'static str {
    match handler {
        Handler::WasiHttp02 => "WASI 0.2 HTTP",
        Handler::WasiHttp03 => "WASI 0.3 HTTP",
        Handler::Command => "command (CGI)",
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    #[test]
    fn a_moment_is_told_from_now() {
        let now = datetime!(2026-03-31 12:00 UTC);
        let say = |at| {
            let text = When::new(at, now).to_string();
            let inner = text.split(['>', '<']).nth(2).unwrap_or_default();
            inner.to_owned()
        };
        assert_eq!(say(datetime!(2026-03-31 11:59:30 UTC)), "just now");
        assert_eq!(say(datetime!(2026-03-31 11:48 UTC)), "12 min ago");
        assert_eq!(say(datetime!(2026-03-31 09:00 UTC)), "3 h ago");
        assert_eq!(say(datetime!(2026-03-30 09:00 UTC)), "yesterday");
        assert_eq!(say(datetime!(2026-03-25 12:00 UTC)), "6 days ago");
        assert_eq!(say(datetime!(2026-01-02 12:00 UTC)), "2 Jan 2026");
    }

    #[test]
    fn only_whole_pairs_of_backticks_are_code_and_all_is_escaped() {
        let html = |text| Prose::new(text).to_string();
        assert_eq!(
            html("use `a<b>` here"),
            "use <code>a&#60;b&#62;</code> here"
        );
        assert_eq!(html("5 < 6 ` 7"), "5 &#60; 6 ` 7");
    }

    #[test]
    fn a_size_has_two_digits_or_more_and_its_unit() {
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(1 << 20), "1 MiB");
        assert_eq!(bytes(1_887_437), "1.8 MiB");
        assert_eq!(bytes(128 << 20), "128 MiB");
        assert_eq!(bytes(71 * 1024), "71 KiB");
    }
}
