//! Holds the workspace against the table.

use super::metadata::{Dependency, Package};
use super::{Beside, Dev, EVERYWHERE, Layer, OWNED, Row, TABLE};
use crate::finding::Finding;

/// Every dependency that the table does not allow.
pub fn check(packages: &[Package]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for package in packages {
        let Some(row) = row(&package.name) else {
            findings.push(finding(
                package,
                "the crate is not in the table",
                "add its row to xtask/src/layers.rs",
            ));
            continue;
        };
        if row.layer == Dev {
            continue;
        }
        for dependency in package.dependencies.iter().filter(|dependency| !dependency.dev) {
            if let Err((why, instead)) = allowed(row, dependency) {
                let what = format!("`{}` uses `{}`: {why}", row.name, dependency.name);
                findings.push(finding(package, &what, instead));
            }
        }
    }
    findings
}

fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

fn finding(package: &Package, what: &str, instead: &str) -> Finding {
    Finding::at(&package.manifest, 0, what, instead)
}

/// Why not, and what instead.
type Refusal = (String, &'static str);

fn allowed(row: &Row, dependency: &Dependency) -> Result<(), Refusal> {
    let name = dependency.name.as_str();
    if row.never.contains(&name) {
        let why = format!("`{}` must not know of it", row.name);
        return Err((why, "say it in the crate's own words, and let a higher layer translate"));
    }
    if dependency.ours { allowed_ours(row, name) } else { allowed_foreign(row, name) }
}

fn allowed_foreign(row: &Row, name: &str) -> Result<(), Refusal> {
    match OWNED.iter().find(|owned| owned.package == name) {
        Some(owned) if !owned.owners.contains(&row.name) => {
            let why = format!("it belongs to {}", owned.owners.join(", "));
            Err((why, "go through one of its owners"))
        }
        _ => Ok(()),
    }
}

fn allowed_ours(user: &Row, name: &str) -> Result<(), Refusal> {
    let Some(used) = row(name) else {
        return Err(("it is not in the table".to_owned(), "add its row to xtask/src/layers.rs"));
    };
    if used.layer == Dev {
        return Err(("it is for tests and tools".to_owned(), "make it a dev-dependency"));
    }
    if user.extra.contains(&name) || (EVERYWHERE.contains(&name) && !EVERYWHERE.contains(&user.name)) {
        return Ok(());
    }
    if let Some(only) = user.only {
        let why = format!("it may use only {}, env and model", only.join(", "));
        let allowed = only.contains(&name);
        return if allowed { Ok(()) } else { Err((why, "move what it needs into one of those")) };
    }
    match (user.layer, used.layer) {
        (Layer::At(above), Layer::At(below)) if below < above => Ok(()),
        (Layer::At(above), Layer::At(below)) => {
            let why = format!("layer {above} may not use layer {below}");
            Err((why, "dependencies point down: move what both need below both"))
        }
        (Beside, _) | (_, Beside) => {
            Err(("it stands beside the stack".to_owned(), "reach it through `proto`"))
        }
        (Dev, _) | (_, Dev) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[Dependency]) -> Package {
        let manifest = format!("{name}/Cargo.toml");
        Package { name: name.to_owned(), manifest, dependencies: dependencies.to_vec() }
    }

    fn ours(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), ours: true, dev: false }
    }

    fn foreign(name: &str) -> Dependency {
        Dependency { name: name.to_owned(), ours: false, dev: false }
    }

    /// A row: who uses whom, and why not (`None`: allowed).
    type Case = (&'static str, Dependency, Option<&'static str>);

    fn decide(rows: impl IntoIterator<Item = Case>) {
        for (user, used, why) in rows {
            let found = check(&[package(user, std::slice::from_ref(&used))]);
            let case = format!("{user} uses {}: {found:?}", used.name);
            match why {
                None => assert!(found.is_empty(), "{case}"),
                Some(why) => assert!(found.len() == 1 && found[0].what.contains(why), "{case}"),
            }
        }
    }

    #[test]
    fn the_table_decides_who_uses_whom() {
        decide([
            ("wal", ours("env"), None),
            ("wal", ours("model"), None),
            ("partition", ours("wal"), None),
            ("partition", ours("statestore"), None),
            ("server", ours("cli"), None),
            ("server", ours("satellite"), None),
            ("satellite", ours("machine"), None),
            ("cli", ours("wal"), None),
            ("env", ours("model"), Some("layer 0 may not use layer 0")),
            ("model", ours("env"), Some("layer 0 may not use layer 0")),
            ("wal", ours("machine"), Some("layer 1 may not use layer 1")),
            ("wal", ours("statestore"), Some("layer 1 may not use layer 2")),
            ("partition", ours("cli"), Some("layer 4 may not use layer 4")),
            ("machine", ours("env"), Some("must not know")),
            ("router", ours("wal"), Some("must not know")),
            ("statestore", ours("wal"), Some("must not know")),
            (
                "cli",
                ours("pipeline"),
                Some("may use only client, proto, verify, wal, statestore, env and model"),
            ),
            ("client", ours("wal"), Some("may use only proto, env and model")),
            ("satellite", ours("wal"), Some("may use only")),
            ("router", ours("satellite"), Some("beside the stack")),
            ("wal", ours("testkit"), Some("tests and tools")),
            ("wal", ours("stranger"), Some("not in the table")),
        ]);
    }

    #[test]
    fn heavy_dependencies_have_owners() {
        decide([
            ("statestore", foreign("rust-rocksdb"), None),
            ("wal", foreign("rust-rocksdb"), Some("belongs to statestore")),
            ("wal", foreign("crossbeam-channel"), Some("belongs to env")),
            ("partition-mgr", foreign("tonic"), Some("must not know")),
            ("replication", foreign("tonic"), Some("belongs to proto")),
            ("wal", foreign("tracing"), None),
            ("machine", foreign("tracing"), Some("must not know")),
            ("model", foreign("tokio"), Some("must not know")),
            ("model", foreign("bytes"), None),
        ]);
    }

    #[test]
    fn tests_and_tools_are_free() {
        let dev = Dependency { name: "testkit".to_owned(), ours: true, dev: true };
        let packages = [
            package("wal", &[dev]),
            package("testkit", &[ours("server"), foreign("rust-rocksdb")]),
            package("xtask", &[foreign("tonic")]),
        ];
        assert_eq!(check(&packages), []);
    }

    #[test]
    fn a_crate_without_a_row_is_refused() {
        let found = check(&[package("newcomer", &[])]);
        assert_eq!(
            found[0].to_string(),
            "newcomer/Cargo.toml:1: the crate is not in the table (add its row to xtask/src/layers.rs)"
        );
    }

    #[test]
    fn every_name_in_the_table_has_a_row() {
        let listed = TABLE.iter().flat_map(|row| row.extra.iter().chain(row.only.unwrap_or_default()));
        for name in listed.chain(EVERYWHERE).chain(OWNED.iter().flat_map(|owned| owned.owners)) {
            assert!(row(name).is_some(), "{name} has no row");
        }
    }
}
