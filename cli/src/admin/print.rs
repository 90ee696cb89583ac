//! What `atoll admin` prints: JSON as the API tells it, or a table of some of its fields.

use serde::Serialize;
use serde_json::Value;

/// Columns of a table: the head, and where in the JSON the cell is found (RFC 6901).
pub(super) type Columns = &'static [(&'static str, &'static str)];

pub(super) struct Printer {
    pub(super) json: bool,
}

impl Printer {
    /// Many of a kind: a JSON array, or a table.
    pub(super) fn list(&self, items: &[impl Serialize], columns: Columns) -> anyhow::Result<()> {
        let items = serde_json::to_value(items)?;
        if self.json {
            println!("{items:#}");
        } else {
            print!(
                "{}",
                table(items.as_array().map_or(&[], Vec::as_slice), columns)
            );
        }
        Ok(())
    }

    /// One thing: a JSON object, or a line for each of its fields.
    pub(super) fn one(&self, item: &impl Serialize) -> anyhow::Result<()> {
        let item = serde_json::to_value(item)?;
        if self.json {
            println!("{item:#}");
        } else {
            let mut lines = Vec::new();
            flatten("", &item, &mut lines);
            let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
            for (name, value) in lines {
                println!("{name:width$}  {value}");
            }
        }
        Ok(())
    }
}

fn flatten(path: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                flatten(&below(key), value, lines);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                flatten(&below(&index.to_string()), item, lines);
            }
        }
        value => lines.push((path.to_owned(), cell(Some(value)))),
    }
}

/// Control characters of what others named are not the terminal's to obey.
fn cell(value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

fn table(items: &[Value], columns: Columns) -> String {
    let head = columns.iter().map(|(head, _)| (*head).to_owned()).collect();
    let mut rows: Vec<Vec<String>> = vec![head];
    rows.extend(items.iter().map(|item| {
        let cells = columns.iter().map(|(_, at)| cell(item.pointer(at)));
        cells.collect()
    }));
    let width = |column: usize| {
        let widths = rows.iter().map(|row| row[column].chars().count());
        widths.max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns.len()).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        text += line.join("  ").trim_end();
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_is_as_wide_as_what_is_in_it_and_nothing_in_it_moves_the_cursor() {
        let items = [
            json!({ "slug": "acme", "use": { "functions": 12 } }),
            json!({ "slug": "a\u{1b}[2J", "use": { "functions": null } }),
        ];
        let columns: Columns = &[("SLUG", "/slug"), ("FUNCTIONS", "/use/functions")];
        assert_eq!(
            table(&items, columns),
            "SLUG   FUNCTIONS\nacme   12\na [2J  -\n"
        );
    }
}
