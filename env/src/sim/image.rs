//! What is on a simulated medium, and what might be after a power loss.
//!
//! The medium is an [`Image`]: names and contents. A change is an [`Atom`]:
//! one sector, one length, one name. Changes pend until they are synced; a
//! power loss keeps any subset of what pends, in order of issue. That covers
//! lost, torn and reordered writes and names that were never made durable.

use crate::rng::Stream;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// What a medium writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;

/// Up to this many pending atoms, every subset is an image of its own.
const EXHAUSTIVE_ATOMS_MAX: usize = 12;
/// Above it: all prefixes, all single omissions, and so many seeded subsets.
const SEEDED_SUBSETS: usize = 1_000;

/// A file's number; names come and go, numbers stay.
pub(super) type Inode = u64;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Directory,
    File(Inode),
}

/// A file's bytes, with their hash once somebody has asked for it: images share
/// most of their files, and are compared by the thousand.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    bytes: Vec<u8>,
    hash: OnceLock<u64>,
}

impl Content {
    /// The bytes, to be changed.
    pub(super) fn change(&mut self) -> &mut Vec<u8> {
        self.hash = OnceLock::new();
        &mut self.bytes
    }

    fn hash(&self) -> u64 {
        *self.hash.get_or_init(|| xxh3_64(&self.bytes))
    }
}

impl Deref for Content {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Names and contents.
#[derive(Clone, Debug, Default)]
pub struct Image {
    pub(super) names: BTreeMap<PathBuf, Node>,
    /// Every directory ever made, durable or not.
    pub(super) made: BTreeSet<PathBuf>,
    pub(super) contents: BTreeMap<Inode, Arc<Content>>,
}

/// The least that a power loss keeps or loses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Atom {
    /// Bytes within one sector.
    Sector {
        /// Which file.
        file: u64,
        /// Where.
        offset: u64,
        /// What.
        bytes: Vec<u8>,
    },
    /// A file cut or extended.
    Length {
        /// Which file.
        file: u64,
        /// Its new length.
        bytes: u64,
    },
    /// A name that now stands for a file, a directory (`None`) or nothing.
    Name(NameChange),
}

/// A change of one name, or of two at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameChange {
    /// The name that goes, if one goes.
    pub(super) from: Option<PathBuf>,
    /// The name that comes, if one comes, and what it stands for.
    pub(super) to: Option<(PathBuf, Node)>,
}

impl NameChange {
    /// The directory whose sync makes the change durable.
    pub(super) fn directory(&self) -> Option<&Path> {
        let path = self.to.as_ref().map(|(path, _)| path).or(self.from.as_ref())?;
        path.parent()
    }
}

impl Image {
    /// Makes the change.
    pub(super) fn apply(&mut self, atom: &Atom) {
        match atom {
            Atom::Sector { file, offset, bytes } => {
                let content = Arc::make_mut(self.contents.entry(*file).or_default()).change();
                let end = *offset as usize + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset as usize..end].copy_from_slice(bytes);
            }
            Atom::Length { file, bytes } => {
                let content = Arc::make_mut(self.contents.entry(*file).or_default()).change();
                content.resize(*bytes as usize, 0);
            }
            Atom::Name(change) => {
                if let Some(from) = &change.from {
                    self.names.remove(from);
                }
                if let Some((to, node)) = &change.to {
                    self.names.insert(to.clone(), *node);
                    if let Node::File(file) = node {
                        self.contents.entry(*file).or_default();
                    }
                }
            }
        }
    }

    /// A directory that a power loss swallowed takes its names with it. Only
    /// directories that somebody made count: the root and mount points of a
    /// test are there without a name.
    fn drop_orphans(&mut self) {
        let lost: Vec<PathBuf> =
            self.made.iter().filter(|dir| !self.names.contains_key(*dir)).cloned().collect();
        for dir in lost {
            self.names.retain(|name, _| !name.starts_with(&dir));
        }
    }

    fn holds(&self, atom: &Atom) -> bool {
        let Atom::Sector { file, offset, bytes } = atom else { return false };
        let start = *offset as usize;
        self.contents
            .get(file)
            .is_some_and(|content| content.get(start..start + bytes.len()) == Some(&bytes[..]))
    }

    /// Equal images have equal fingerprints; used to visit each image once.
    pub fn fingerprint(&self) -> u64 {
        let mut hash = Xxh3::new();
        for (path, node) in &self.names {
            hash.write(path.as_os_str().as_encoded_bytes());
            hash.write_u8(0);
            match node {
                Node::Directory => hash.write_u8(1),
                Node::File(file) => {
                    hash.write_u8(2);
                    hash.write_u64(self.contents.get(file).map_or(0, |content| content.hash()));
                }
            }
        }
        hash.finish()
    }
}

/// A medium and what pends on it: the crash images are between the two.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    pub(super) durable: Image,
    pub(super) atoms: Vec<Atom>,
}

impl Pending {
    /// The atoms that would change the medium; the others double images.
    fn effective(&self) -> Vec<&Atom> {
        let touches = |a: &Atom, b: &Atom| match (a, b) {
            (Atom::Sector { file: f, offset: o, .. }, Atom::Sector { file: g, offset: p, .. }) => {
                f == g && o / SECTOR_BYTES as u64 == p / SECTOR_BYTES as u64
            }
            (Atom::Sector { file: f, .. }, Atom::Length { file: g, .. }) => f == g,
            _ => false,
        };
        let alone = |at: usize| {
            !self.atoms.iter().enumerate().any(|(other, b)| other != at && touches(&self.atoms[at], b))
        };
        let kept = self.atoms.iter().enumerate();
        kept.filter(|(at, atom)| !(self.durable.holds(atom) && alone(*at))).map(|(_, atom)| atom).collect()
    }

    /// How many atoms a power loss would choose from.
    pub fn choices(&self) -> usize {
        self.effective().len()
    }

    /// Visits every image that a power loss at this point may leave: all
    /// subsets up to 12 atoms; above that all prefixes, all single omissions
    /// and 1,000 subsets drawn from the stream.
    pub fn each_image(&self, stream: &mut Stream, mut visit: impl FnMut(Image)) {
        let atoms = self.effective();
        let mut keep = |chosen: &dyn Fn(usize) -> bool| {
            let mut image = self.durable.clone();
            for (_, atom) in atoms.iter().enumerate().filter(|(at, _)| chosen(*at)) {
                image.apply(atom);
            }
            image.drop_orphans();
            visit(image);
        };
        if atoms.len() <= EXHAUSTIVE_ATOMS_MAX {
            for mask in 0..1u32 << atoms.len() {
                keep(&|at| mask & (1 << at) != 0);
            }
            return;
        }
        for length in 0..=atoms.len() {
            keep(&|at| at < length);
        }
        for omitted in 0..atoms.len() {
            keep(&|at| at != omitted);
        }
        for _ in 0..SEEDED_SUBSETS {
            let draws: Vec<bool> = atoms.iter().map(|_| stream.chance(50)).collect();
            keep(&|at| draws[at]);
        }
    }
}

/// The sectors of a write.
pub(super) fn sectors(file: Inode, offset: u64, bytes: &[u8]) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let (mut at, mut rest) = (offset, bytes);
    while !rest.is_empty() {
        let room = SECTOR_BYTES - (at % SECTOR_BYTES as u64) as usize;
        let (head, tail) = rest.split_at(room.min(rest.len()));
        atoms.push(Atom::Sector { file, offset: at, bytes: head.to_vec() });
        at += head.len() as u64;
        rest = tail;
    }
    atoms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use std::collections::BTreeSet;

    fn pending(writes: &[(u64, &[u8])]) -> Pending {
        let mut pending = Pending::default();
        for (offset, bytes) in writes {
            pending.atoms.extend(sectors(1, *offset, bytes));
        }
        pending
    }

    fn images(pending: &Pending) -> BTreeSet<Vec<u8>> {
        let mut seen = BTreeSet::new();
        pending.each_image(&mut Rng::from_seed(1).stream("images"), |image| {
            seen.insert(image.contents.get(&1).map(|c| c.to_vec()).unwrap_or_default());
        });
        seen
    }

    #[test]
    fn a_write_tears_between_sectors_and_nowhere_else() {
        let bytes = [7u8; SECTOR_BYTES + 1];
        let seen = images(&pending(&[(0, &bytes)]));
        let mut only_second = vec![0; SECTOR_BYTES + 1];
        only_second[SECTOR_BYTES] = 7;
        let expected = [vec![], vec![7; SECTOR_BYTES], only_second, bytes.to_vec()];
        assert_eq!(seen, BTreeSet::from(expected));
    }

    #[test]
    fn a_later_write_may_survive_an_earlier_one() {
        let seen = images(&pending(&[(0, b"first"), (SECTOR_BYTES as u64, b"second")]));
        assert!(seen.iter().any(|content| content.len() > SECTOR_BYTES && content[0] == 0));
    }

    #[test]
    fn what_is_there_already_is_no_choice() {
        let mut pending = pending(&[(0, b"same")]);
        let atom = pending.atoms[0].clone();
        pending.durable.apply(&atom);
        assert_eq!(pending.choices(), 0);
    }

    #[test]
    fn many_atoms_are_sampled_with_every_prefix_and_omission() {
        let bytes = vec![9u8; SECTOR_BYTES * 20];
        let mut count = 0;
        pending(&[(0, &bytes)]).each_image(&mut Rng::from_seed(1).stream("x"), |_| count += 1);
        assert_eq!(count, 21 + 20 + SEEDED_SUBSETS);
    }
}
