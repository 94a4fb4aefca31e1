//! Criterion's figures beside those of the last recorded run.
//!
//! Criterion compares with whatever ran before on this machine; the recorded
//! run stands in the repository, with the machine it was made on.

use crate::Failure;
use crate::report::Report;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Medians in nanoseconds, by benchmark.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Recorded {
    machine: String,
    medians_ns: BTreeMap<String, f64>,
}

/// Prints the last figures beside the recorded ones; records them if asked.
pub fn run(file: &Path, record: bool) -> Result<(), Failure> {
    let last = Recorded { machine: Report::new().machine, medians_ns: medians(&criterion_dir())? };
    if last.medians_ns.is_empty() {
        return Err("criterion has no figures yet: cargo bench --workspace".into());
    }
    let before: Recorded = match std::fs::read(file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Recorded::default(),
    };
    println!("now on {}, recorded on {}", last.machine, before.machine);
    for (name, now) in &last.medians_ns {
        match before.medians_ns.get(name) {
            Some(then) => {
                let change = (now / then - 1.0) * 100.0;
                println!("{name:<48} {:>12.1} µs  {change:>+7.1} %", now / 1000.0);
            }
            None => println!("{name:<48} {:>12.1} µs      new", now / 1000.0),
        }
    }
    if record {
        std::fs::write(file, serde_json::to_string_pretty(&last)? + "\n")?;
        println!("recorded in {}", file.display());
    }
    Ok(())
}

fn criterion_dir() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    target.join("criterion")
}

/// Every `new/estimates.json` below the directory.
fn medians(dir: &Path) -> Result<BTreeMap<String, f64>, Failure> {
    let mut found = BTreeMap::new();
    let mut ways = vec![dir.to_owned()];
    while let Some(way) = ways.pop() {
        let Ok(entries) = std::fs::read_dir(&way) else { continue };
        for entry in entries {
            let path = entry?.path();
            if path.is_dir() {
                ways.push(path);
            } else if path.ends_with("new/estimates.json") {
                let name = way.parent().and_then(|bench| bench.strip_prefix(dir).ok());
                let name = name.map(|name| name.display().to_string()).unwrap_or_default();
                let estimates: serde_json::Value = serde_json::from_slice(&std::fs::read(&path)?)?;
                let median = estimates["median"]["point_estimate"].as_f64();
                found.insert(name, median.ok_or("criterion's estimates have no median")?);
            }
        }
    }
    Ok(found)
}
