//! The configuration in force, for `--print-config`.

use super::keys::KEYS;
use super::load::Loaded;
use super::origin::Origin;
use super::row::Key;
use super::value::Value;
use serde_json::json;

/// The version of the JSON.
const SCHEMA: &str = "v1";

/// One value that is in force.
#[derive(Clone, Debug)]
pub struct OriginRow<'a> {
    /// Its key.
    pub key: &'static Key,
    /// The value.
    pub value: Value,
    /// Where it is from.
    pub origin: &'a Origin,
}

impl Loaded {
    /// Every key with its value and where that is from, in the table's order.
    pub fn origins(&self) -> Vec<OriginRow<'_>> {
        let row = |key: &'static Key| OriginRow {
            key,
            value: key.value(self.config()),
            origin: self.origin(key.path),
        };
        KEYS.iter().map(row).collect()
    }

    /// A file that says the same, with the origins as comments.
    pub fn toml(&self) -> String {
        let rows = self.origins();
        let mut out = String::new();
        let mut section = None;
        for row in &rows {
            if row.key.section() != section {
                section = row.key.section();
                out.push_str(&format!("\n[{}]\n", section.unwrap_or_default()));
            }
            let line = assignment(row);
            let width = rows.iter().filter(|other| other.key.section() == section).map(width).max();
            let width = width.unwrap_or_default();
            out.push_str(&format!("{line:width$}  # {}\n", row.origin));
        }
        out
    }

    /// A table for people.
    pub fn table(&self) -> String {
        let mut rows = vec![["KEY".to_owned(), "VALUE".to_owned(), "ORIGIN".to_owned()]];
        for row in self.origins() {
            // As in the file, where nothing can be seen and no line breaks.
            let value = match &row.value {
                Value::Text(_) => row.value.toml(),
                value => value.to_string(),
            };
            rows.push([row.key.path.to_owned(), value, row.origin.to_string()]);
        }
        let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
        let (keys, values) = (width(0), width(1));
        let line = |[key, value, origin]: &[String; 3]| format!("{key:keys$}  {value:values$}  {origin}\n");
        rows.iter().map(line).collect()
    }

    /// One object for programs.
    pub fn json(&self) -> serde_json::Value {
        let row = |row: OriginRow<'_>| {
            json!({
                "key": row.key.path,
                "value": row.value.json(),
                "origin": row.origin.to_string(),
                "changes": row.key.changes.to_string(),
            })
        };
        json!({ "schema": SCHEMA, "configuration": self.origins().into_iter().map(row).collect::<Vec<_>>() })
    }
}

fn assignment(row: &OriginRow<'_>) -> String {
    format!("{} = {}", row.key.name(), row.value.toml())
}

fn width(row: &OriginRow<'_>) -> usize {
    assignment(row).chars().count()
}
