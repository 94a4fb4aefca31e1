//! What the file brings.

use super::keys;
use super::nearest;
use super::origin::Origin;
use super::problem::Problem;
use super::raw::{Assignment, Raw, shown};
use env::{Files, files};
use std::io;
use std::path::Path;
use toml::de::{DeInteger, DeTable, DeValue};

/// More than every key with a page of comment each.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What the file sets, and what is wrong with it, from top to bottom. A file
/// whose form is broken sets nothing: what was read of it may not be what was
/// meant.
pub fn read(files: &dyn Files, path: &Path, named_by: &Origin) -> Vec<Result<Assignment, Problem>> {
    let content = match content(files, path) {
        Ok(content) => content,
        Err(why) => {
            let what = format!("the file `{}` {why}", shown(&path.display().to_string()));
            let hint = "name a file that can be read, or none";
            return vec![Err(Problem::new(named_by.clone(), what, hint))];
        }
    };
    match std::str::from_utf8(&content) {
        Ok(text) => Reading { path, text, found: Vec::new() }.read(),
        Err(error) => {
            let origin = origin_at(path, &content[..error.valid_up_to()]);
            vec![Err(Problem::new(origin, "these bytes are no text", "save the file as UTF-8"))]
        }
    }
}

fn content(files: &dyn Files, path: &Path) -> Result<Vec<u8>, String> {
    let device = files.open_read(path).map_err(|error| unreadable(&error))?;
    let bytes = device.bytes().map_err(|error| unreadable(&error))?;
    if bytes > FILE_BYTES_MAX {
        return Err(format!("has {bytes} bytes, more than any configuration"));
    }
    files::read_all(&*device).map_err(|error| unreadable(&error))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "is not there".to_owned(),
        _ => format!("cannot be read: {error}"),
    }
}

/// The line on which what follows `before` stands.
fn origin_at(path: &Path, before: &[u8]) -> Origin {
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    Origin::File { path: path.to_owned(), line }
}

/// One pass over the file. What is found bears the offset at which it stands.
struct Reading<'a> {
    path: &'a Path,
    text: &'a str,
    found: Vec<(usize, Result<Assignment, Problem>)>,
}

impl Reading<'_> {
    fn read(mut self) -> Vec<Result<Assignment, Problem>> {
        let (table, broken) = DeTable::parse_recoverable(self.text);
        for error in &broken {
            let at = error.span().map_or(0, |span| span.start);
            self.problem(at, format!("this is no TOML: {}", shown(error.message())), "see https://toml.io");
        }
        if broken.is_empty() {
            self.table(table.get_ref(), None);
        }
        self.found.sort_by_key(|(at, _)| *at);
        self.found.into_iter().map(|(_, found)| found).collect()
    }

    fn table(&mut self, table: &DeTable<'_>, section: Option<&str>) {
        for (name, value) in table {
            let (at, name, value) = (name.span().start, name.get_ref(), value.get_ref());
            let path = section.map_or_else(|| name.to_string(), |section| format!("{section}.{name}"));
            // A quoted name may hold a dot, and is no path then.
            let key = if name.contains('.') { None } else { keys::find(&path) };
            match (key, value) {
                (Some(key), _) => {
                    let origin = self.origin(at);
                    self.found.push((at, Ok(Assignment { key, raw: raw(value), origin })));
                }
                (None, DeValue::Table(inner)) if section.is_none() && is_section(name) => {
                    self.table(inner, Some(name));
                }
                _ => self.unknown(at, &path, section.is_none(), value),
            }
        }
    }

    fn unknown(&mut self, at: usize, path: &str, at_top: bool, value: &DeValue<'_>) {
        let what = format!("`{}` names nothing", shown(path));
        if at_top && is_section(path) {
            let what = format!("`{path}` is a section, not a key");
            self.problem(at, what, &format!("write [{path}], and its keys on the lines below"));
        } else if keys::find(path).is_some() {
            self.problem(at, what, &format!("write {path} without quotes"));
        } else if at_top && matches!(value, DeValue::Table(_)) {
            self.problem(at, what, &nearest::section(path));
        } else {
            self.problem(at, what, &nearest::key(path));
        }
    }

    fn problem(&mut self, at: usize, what: String, hint: &str) {
        let origin = self.origin(at);
        self.found.push((at, Err(Problem::new(origin, what, hint))));
    }

    fn origin(&self, at: usize) -> Origin {
        origin_at(self.path, &self.text.as_bytes()[..at.min(self.text.len())])
    }
}

fn is_section(name: &str) -> bool {
    keys::sections().contains(&name)
}

fn raw(value: &DeValue<'_>) -> Raw {
    match value {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(number) => Raw::Number { value: integer(number), text: number.to_string() },
        DeValue::Boolean(truth) => Raw::Truth(*truth),
        other => Raw::Other(other.type_str()),
    }
}

fn integer(number: &DeInteger<'_>) -> i128 {
    let end = if number.as_str().starts_with('-') { i128::MIN } else { i128::MAX };
    i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(end)
}
