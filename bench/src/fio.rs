//! The other side of the log's figures: `fio` overwriting a file, one
//! fdatasync a write, in writes of the size that the log's batches had.

use crate::Failure;
use std::path::Path;
use std::process::Command;

/// fio's version; an error says how to get it.
pub fn version() -> Result<String, Failure> {
    let output = Command::new("fio").arg("--version").output();
    let output =
        output.map_err(|error| format!("fio does not run ({error}); install it: apt-get install fio"))?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// How the writes go to the disk.
#[derive(Clone, Copy)]
pub enum Through {
    /// The page cache, as `fio` does unless told.
    Cache,
    /// Past it, as our log does.
    Direct,
}

/// Writes per second. The file stays, so that the next round lays out nothing.
pub fn writes_per_s(dir: &Path, bytes: u64, seconds: u64, through: Through) -> Result<f64, Failure> {
    let file = dir.join("fio.dat");
    let output = Command::new("fio")
        .args(["--name=log", "--rw=write", "--overwrite=1", "--fdatasync=1", "--ioengine=psync"])
        .args(["--time_based", "--size=16M", "--output-format=json"])
        .arg(format!("--direct={}", i32::from(matches!(through, Through::Direct))))
        .arg(format!("--filename={}", file.display()))
        .arg(format!("--bs={bytes}"))
        .arg(format!("--runtime={seconds}"))
        .output()?;
    if !output.status.success() {
        return Err(format!("fio failed: {}", String::from_utf8_lossy(&output.stderr)).into());
    }
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let iops = report["jobs"][0]["write"]["iops"].as_f64();
    iops.ok_or_else(|| "fio's report has no write iops".into())
}
