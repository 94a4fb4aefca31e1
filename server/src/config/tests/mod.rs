//! Tables of what is accepted and what is not, with the messages word for word.

mod accepted;
mod anything;
mod made_from_the_table;
mod refused;

use super::{Config, Flag, Loaded, Problem, Sources};
use env::Files;
use env::sim::SimDisk;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file of every test.
const FILE: &str = "statehouse.toml";

/// What a test gives.
#[derive(Default)]
struct Given<'a> {
    file: Option<&'a str>,
    environment: &'a [(&'a str, &'a str)],
    flags: &'a [&'a str],
}

impl Given<'_> {
    fn load(&self) -> Result<Loaded, Vec<Problem>> {
        let disk = disk(self.file.unwrap_or_default().as_bytes());
        let mut sources = Sources::new(&disk);
        sources.file = self.file.map(|_| PathBuf::from(FILE));
        sources.environment = variables(self.environment);
        sources.flags = self.flags.iter().map(|flag| Flag::set(flag)).collect();
        Config::load(&sources)
    }

    fn loaded(&self) -> Loaded {
        self.load().unwrap_or_else(|problems| panic!("{}", lines(&problems)))
    }

    /// Every message.
    fn refused(&self) -> String {
        lines(&self.load().expect_err("it was to be refused"))
    }
}

fn variables(environment: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
    environment.iter().map(|(name, value)| (name.into(), value.into())).collect()
}

fn lines(problems: &[Problem]) -> String {
    problems.iter().map(|problem| format!("{problem}\n")).collect()
}

/// A disk with the file on it.
fn disk(content: &[u8]) -> SimDisk {
    let disk = SimDisk::new();
    let device = disk.create(Path::new(FILE)).expect("created");
    device.write_at(0, content).expect("written");
    disk
}
