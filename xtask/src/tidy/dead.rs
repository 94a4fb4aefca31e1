//! Dead files: Rust under a `src` that no `mod` names. The compiler never reads
//! them, so nothing else would say that they are there.

use super::names::declared;
use super::rust::Source;
use super::tree::Tree;
use crate::finding::Finding;

/// Every Rust file under a `src` that nothing reaches.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let sources = tree.paths.iter().filter(|path| path.ends_with(".rs"));
    let dead = sources.filter(|path| split(path).is_some_and(|(root, file)| is_dead(tree, root, file)));
    let instead = "name it in its parent with `mod`, or delete it";
    dead.map(|path| Finding::at(path, 0, "no `mod` names the file", instead)).collect()
}

/// The `src` folder of a path, with its slash, and what follows.
fn split(path: &str) -> Option<(&str, &str)> {
    let at = path.find("/src/")? + "/src/".len();
    Some(path.split_at(at))
}

fn is_dead(tree: &Tree, root: &str, file: &str) -> bool {
    if is_crate_root(file) || named_in_manifest(tree, root, file) {
        return false;
    }
    // `a/b/mod.rs` is the module `b` of `a`, as `a/b.rs` is.
    let module = file.strip_suffix("/mod.rs").or_else(|| file.strip_suffix(".rs")).unwrap_or(file);
    let (folder, name) = module.rsplit_once('/').unwrap_or(("", module));
    !parents(root, folder).iter().any(|parent| names(tree, parent, name, file))
}

/// Files that cargo compiles without being told.
fn is_crate_root(file: &str) -> bool {
    let binary =
        file.strip_prefix("bin/").is_some_and(|rest| !rest.contains('/') || rest.ends_with("/main.rs"));
    file == "lib.rs" || file == "main.rs" || binary
}

fn named_in_manifest(tree: &Tree, root: &str, file: &str) -> bool {
    let manifest = root.strip_suffix("src/").map(|folder| format!("{folder}Cargo.toml"));
    let text = manifest.and_then(|manifest| tree.texts.get(&manifest));
    text.is_some_and(|text| text.contains(&format!("\"src/{file}\"")))
}

/// The files that may declare a module of this folder.
fn parents(root: &str, folder: &str) -> Vec<String> {
    let (file, inside) = if folder.is_empty() {
        (String::new(), root.to_owned())
    } else {
        (format!("{root}{folder}.rs"), format!("{root}{folder}/"))
    };
    ["lib.rs", "main.rs", "mod.rs"].iter().map(|name| format!("{inside}{name}")).chain([file]).collect()
}

fn names(tree: &Tree, parent: &str, name: &str, file: &str) -> bool {
    let Some(text) = tree.texts.get(parent) else { return false };
    let last = file.rsplit('/').next().unwrap_or(file);
    Source::parse(parent, text).lines.iter().any(|line| {
        let by_name = declared(&line.code).is_some_and(|module| module.name == name && !module.inline);
        by_name || (line.text.trim_start().starts_with("#[path") && line.text.contains(last))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nothing_names_is_dead() {
        let tree = Tree::of(&[
            ("wal/Cargo.toml", "[[bin]]\nname = \"w\"\npath = \"src/tool.rs\"\n"),
            ("wal/src/lib.rs", "pub mod a;\n#[cfg(test)]\nmod tests;\n// mod comment;\nmod inline {}\n"),
            ("wal/src/a.rs", "mod b;\n#[path = \"odd-name.rs\"]\nmod odd;\n"),
            ("wal/src/a/b.rs", ""),
            ("wal/src/a/c.rs", ""),
            ("wal/src/a/odd-name.rs", ""),
            ("wal/src/d/mod.rs", "mod e;"),
            ("wal/src/d/e.rs", ""),
            ("wal/src/comment.rs", ""),
            ("wal/src/inline.rs", ""),
            ("wal/src/tests.rs", ""),
            ("wal/src/tool.rs", ""),
            ("wal/src/bin/w.rs", ""),
            ("wal/src/bin/x/main.rs", ""),
            ("wal/tests/free.rs", ""),
        ]);
        let found: Vec<_> = check(&tree).into_iter().map(|finding| finding.file).collect();
        let expected = ["wal/src/a/c.rs", "wal/src/comment.rs", "wal/src/d/mod.rs", "wal/src/inline.rs"]
            .map(str::to_owned);
        assert_eq!(found, expected);
    }
}
