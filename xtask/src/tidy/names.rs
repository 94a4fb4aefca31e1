//! Names of files and modules that say nothing about what is in them.

use super::rust::Source;
use crate::finding::Finding;

/// Where everything ends up, because nothing says that it does not belong.
const BANNED: [&str; 8] = ["common", "helper", "helpers", "misc", "type", "types", "util", "utils"];
const INSTEAD: &str = "name the noun that it holds; things without one belong to their callers";

/// The path of a Rust file, and the modules it declares.
pub fn check(source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for part in source.path.split('/') {
        let name = part.strip_suffix(".rs").unwrap_or(part);
        if BANNED.contains(&name) {
            found.push(Finding::at(&source.path, 0, format!("`{part}` says nothing"), INSTEAD));
        }
    }
    for (index, line) in source.lines.iter().enumerate() {
        // A module with a file is found by the file's path.
        if let Some(module) = declared(&line.code)
            && BANNED.contains(&module.name)
            && module.inline
        {
            let what = format!("`mod {}` says nothing", module.name);
            found.push(Finding::at(&source.path, index, what, INSTEAD));
        }
    }
    found
}

/// A module declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Module<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its body is here, not in a file.
    pub inline: bool,
}

/// The module that a line of code declares.
pub fn declared(code: &str) -> Option<Module<'_>> {
    let (before, after) = code.split_once("mod ")?;
    let visible = before.trim();
    if !(visible.is_empty() || visible.starts_with("pub") || visible.ends_with(']')) {
        return None;
    }
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    let inline = after[end..].trim_start().starts_with('{');
    (end > 0).then_some(Module { name: &after[..end], inline })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_names_are_found() {
        let rows = [
            ("wal/src/segment.rs", "", None),
            ("wal/src/utils.rs", "", Some("`utils.rs` says nothing")),
            ("wal/tests/common/mod.rs", "", Some("`common` says nothing")),
            ("wal/src/lib.rs", "mod helpers {\n}\n", Some("`mod helpers` says nothing")),
            ("wal/src/lib.rs", "mod helpers;\n", None),
            ("wal/src/lib.rs", "// mod misc {\n", None),
        ];
        for (path, text, expected) in rows {
            let found = check(&Source::parse(path, text));
            assert_eq!(found.first().map(|finding| finding.what.as_str()), expected, "{path}: {text}");
        }
    }

    #[test]
    fn module_declarations_are_recognised() {
        let rows = [
            ("mod a;", Some(("a", false))),
            ("    pub(crate) mod b {", Some(("b", true))),
            ("#[cfg(test)] mod c;", Some(("c", false))),
            ("let mod_ = 1;", None),
            ("commod x;", None),
        ];
        for (code, expected) in rows {
            assert_eq!(declared(code).map(|module| (module.name, module.inline)), expected, "{code}");
        }
    }
}
