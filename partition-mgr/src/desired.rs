//! DESIRED: the desired state as a file: a node's own, or what it was told last.
//!
//! Text with a seal, like FORMAT and IDENTITY beside it; laid out in
//! `docs/formats/data-directory.md`. Replaced whole at each change, by rename.

use crate::data_dir::Flaw;
use crate::data_dir::sealed::{seal, unseal};
use coordinator::{Desired, decode, encode};
use env::{Files, Plant, Plants, files};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

const NAME: &str = "DESIRED";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DesiredFlaw {
    /// The system's word.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not whole.
    #[error("{path}: {flaw}", path = path.display())]
    Seal {
        /// Which file.
        path: PathBuf,
        /// Why.
        flaw: Flaw,
    },
    /// Whole, but a line is none of ours.
    #[error("{path}: line {line} cannot be read", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
    /// Replaced; but after a power loss the file before it may be back.
    #[error("{path} was replaced, and may not stay so: {source}", path = path.display())]
    Unsure {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the desired state is kept.
pub struct DesiredFile {
    files: Arc<dyn Files>,
    dir: PathBuf,
    unsure: bool,
    plants: Plants,
}

impl DesiredFile {
    /// The file in a data directory.
    pub fn new(files: Arc<dyn Files>, dir: PathBuf) -> DesiredFile {
        DesiredFile { files, dir, unsure: false, plants: Plants::NONE }
    }

    /// The same in the simulated world.
    #[must_use]
    pub fn rigged(self, plants: Plants) -> DesiredFile {
        DesiredFile { plants, ..self }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What it says; without a file, nothing is desired.
    pub fn read(&self) -> Result<Desired, DesiredFlaw> {
        let path = self.path();
        let io = |source| DesiredFlaw::Io { path: path.clone(), source };
        let device = match self.files.open_read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Desired::default()),
            device => device.map_err(io)?,
        };
        let content = files::read_all(&*device).map_err(io)?;
        let body = unseal(&content).map_err(|flaw| DesiredFlaw::Seal { path: path.clone(), flaw })?;
        decode(body).map_err(|line| DesiredFlaw::Line { path, line })
    }

    /// Puts a new state in its place, durably. After [`DesiredFlaw::Unsure`]
    /// either state may be found by the next start, until one is written.
    pub fn write(&mut self, desired: &Desired) -> Result<(), DesiredFlaw> {
        if self.plants.has(Plant::TableLost) {
            return Ok(());
        }
        let path = self.path();
        let mut text = encode(desired);
        text.push_str(&seal(text.as_bytes()));
        text.push('\n');
        let Err(source) = files::replace(&*self.files, &self.dir, NAME, text.as_bytes()) else {
            self.unsure = false;
            return Ok(());
        };
        // Who reads something else now will not read the new state later.
        if matches!(self.read(), Ok(found) if found != *desired) {
            return Err(DesiredFlaw::Io { path, source });
        }
        self.unsure = true;
        Err(DesiredFlaw::Unsure { path, source })
    }

    /// May the next start find another state than the one written last?
    pub fn is_unsure(&self) -> bool {
        self.unsure
    }
}
