//! The length of functions: what does not fit a screen does not fit a head.

use super::rust::{Source, body_end};
use crate::finding::Finding;

/// Above it, advice.
const LINES_ADVISED: usize = 40;
/// Above it, an error.
const LINES_MAX: usize = 60;

/// Every function, tests included. Lines inside a literal do not count: a golden
/// text is data.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (start, line) in source.lines.iter().enumerate() {
        let Some(name) = declared(&line.code) else { continue };
        let Some(end) = body_end(&source.lines, start) else { continue };
        let lines = source.lines[start..=end].iter().filter(|line| !line.begins_in_literal).count();
        if lines <= LINES_ADVISED {
            continue;
        }
        let what = format!("`{name}` has {lines} lines; {LINES_MAX} are allowed, {LINES_ADVISED} are good");
        let finding = Finding::at(&source.path, start, what, "give a part of it a name of its own");
        found.push(if lines > LINES_MAX { finding } else { finding.into_warning() });
    }
    found
}

/// The name of the function that a line of code begins to declare.
fn declared(code: &str) -> Option<&str> {
    const QUALIFIERS: [&str; 5] = ["const", "async", "unsafe", "extern", "default"];
    let mut rest = code.trim_start();
    loop {
        let word = rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
        let after = &rest[word.len()..];
        match word {
            "fn" => {
                let name = after.strip_prefix(' ')?.trim_start();
                let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
                return (end > 0).then(|| &name[..end]);
            }
            "pub" => {
                let scope = after.strip_prefix('(').and_then(|scope| scope.split_once(')'));
                rest = scope.map_or(after, |(_, after)| after).trim_start();
            }
            word if QUALIFIERS.contains(&word) => rest = after.trim_start(),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declarations_are_recognised() {
        let rows = [
            ("fn a() {", Some("a")),
            ("    pub fn b<T>() {", Some("b")),
            ("pub(crate) async fn c(", Some("c")),
            ("pub(in crate::x) const unsafe fn d(", Some("d")),
            ("extern     fn e(", Some("e")),
            ("let f: fn(u8) = g;", None),
            ("const H: u8 = 1;", None),
            ("fnord()", None),
        ];
        for (code, expected) in rows {
            assert_eq!(declared(code), expected, "{code}");
        }
    }

    fn function(lines: usize) -> String {
        format!("//! D\nfn long() {{\n{}}}\n", "    step();\n".repeat(lines - 2))
    }

    #[test]
    fn long_functions_are_found() {
        let golden = format!("//! D\nfn golden() {{\n    expect(r#\"{}\"#);\n}}\n", "{\n".repeat(90));
        let rows = [
            (function(40), None),
            (function(41), Some("warning: a.rs:2: `long` has 41 lines")),
            (function(60), Some("warning: a.rs:2: `long` has 60 lines")),
            (function(61), Some("a.rs:2: `long` has 61 lines")),
            (golden, None),
            ("//! D\ntrait A {\n    fn a();\n}\n".to_owned(), None),
        ];
        for (text, expected) in rows {
            let found: Vec<_> =
                check(&Source::parse("a.rs", &text)).iter().map(ToString::to_string).collect();
            match expected {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(expected) => assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}"),
            }
        }
    }
}
