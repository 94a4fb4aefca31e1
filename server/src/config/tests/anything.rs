//! Whatever is given, nothing panics, and what is refused is said in two lines.

use super::super::keys::KEYS;
use super::super::{Config, Flag, Problem, Sources};
use super::{FILE, disk};
use proptest::prelude::*;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Characters that TOML, units and names are made of.
const CHARACTERS: &str = "[a-zMK0-9_.:\"'=#\\[\\]{},\\\\\n\t -]{0,12}";

/// Text that is nearly right: names that there are with values of all sorts.
fn nearly() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        proptest::sample::select(KEYS).prop_map(|key| key.path.to_owned()),
        proptest::sample::select(KEYS).prop_map(|key| key.name().to_owned()),
        CHARACTERS,
    ];
    let value = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>().prop_map(|number| number.to_string()),
        (any::<u64>(), proptest::sample::select(&["", "ms", "h", "KiB", "TiB"][..]))
            .prop_map(|(number, unit)| format!("'{number}{unit}'")),
        any::<String>().prop_map(|text| format!("{text:?}")),
        CHARACTERS,
    ];
    (name, value).prop_map(|(name, value)| format!("{name} = {value}"))
}

fn variable() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![nearly().prop_map(String::into_bytes), proptest::collection::vec(any::<u8>(), 0..8)]
}

fn load(file: &[u8], variable: Vec<u8>, flags: &[String]) -> Result<(), Vec<Problem>> {
    let disk = disk(file);
    let mut sources = Sources::new(&disk);
    sources.file = Some(PathBuf::from(FILE));
    sources.environment = KEYS
        .iter()
        .map(|key| (OsString::from(key.variable()), OsString::from_vec(variable.clone())))
        .collect();
    sources.flags = flags.iter().map(|flag| Flag::set(flag)).collect();
    Config::load(&sources).map(|loaded| drop((loaded.toml(), loaded.table(), loaded.json())))
}

proptest! {
    #[test]
    fn nothing_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        lines in proptest::collection::vec(nearly(), 0..8),
        variable in variable(),
        flags in proptest::collection::vec(nearly().prop_map(|flag| flag.replace(" = ", "=")), 0..4),
    ) {
        for file in [bytes, lines.join("\n").into_bytes()] {
            for problem in load(&file, variable.clone(), &flags).err().unwrap_or_default() {
                let text = problem.to_string();
                prop_assert_eq!(text.lines().count(), 2, "{}", text);
                prop_assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{}", text);
            }
        }
    }
}
