//! Reading a data directory: everything the doctor concludes from.

use super::holder::{Holder, holder};
use super::log::{Log, read_log};
use super::stores::{Stores, read_stores};
use env::Files;
use model::{Index, PartitionId};
use partition_mgr::data_dir::{Finding, Flaw, Inspection, PartFinding};
use partition_mgr::{DataDir, DataDirError};
use std::path::{Path, PathBuf};
use wal::{LogError, LogIdentity};

/// The directories inside, by the names that `docs/formats/data-directory.md`
/// gives them.
pub(super) const LOG: &str = "log";
pub(super) const STORE: &str = "store";
pub(super) const CHECKPOINTS: &str = "checkpoints";

/// What was found.
pub(super) struct Found {
    pub dir: PathBuf,
    pub directory: Inspection,
    pub holder: Holder,
    pub stores: Stores,
    /// None when it was not read: see [`Found::log_unread`].
    pub log: Option<Log>,
    /// Whose log it is by its own word, when IDENTITY does not say.
    pub log_owner: Option<LogIdentity>,
    /// Why the log was not read, if that was an error.
    pub log_unread: Option<LogError>,
}

/// Reads the directory and changes nothing. `cut`: somebody wants to know
/// where a partition could be cut near an index.
pub(super) fn examine(
    files: &dyn Files,
    dir: &Path,
    cut: Option<(PartitionId, Index)>,
) -> Result<Found, DataDirError> {
    let directory = DataDir::inspect(files, dir)?;
    let holder = holder(files, directory.last_pid);
    let mut found = Found {
        dir: dir.to_owned(),
        directory,
        holder,
        stores: Stores::default(),
        log: None,
        log_owner: None,
        log_unread: None,
    };
    if found.is_of_later_build() {
        // Not even the names inside can be taken for known.
        return Ok(found);
    }
    found.stores = read_stores(files, dir, |part| found.has(part));
    if found.has(LOG) {
        found.read_log(files, cut);
    }
    Ok(found)
}

impl Found {
    pub fn is_of_later_build(&self) -> bool {
        matches!(self.directory.format, Finding::Flawed(Flaw::Version { .. }))
            || matches!(self.directory.identity, Finding::Flawed(Flaw::Version { .. }))
    }

    pub fn has(&self, part: &str) -> bool {
        let holds = |found: &PartFinding| matches!(found, PartFinding::Holds(_));
        self.directory.parts.iter().any(|(name, found)| *name == part && holds(found))
    }

    pub fn log_dir(&self) -> PathBuf {
        self.dir.join(LOG)
    }

    fn read_log(&mut self, files: &dyn Files, cut: Option<(PartitionId, Index)>) {
        let dir = self.log_dir();
        let named = self
            .directory
            .identity
            .good()
            .map(|identity| LogIdentity { cluster: identity.cluster, disk: identity.disk });
        let identity = match named {
            Some(identity) => Ok(Some(identity)),
            None => wal::inspect::owner(files, &dir).inspect(|owner| self.log_owner = *owner),
        };
        match identity.and_then(|identity| {
            identity.map(|identity| read_log(files, &dir, identity, &self.stores.held, cut)).transpose()
        }) {
            Ok(log) => self.log = log,
            Err(error) => self.log_unread = Some(error),
        }
    }
}
