//! Tidy: the style that a test enforces, so that reviews can talk about design.
//!
//! Each rule is a file with one function from text to findings; this file finds
//! the texts and asks every rule. Limits stand beside the rule that uses them.

mod dead;
mod functions;
mod names;
mod prose;
mod rust;
mod shape;
mod tree;
mod words;

use crate::finding::Finding;
use rust::Source;
use std::path::Path;
use tree::Tree;

/// Checks every file that git tracks or would track.
pub fn run(root: &Path) -> Result<Vec<Finding>, String> {
    let tree = Tree::read(root)?;
    println!("tidy: {} texts of {} files", tree.texts.len(), tree.paths.len());
    Ok(check(&tree))
}

fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.texts {
        findings.extend(words::anywhere(path, text));
        if is_data(path) {
            continue;
        }
        if path.ends_with(".rs") {
            let source = Source::parse(path, text);
            findings.extend(shape::rust(&source));
            findings.extend(functions::check(&source));
            findings.extend(words::rust(&source));
            findings.extend(names::check(&source));
            findings.extend(prose::mentions(tree, &source));
        } else {
            findings.extend(shape::plain(path, text));
        }
        if path.ends_with(".md") {
            findings.extend(prose::links(tree, path, text));
        }
    }
    findings.extend(dead::check(tree));
    findings.extend(prose::formats_are_linked(tree));
    findings.extend(prose::dependencies_are_argued(tree));
    findings.sort();
    findings
}

/// Bytes that tests compare or that a tool writes: their shape is not ours.
fn is_data(path: &str) -> bool {
    path == "Cargo.lock" || path.split('/').any(|part| matches!(part, "fixtures" | "corpus"))
}
