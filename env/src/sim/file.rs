//! One file of a simulated disk.

use crate::files::LogDevice;
use crate::sim::disk::{Fault, OpKind, SimDisk, error};
use crate::sim::image::{Atom, Inode};
use std::io;
use std::path::{Path, PathBuf};

/// An open file; every handle of a name shares the content.
pub(super) struct SimFile {
    disk: SimDisk,
    file: Inode,
    /// Where it was opened: for faults and watchers, which think in names.
    path: PathBuf,
}

impl SimFile {
    pub fn new(disk: &SimDisk, file: Inode, path: &Path) -> SimFile {
        SimFile { disk: disk.clone(), file, path: path.to_owned() }
    }
}

impl LogDevice for SimFile {
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut state = self.disk.state();
        state.check(OpKind::Read, &self.path)?;
        let content = state.cache.contents.get(&self.file).map_or(&[][..], |content| &content[..]);
        let from = content.get(offset as usize..).unwrap_or_default();
        let read = from.len().min(into.len());
        into[..read].copy_from_slice(&from[..read]);
        Ok(read)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.disk.state();
        let length = state.cache.length(self.file);
        let growth = (offset + bytes.len() as u64).saturating_sub(length);
        let fault = state.fault(OpKind::Write, &self.path);
        let room = if growth > 0 { state.make_room(growth) } else { Ok(()) };
        if let Some(fault) = fault {
            // An error after part of the work, as the kernel reports it.
            state.write(self.file, offset, &bytes[..bytes.len() / 2]);
            state.done(OpKind::Write, &self.path);
            return Err(error(fault));
        }
        room?;
        state.write(self.file, offset, bytes);
        state.done(OpKind::Write, &self.path);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.disk.state();
        let file = self.file;
        let own = |atom: &Atom| match atom {
            Atom::Sector { file: f, .. } | Atom::Length { file: f, .. } => *f == file,
            Atom::Name(_) => false,
        };
        let result = match state.fault(OpKind::Sync, &self.path) {
            None => {
                state.settle(own);
                Ok(())
            }
            Some(Fault::Lie) => Ok(()),
            Some(fault) => {
                // The pages are clean now; the cache goes on showing them.
                state.medium.atoms.retain(|atom| !own(atom));
                Err(error(fault))
            }
        };
        state.done(OpKind::Sync, &self.path);
        result
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.disk.state().cache.length(self.file))
    }

    fn set_bytes(&self, bytes: u64) -> io::Result<()> {
        let mut state = self.disk.state();
        state.check(OpKind::SetBytes, &self.path)?;
        let length = state.cache.length(self.file);
        if bytes > length {
            state.make_room(bytes - length)?;
        }
        state.pend(Atom::Length { file: self.file, bytes });
        state.done(OpKind::SetBytes, &self.path);
        Ok(())
    }
}
