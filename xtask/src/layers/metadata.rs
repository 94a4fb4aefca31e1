//! What `cargo metadata` says about the crates of the workspace.

use serde_json::Value;
use std::path::Path;
use std::process::Command;

/// A crate of the workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    /// As in its manifest.
    pub name: String,
    /// Its folder in the repository, for messages.
    pub manifest: String,
    /// In the order of the manifest.
    pub dependencies: Vec<Dependency>,
}

/// One line under `[dependencies]` and its siblings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dependency {
    /// The package's own name, whatever it is renamed to.
    pub name: String,
    /// Of this repository: it is named by path.
    pub ours: bool,
    /// Only for tests, benches and examples.
    pub dev: bool,
}

/// Asks cargo.
pub fn read(root: &Path) -> Result<Vec<Package>, String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root)
        .output()
        .map_err(|error| format!("cargo metadata does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo metadata fails:\n{}", String::from_utf8_lossy(&output.stderr)));
    }
    let json = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("cargo metadata prints no JSON: {error}"))?;
    parse(&json, root)
}

fn parse(json: &Value, root: &Path) -> Result<Vec<Package>, String> {
    let packages = json["packages"].as_array().ok_or("cargo metadata lists no packages")?;
    packages.iter().map(|package| parse_package(package, root)).collect()
}

fn parse_package(package: &Value, root: &Path) -> Result<Package, String> {
    let name = text(&package["name"])?;
    let manifest = text(&package["manifest_path"])?;
    let manifest = Path::new(&manifest);
    let manifest = manifest.strip_prefix(root).unwrap_or(manifest).display().to_string();
    let dependencies = package["dependencies"].as_array().ok_or("a package without dependencies")?;
    let dependencies = dependencies.iter().map(parse_dependency).collect::<Result<_, String>>()?;
    Ok(Package { name, manifest, dependencies })
}

fn parse_dependency(dependency: &Value) -> Result<Dependency, String> {
    Ok(Dependency {
        name: text(&dependency["name"])?,
        ours: dependency["path"].is_string(),
        dev: dependency["kind"] == "dev",
    })
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(str::to_owned).ok_or_else(|| format!("cargo metadata has {value} for a text"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_names_kinds_and_paths() {
        let json = json!({"packages": [{
            "name": "wal",
            "manifest_path": "/checkout/wal/Cargo.toml",
            "dependencies": [
                {"name": "model", "kind": null, "path": "/checkout/model"},
                {"name": "rust-rocksdb", "kind": null, "rename": "rocksdb"},
                {"name": "testkit", "kind": "dev", "path": "/checkout/testkit"},
                {"name": "cc", "kind": "build"},
            ],
        }]});
        let packages = parse(&json, Path::new("/checkout")).expect("it is what cargo prints");
        assert_eq!(packages[0].name, "wal");
        assert_eq!(packages[0].manifest, "wal/Cargo.toml");
        let seen: Vec<_> =
            packages[0].dependencies.iter().map(|d| (d.name.as_str(), d.ours, d.dev)).collect();
        let expected = [
            ("model", true, false),
            ("rust-rocksdb", false, false),
            ("testkit", true, true),
            ("cc", false, false),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn refuses_what_cargo_does_not_print() {
        for json in [json!({}), json!({"packages": [{"name": 1}]}), json!({"packages": [{"name": "a"}]})] {
            assert!(parse(&json, Path::new("/checkout")).is_err(), "{json}");
        }
    }
}
