//! The shape of a file: its opening, its length, its line ends.

use super::rust::Source;
use crate::finding::Finding;

/// Lines outside inline test modules.
const FILE_LINES_MAX: usize = 400;
/// Lines of one inline test module.
const TEST_MODULE_LINES_MAX: usize = 220;
/// Characters of a line of Rust. rustfmt breaks code but not comments. Literals
/// are not counted: a message is easier to find when it stands in one piece.
const LINE_CHARACTERS_MAX: usize = 110;

/// A Rust file.
pub fn rust(source: &Source) -> Vec<Finding> {
    let path = source.path.as_str();
    let mut found = lengths(source);
    if !source.lines.first().is_some_and(|line| line.text.starts_with("//!")) {
        found.push(Finding::at(
            path,
            0,
            "the file does not open with `//!`",
            "say what the file is and why it is",
        ));
    }
    for (index, line) in source.lines.iter().enumerate() {
        let goes_on = source.lines.get(index + 1).is_some_and(|next| next.begins_in_literal);
        if !goes_on && line.text.ends_with([' ', '\t', '\r']) {
            found.push(trailing_blank(path, index));
        }
        if line.width > LINE_CHARACTERS_MAX && !line.text.contains("://") {
            let what = format!("the line has {} characters beside its literals", line.width);
            found.push(Finding::at(path, index, what, format!("break it at {LINE_CHARACTERS_MAX}")));
        }
    }
    if !source.ends_with_newline {
        found.push(missing_newline(path, source.lines.len()));
    }
    found
}

/// Any other text.
pub fn plain(path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            found.push(trailing_blank(path, index));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        found.push(missing_newline(path, text.lines().count()));
    }
    found
}

fn lengths(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let tests: usize = source.test_modules.iter().map(ExactSizeIterator::len).sum();
    let lines = source.lines.len() - tests;
    if lines > FILE_LINES_MAX {
        let what = format!("the file has {lines} lines beside its tests; {FILE_LINES_MAX} are allowed");
        let instead = "one noun per file: move one out";
        found.push(Finding::at(&source.path, FILE_LINES_MAX, what, instead));
    }
    for module in &source.test_modules {
        let lines = module.len();
        if lines > TEST_MODULE_LINES_MAX {
            let what = format!("the test module has {lines} lines; {TEST_MODULE_LINES_MAX} are allowed");
            let instead = "move it to a child file: `#[cfg(test)] mod tests;`";
            found.push(Finding::at(&source.path, module.start, what, instead));
        }
    }
    found
}

fn trailing_blank(path: &str, index: usize) -> Finding {
    Finding::at(path, index, "blanks end the line", "remove them")
}

fn missing_newline(path: &str, lines: usize) -> Finding {
    Finding::at(path, lines.saturating_sub(1), "the last line has no end", "end the file with a newline")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long(lines: usize) -> String {
        format!("//! Doc.\n{}", "const A: u8 = 0;\n".repeat(lines - 1))
    }

    fn with_tests(lines: usize) -> String {
        format!("//! Doc.\n#[cfg(test)]\nmod tests {{\n{}}}\n", "\n".repeat(lines - 3))
    }

    #[test]
    fn each_shape_is_found() {
        let wide = "x".repeat(111 - 3);
        let rows = [
            ("//! Doc.\nfn a() {}\n".to_owned(), None),
            ("fn a() {}\n".to_owned(), Some("a.rs:1: the file does not open with `//!`")),
            (String::new(), Some("a.rs:1: the file does not open with `//!`")),
            (long(400), None),
            (long(401), Some("a.rs:401: the file has 401 lines")),
            (format!("{}{}", long(400), "#[cfg(test)]\nmod tests {\n}\n"), None),
            (with_tests(220), None),
            (with_tests(221), Some("a.rs:2: the test module has 221 lines")),
            (format!("//! D\n// {wide}\n"), Some("a.rs:2: the line has 111 characters")),
            (format!("//! D\n// {}\n", &wide[1..]), None),
            (format!("//! D\n// http://{wide}\n"), None),
            (format!("//! D\nconst A: &str = \"{wide}\n{wide}{wide}\n\";\n"), None),
            (
                format!("//! D\nconst A: &str = \"\"; // {wide}\n"),
                Some("a.rs:2: the line has 129 characters"),
            ),
            ("//! D\nfn a() {} \n".to_owned(), Some("a.rs:2: blanks end the line")),
            ("//! D\r\n".to_owned(), Some("a.rs:1: blanks end the line")),
            ("//! D\nconst A: &str = \"a \nb\";\n".to_owned(), None),
            ("//! D\nfn a() {}".to_owned(), Some("a.rs:2: the last line has no end")),
        ];
        for (text, expected) in rows {
            let found: Vec<_> = rust(&Source::parse("a.rs", &text)).iter().map(ToString::to_string).collect();
            match expected {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(expected) => assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}"),
            }
        }
    }

    #[test]
    fn plain_texts_end_their_lines() {
        let rows = [("a\n", None), ("", None), ("a \n", Some(1)), ("a\nb\t\n", Some(2)), ("a\nb", Some(2))];
        for (text, line) in rows {
            let found = plain("a.md", text);
            assert_eq!(found.first().map(|finding| finding.line), line, "{text:?}: {found:?}");
        }
    }
}
