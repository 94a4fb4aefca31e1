//! Directories and files of a run.
#![allow(clippy::disallowed_methods, reason = "a scratch directory, which nobody else's data is in")]

use env::Rng;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A directory of its own under the system's temporary one, deleted when
/// dropped unless it is kept.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// Makes one.
    pub fn make(rng: &Rng) -> io::Result<Scratch> {
        let name = format!("statehouse-verify-{:08x}", rng.stream("scratch").next_u64() as u32);
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).map_err(|error| at(&path, &error))?;
        Ok(Scratch { path, kept: false })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// It is wanted for looking at, later.
    pub fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            // What stays is temporary by its place.
            let _ = fs::remove_dir_all(&self.path);
        }
    }
}

/// Writes a file, and makes its directory if need be.
pub fn keep(dir: &Path, name: &str, content: &[u8]) -> io::Result<PathBuf> {
    let path = dir.join(name);
    let written = fs::create_dir_all(dir).and_then(|()| fs::write(&path, content));
    written.map_err(|error| at(&path, &error))?;
    Ok(path)
}

/// The program that runs: a node is started by the same.
pub fn program() -> io::Result<PathBuf> {
    std::env::current_exe()
}

/// Opens a file that was kept.
pub fn open(path: &Path) -> io::Result<fs::File> {
    fs::File::open(path).map_err(|error| at(path, &error))
}

fn at(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
