//! Results go to standard output, everything said meanwhile to standard error: what a script reads has nothing
//! else in it.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use time::OffsetDateTime;

use super::{api::read, failure::Failure};

#[derive(Clone, Copy)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// A word to the person at the terminal.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        // Whoever closed our standard error does not want to be told.
        let _ = writeln!(io::stderr(), "{}", text.as_ref());
    }

    /// One line of the result.
    pub(crate) fn line(self, text: impl AsRef<str>) -> Result<(), Failure> {
        Ok(writeln!(io::stdout(), "{}", text.as_ref())?)
    }

    pub(crate) fn bytes(self, bytes: &[u8]) -> Result<(), Failure> {
        let mut stdout = io::stdout();
        stdout.write_all(bytes)?;
        Ok(stdout.flush()?)
    }

    /// The whole result, for a program.
    pub(crate) fn json(self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).expect("its keys are text");
        self.line(text)
    }

    /// The server's words to a program, ours to a person.
    pub(crate) fn one<T: DeserializeOwned>(
        self,
        raw: &Value,
        tell: impl FnOnce(T) -> String,
    ) -> Result<(), Failure> {
        if self.json {
            return self.json(raw);
        }
        self.line(tell(read(raw)?).trim_end())
    }

    /// As [`Self::one`], of a list; `none` is said where it is empty.
    pub(crate) fn list<T: DeserializeOwned, const N: usize>(
        self,
        raw: Vec<Value>,
        headings: [&str; N],
        none: &str,
        row: impl Fn(T) -> [String; N],
    ) -> Result<(), Failure> {
        if self.json {
            return self.json(&raw);
        }
        if raw.is_empty() {
            self.note(none);
            return Ok(());
        }
        let mut rows = vec![headings.map(str::to_owned)];
        for item in &raw {
            rows.push(row(read(item)?).map(|cell| printable(&cell)));
        }
        self.line(table(&rows).trim_end())
    }
}

/// Columns as wide as their widest cell, the last one as it comes.
fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let widths: [usize; N] = std::array::from_fn(|column| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or_default()
    });
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// Lines of `name  value`, without those whose value is empty.
pub(crate) fn fields<const N: usize>(fields: [(&str, String); N]) -> String {
    let told: Vec<_> = fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| [name.to_owned(), printable(&value)])
        .collect();
    table(&told)
}

/// What others wrote, as text that moves no cursor and changes no colour: a log line may hold whatever a caller of
/// the function sent.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\t' => shown.push('\t'),
            // Those that turn the direction of text around are as good a disguise.
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                shown.extend(char.escape_unicode());
            }
            char if char.is_control() => shown.extend(char.escape_default()),
            char => shown.push(char),
        }
    }
    shown
}

/// To the second, in UTC.
pub(crate) fn moment(at: OffsetDateTime) -> String {
    const SHAPE: &[time::format_description::FormatItem<'_>] =
        time::macros::format_description!("[year]-[month]-[day] [hour]:[minute]:[second]Z");
    at.to_offset(time::UtcOffset::UTC)
        .format(SHAPE)
        .unwrap_or_default()
}

/// A word of the API, `wasi_http02` or `developer`, as it is written there.
pub(crate) fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(text)) => text,
        Ok(other) => other.to_string(),
        Err(_) => String::new(),
    }
}

pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} B"),
        1_024..1_048_576 => format!("{:.1} KiB", bytes as f64 / 1_024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_no_line_ends_in_blanks() {
        let rows = [["NAME", "STATE"], ["a-long-name", ""], ["ä", "live"]];
        let rows = rows.map(|row| row.map(str::to_owned));
        assert_eq!(
            table(&rows),
            "NAME         STATE\na-long-name\nä            live\n"
        );
    }

    #[test]
    fn what_others_wrote_is_shown_and_not_obeyed() {
        assert_eq!(
            printable("a\tb\u{1b}]0;x\u{7}\r\n\u{202e}ä"),
            "a\tb\\u{1b}]0;x\\u{7}\\r\\n\\u{202e}ä"
        );
    }

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(
            [size(12), size(2_048), size(3 << 20)],
            ["12 B", "2.0 KiB", "3.0 MiB"]
        );
    }
}
