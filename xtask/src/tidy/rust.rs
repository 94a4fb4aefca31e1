//! A Rust file as the rules see it: code apart from comments and literals.
//!
//! Not a parser. It knows enough of the language to tell what is code, so that
//! a brace in a string is not counted and a banned word in a literal (such as
//! those in the rules themselves) is not found.

use std::ops::Range;

/// What a character belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Code,
    Comment,
    Literal,
}

/// One line; its two masks have the length of the text, in characters.
#[derive(Clone, Debug)]
pub struct Line {
    /// Everything.
    pub text: String,
    /// Code alone; the rest is blank.
    pub code: String,
    /// Comments alone; the rest is blank.
    pub comment: String,
    /// Characters outside literals.
    pub width: usize,
    /// A literal began above and is still open where the line begins.
    pub begins_in_literal: bool,
}

/// A file.
#[derive(Clone, Debug)]
pub struct Source {
    /// In the repository.
    pub path: String,
    /// Its lines, without line ends.
    pub lines: Vec<Line>,
    /// Inline test modules, attribute included, as ranges of line indexes.
    pub test_modules: Vec<Range<usize>>,
    /// The file's last byte ends a line.
    pub ends_with_newline: bool,
}

impl Source {
    /// Splits a file.
    pub fn parse(path: &str, text: &str) -> Source {
        let lines = lines(text);
        let test_modules = test_modules(&lines);
        let ends_with_newline = text.is_empty() || text.ends_with('\n');
        Source { path: path.to_owned(), lines, test_modules, ends_with_newline }
    }

    /// Is the line code of tests?
    pub fn is_test(&self, index: usize) -> bool {
        is_test_file(&self.path) || self.test_modules.iter().any(|range| range.contains(&index))
    }
}

/// A file of tests or benchmarks as a whole.
pub fn is_test_file(path: &str) -> bool {
    let mut parts = path.split('/').rev();
    let file = parts.next().unwrap_or_default();
    file == "tests.rs"
        || file.ends_with("_tests.rs")
        || parts.any(|part| part == "tests" || part == "benches")
}

/// The index of the line on which the first brace opened at or after `from` is
/// closed; `None` when a `;` comes first or nothing closes it.
pub fn body_end(lines: &[Line], from: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut brackets = 0_usize;
    for (index, line) in lines.iter().enumerate().skip(from) {
        for character in line.code.chars() {
            match character {
                '(' | '[' => brackets += 1,
                ')' | ']' => brackets = brackets.saturating_sub(1),
                '{' => depth += 1,
                '}' if depth <= 1 => return (depth == 1).then_some(index),
                '}' => depth -= 1,
                ';' if depth == 0 && brackets == 0 => return None,
                _ => {}
            }
        }
    }
    None
}

fn test_modules(lines: &[Line]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for start in 0..lines.len() {
        let code = lines[start].code.trim();
        if !code.starts_with("#[cfg(test)]") && !code.starts_with("#[cfg(all(test") {
            continue;
        }
        // The item is on the attribute's own line, or the first that is no attribute.
        let item = (start..lines.len()).find_map(|index| {
            let code = lines[index].code.trim();
            let code = if index == start { code.rsplit(']').next().unwrap_or_default().trim() } else { code };
            (!code.is_empty() && !code.starts_with("#[")).then(|| (index, code.to_owned()))
        });
        if let Some((index, code)) = item
            && (code.starts_with("mod ") || code.contains(" mod "))
            && let Some(end) = body_end(lines, index)
        {
            found.push(start..end + 1);
        }
    }
    found
}

fn lines(text: &str) -> Vec<Line> {
    let characters: Vec<char> = text.chars().collect();
    let kinds = kinds(&characters);
    let mut lines = Vec::new();
    let mut start = 0;
    while start < characters.len() {
        let length = characters[start..].iter().take_while(|character| **character != '\n').count();
        let all = start..start + length;
        let only = |kind| {
            all.clone().map(|at| if kinds[at] == kind { characters[at] } else { ' ' }).collect::<String>()
        };
        let begins_in_literal =
            start > 0 && kinds[start - 1] == Kind::Literal && characters.get(start - 1) == Some(&'\n');
        lines.push(Line {
            text: characters[all.clone()].iter().collect(),
            code: only(Kind::Code),
            comment: only(Kind::Comment),
            width: kinds[all.clone()].iter().filter(|kind| **kind != Kind::Literal).count(),
            begins_in_literal,
        });
        start += length + 1;
    }
    lines
}

fn kinds(characters: &[char]) -> Vec<Kind> {
    let mut kinds = vec![Kind::Code; characters.len()];
    let mut at = 0;
    while at < characters.len() {
        let (kind, length) = token(characters, at);
        let end = (at + length).min(characters.len());
        kinds[at..end].fill(kind);
        at = end;
    }
    kinds
}

/// What begins at `at`, and how many characters it has.
fn token(characters: &[char], at: usize) -> (Kind, usize) {
    let rest = &characters[at..];
    let after_name = at > 0 && is_name(characters[at - 1]);
    match rest {
        ['/', '/', ..] => (Kind::Comment, rest.iter().take_while(|c| **c != '\n').count()),
        ['/', '*', ..] => (Kind::Comment, block_comment(rest)),
        ['"', ..] => (Kind::Literal, quoted(rest)),
        ['r', ..] if !after_name => raw_string(rest, 1),
        ['b' | 'c', 'r', ..] if !after_name => raw_string(rest, 2),
        ['\'', '\\', ..] => (Kind::Literal, escaped_character(rest)),
        ['\'', _, '\'', ..] => (Kind::Literal, 3),
        _ => (Kind::Code, 1),
    }
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

fn block_comment(rest: &[char]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            ['/', '*', ..] => (depth, at) = (depth + 1, at + 2),
            ['*', '/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

fn quoted(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `r"…"` or `r#"…"#`; without a quote it is a name (`r#match`, or just `r`).
fn raw_string(rest: &[char], prefix: usize) -> (Kind, usize) {
    let hashes = rest[prefix..].iter().take_while(|c| **c == '#').count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&'"') {
        return (Kind::Code, prefix);
    }
    let closes = |at: usize| {
        rest[at] == '"' && rest[at + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (open + 1..rest.len()).find(|at| closes(*at));
    (Kind::Literal, end.map_or(rest.len(), |at| at + 1 + hashes))
}

fn escaped_character(rest: &[char]) -> usize {
    // Behind the backslash and what it escapes, up to the closing quote.
    rest.iter().skip(3).position(|c| *c == '\'').map_or(rest.len(), |at| at + 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_told_from_comments_and_literals() {
        // a line, and its code without blanks
        let rows = [
            ("let a = \"}\"; // }", "leta=;"),
            ("let a = '{'; let b = '\\''; x", "leta=;letb=;x"),
            ("fn f<'a>(x: &'a str) {}", "fnf<'a>(x:&'astr){}"),
            ("let a = \"\\\"{\"; y", "leta=;y"),
            ("let a = r#\"}\"}\"#; z", "leta=;z"),
            ("let a = br\"}\"; let r#match = r;", "leta=;letr#match=r;"),
            ("a /* { /* { */ } */ b", "ab"),
            ("let car = \"x\"; bar\"y\"", "letcar=;bar"),
            ("'\\u{7f}' c", "c"),
        ];
        for (line, expected) in rows {
            let source = Source::parse("a.rs", line);
            let code: String = source.lines[0].code.chars().filter(|c| !c.is_whitespace()).collect();
            assert_eq!(code, expected, "{line}");
        }
    }

    #[test]
    fn literals_go_on_over_lines() {
        let source = Source::parse("a.rs", "let a = r#\"\n  }\n\"#;\nlet b = 1; // \"\nlet c = 2;\n");
        let begins: Vec<_> = source.lines.iter().map(|line| line.begins_in_literal).collect();
        assert_eq!(begins, [false, true, true, false, false]);
        assert_eq!(source.lines[1].code.trim(), "");
    }

    #[test]
    fn test_modules_are_found_with_their_attribute() {
        let rows = [
            ("fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n", Some(1..5)),
            ("#[cfg(test)]\n#[allow(x)]\nmod tests {\n}\n", Some(0..4)),
            ("#[cfg(test)]\npub(crate) mod tests {}\n", Some(0..2)),
            ("#[cfg(test)] mod tests { fn a() {} }\n", Some(0..1)),
            ("#[cfg(test)]\nmod tests;\nmod b {}\n", None),
            ("#[cfg(test)]\nfn only_for_tests() {}\n", None),
            ("#[cfg(test)]\nimpl A {}\n", None),
        ];
        for (text, expected) in rows {
            assert_eq!(Source::parse("a.rs", text).test_modules, Vec::from_iter(expected), "{text}");
        }
    }

    #[test]
    fn bodies_end_at_their_brace() {
        let rows = [
            ("fn a() {\n  if b {}\n}\n", Some(2)),
            ("fn a();\nfn b() {}\n", None),
            ("fn a(x: [u8; 2]) {\n}\n", Some(1)),
            ("fn a() {\n", None),
        ];
        for (text, expected) in rows {
            assert_eq!(body_end(&Source::parse("a.rs", text).lines, 0), expected, "{text}");
        }
    }

    #[test]
    fn test_files_are_known_by_name_or_folder() {
        let rows = [
            ("wal/src/writer.rs", false),
            ("wal/src/writer/tests.rs", true),
            ("wal/src/writer_tests.rs", true),
            ("wal/tests/crash.rs", true),
            ("wal/benches/append.rs", true),
            ("tests/src/lib.rs", true),
        ];
        for (path, expected) in rows {
            assert_eq!(is_test_file(path), expected, "{path}");
        }
    }
}
