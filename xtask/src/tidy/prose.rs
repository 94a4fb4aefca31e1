//! Prose: links that lead somewhere, formats that can be found, dependencies
//! that somebody argued for.

use super::rust::Source;
use super::tree::{Tree, resolve};
use crate::finding::Finding;

const ARCHITECTURE: &str = "docs/ARCHITECTURE.md";
const DEPENDENCIES: &str = "docs/dependencies.md";
const FORMATS: &str = "docs/formats/";
const FORMATS_INDEX: &str = "docs/formats/README.md";

/// A link of a text: the line it is on, and where it leads.
struct Link<'a> {
    index: usize,
    target: &'a str,
}

/// Links to files of the repository that are not there.
pub fn links(tree: &Tree, path: &str, text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for link in local_links(text) {
        if !resolve(path, link.target).is_some_and(|target| target.is_empty() || tree.has(&target)) {
            let what = format!("the link to `{}` leads nowhere", link.target);
            found.push(Finding::at(path, link.index, what, "name a file of the repository"));
        }
    }
    found
}

/// Each format must be reachable from the architecture page, directly or by way
/// of the folder's index.
pub fn formats_are_linked(tree: &Tree) -> Vec<Finding> {
    let mut linked = targets(tree, ARCHITECTURE);
    if linked.iter().any(|target| target == FORMATS_INDEX) {
        linked.extend(targets(tree, FORMATS_INDEX));
    }
    let formats = tree.paths.iter().filter(|path| path.starts_with(FORMATS) && path.ends_with(".md"));
    let instead = format!("link it from {ARCHITECTURE} or from a linked {FORMATS_INDEX}");
    let lost = formats.filter(|path| !linked.contains(path));
    lost.map(|path| Finding::at(path, 0, "nothing links to the format", instead.as_str())).collect()
}

/// Pages that a comment sends its reader to, and that are not there.
pub fn mentions(tree: &Tree, source: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in source.lines.iter().enumerate() {
        let words = line.comment.split(|c: char| c.is_whitespace() || "`(),;:".contains(c));
        for page in words.filter(|word| word.starts_with("docs/") && word.ends_with(".md")) {
            if !tree.has(page) {
                let what = format!("`{page}` is not there");
                found.push(Finding::at(&source.path, index, what, "write the page, or name the right one"));
            }
        }
    }
    found
}

/// Each dependency of the workspace must have a row that says why.
pub fn dependencies_are_argued(tree: &Tree) -> Vec<Finding> {
    let manifest = tree.texts.get("Cargo.toml").map(String::as_str).unwrap_or_default();
    let page = tree.texts.get(DEPENDENCIES).map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    let mut inside = false;
    for (index, line) in manifest.lines().enumerate() {
        if line.starts_with('[') {
            inside = line == "[workspace.dependencies]";
        }
        let Some((name, value)) = line.split_once(" = ").filter(|_| inside) else { continue };
        if !value.contains("path = ") && !page.contains(&format!("| `{name}` |")) {
            let what = format!("nobody says why `{name}` is needed");
            let instead = format!("give it a row in {DEPENDENCIES}");
            found.push(Finding::at("Cargo.toml", index, what, instead));
        }
    }
    found
}

fn targets(tree: &Tree, path: &str) -> Vec<String> {
    let links = tree.texts.get(path).map(|text| local_links(text)).unwrap_or_default();
    links.iter().filter_map(|link| resolve(path, link.target)).collect()
}

/// Links without a scheme, without their anchor; code is not read.
fn local_links(text: &str) -> Vec<Link<'_>> {
    let mut links = Vec::new();
    let mut fenced = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        // Between two backticks stands code; a link's own text may hold some.
        for (at, _) in line.match_indices("](") {
            let in_code = line[..at].matches('`').count() % 2 == 1;
            let target = line[at + 2..].split([')', ' ']).next().unwrap_or_default();
            let target = target.split('#').next().unwrap_or_default();
            if !in_code && !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:") {
                links.push(Link { index, target });
            }
        }
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_somewhere() {
        let tree = Tree::of(&[("README.md", ""), ("docs/a.md", ""), ("docs/formats/log.md", "")]);
        let rows = [
            ("docs/a.md", "see [log](formats/log.md)", None),
            ("docs/a.md", "see [log](formats/log.md#batch \"title\")", None),
            ("docs/a.md", "[up](../README.md) and [folder](formats/)", None),
            (
                "docs/a.md",
                "[here](#anchor) [web](https://example.org/x.md) [post](mailto:a@example.org)",
                None,
            ),
            ("docs/a.md", "[`code`](formats/log.md)", None),
            ("docs/a.md", "`[not](a-link.md)`\n```\n[nor](this.md)\n```\n", None),
            ("docs/a.md", "[gone](formats/wal.md)", Some("docs/a.md:1: the link to `formats/wal.md`")),
            ("README.md", "a\n[out](../elsewhere.md)", Some("README.md:2: the link to `../elsewhere.md`")),
            ("docs/a.md", "[one](a.md) [two](b.md)", Some("docs/a.md:1: the link to `b.md`")),
        ];
        for (path, text, expected) in rows {
            let found: Vec<_> = links(&tree, path, text).iter().map(ToString::to_string).collect();
            match expected {
                None => assert!(found.is_empty(), "{found:?}"),
                Some(expected) => assert!(found.len() == 1 && found[0].starts_with(expected), "{found:?}"),
            }
        }
    }

    #[test]
    fn comments_send_readers_to_pages_that_exist() {
        let tree = Tree::of(&[("docs/formats/log.md", "")]);
        let rows = [
            ("//! The bytes are in `docs/formats/log.md`.", 0),
            ("// see docs/formats/gone.md, which is gone", 1),
            ("const A: &str = \"docs/formats/gone.md\";", 0),
        ];
        for (text, expected) in rows {
            assert_eq!(mentions(&tree, &Source::parse("wal/src/lib.rs", text)).len(), expected, "{text}");
        }
    }

    #[test]
    fn dependencies_have_a_reason() {
        let manifest = "[workspace.dependencies]\nwal = { path = \"wal\" }\nbytes = \"1\"\n[profile.release]\ndebug = 1\n";
        let rows = [("| `bytes` | shared buffers |", 0), ("| `byte` | no |", 1)];
        for (page, expected) in rows {
            let tree = Tree::of(&[("Cargo.toml", manifest), ("docs/dependencies.md", page)]);
            let found: Vec<_> = dependencies_are_argued(&tree).iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), expected, "{found:?}");
        }
    }

    #[test]
    fn formats_are_found_from_the_architecture_page() {
        let log = ("docs/formats/log.md", "");
        let index = ("docs/formats/README.md", "[log](log.md)");
        let rows = [
            (vec![log, ("docs/ARCHITECTURE.md", "[log](formats/log.md)")], 0),
            (vec![log, index, ("docs/ARCHITECTURE.md", "[formats](formats/README.md)")], 0),
            (vec![log, index, ("docs/ARCHITECTURE.md", "")], 2),
            (vec![log], 1),
        ];
        for (files, expected) in rows {
            assert_eq!(formats_are_linked(&Tree::of(&files)).len(), expected, "{files:?}");
        }
    }
}
