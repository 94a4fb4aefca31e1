//! The files of the repository, as git sees them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

/// All paths, and the contents of those that are text.
#[derive(Clone, Debug, Default)]
pub struct Tree {
    /// Relative to the root, with `/`.
    pub paths: BTreeSet<String>,
    /// UTF-8 without NUL bytes; anything else is data and nobody's prose.
    pub texts: BTreeMap<String, String>,
}

impl Tree {
    /// Tracked files and untracked ones that are not ignored: what a commit of
    /// everything would hold.
    pub fn read(root: &Path) -> Result<Tree, String> {
        // A build machine's checkout may belong to somebody else.
        let safe = format!("safe.directory={}", root.display());
        let output = Command::new("git")
            .args(["-c", &safe, "ls-files", "-co", "--exclude-standard", "-z"])
            .current_dir(root)
            .output()
            .map_err(|error| format!("git does not start: {error}"))?;
        if !output.status.success() {
            return Err(format!("git ls-files fails:\n{}", String::from_utf8_lossy(&output.stderr)));
        }
        let mut tree = Tree::default();
        for path in output.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty()) {
            let path = String::from_utf8(path.to_vec()).map_err(|_| "a path is not UTF-8")?;
            // A tracked file that has been deleted is still listed.
            let Ok(bytes) = std::fs::read(root.join(&path)) else { continue };
            if let Ok(text) = String::from_utf8(bytes)
                && !text.contains('\0')
            {
                tree.texts.insert(path.clone(), text);
            }
            tree.paths.insert(path);
        }
        Ok(tree)
    }

    /// Is it a file, or a folder that holds one?
    pub fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        self.paths.contains(path)
            || self.paths.range(folder.clone()..).next().is_some_and(|next| next.starts_with(&folder))
    }
}

/// `path` as seen from the folder of `from`; `None` when it leaves the tree.
pub fn resolve(from: &str, path: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
impl Tree {
    /// A tree for tests.
    pub fn of(files: &[(&str, &str)]) -> Tree {
        let texts = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let texts: BTreeMap<_, _> = texts.collect();
        Tree { paths: texts.keys().cloned().collect(), texts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve_within_the_tree() {
        let rows = [
            ("docs/a.md", "b.md", Some("docs/b.md")),
            ("docs/a.md", "./formats/", Some("docs/formats")),
            ("docs/a.md", "../README.md", Some("README.md")),
            ("README.md", "docs/a.md", Some("docs/a.md")),
            ("README.md", "../elsewhere", None),
        ];
        for (from, path, expected) in rows {
            assert_eq!(resolve(from, path).as_deref(), expected, "{path} from {from}");
        }
    }

    #[test]
    fn a_folder_is_there_when_it_holds_a_file() {
        let tree = Tree::of(&[("docs/adr/a.md", ""), ("docs-old/b.md", "")]);
        let rows =
            [("docs/adr/a.md", true), ("docs/adr", true), ("docs", true), ("doc", false), ("x", false)];
        for (path, there) in rows {
            assert_eq!(tree.has(path), there, "{path}");
        }
    }
}
