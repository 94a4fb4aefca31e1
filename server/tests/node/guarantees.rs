//! The page of guarantees: each of its cells names tests, and each test is there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const PAGE: &str = include_str!("../../../docs/guarantees.md");

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("docs")
}

/// From a reference's label to the file and the test that it names.
fn tests() -> BTreeMap<&'static str, (&'static str, &'static str)> {
    let definition = |line: &'static str| {
        let (label, rest) = line.strip_prefix('[')?.split_once("]: ")?;
        let (file, test) = rest.split_once(' ')?;
        Some((label, (file, test.trim_matches('"'))))
    };
    PAGE.lines().filter_map(definition).collect()
}

/// The labels of the references in a piece of the page.
fn references(text: &str) -> Vec<&str> {
    text.split("][").skip(1).filter_map(|rest| rest.split(']').next()).collect()
}

#[test]
fn every_test_that_it_names_is_there() {
    let tests = tests();
    assert!(tests.len() > 20, "{tests:?}");
    for (label, (file, test)) in &tests {
        let source =
            std::fs::read_to_string(docs().join(file)).unwrap_or_else(|_| panic!("[{label}] names {file}"));
        // Some are rows of a table that makes tests.
        let is_there =
            [format!("fn {test}("), format!("\n    {test}: ")].iter().any(|one| source.contains(one));
        assert!(is_there, "[{label}] names `{test}`, which {file} does not have");
        assert!(references(PAGE).contains(label), "nothing refers to [{label}]");
    }
    for label in references(PAGE) {
        assert!(tests.contains_key(label), "[{label}] leads nowhere");
    }
}

#[test]
fn every_cell_of_what_survives_names_a_test_or_says_that_there_is_nothing() {
    let (_, section) = PAGE.split_once("## What survives").expect("a section");
    let (section, _) = section.split_once("\n## ").expect("another behind it");
    let rows: Vec<&str> = section.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 7, "{rows:?}");
    for row in rows {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        for cell in &cells[1..] {
            assert!(!references(cell).is_empty() || *cell == "nothing is synced", "{row}: `{cell}`");
        }
    }
}
