//! What is on a simulated medium, and what might be after a power loss.
//!
//! The medium is an [`Image`]: names and contents. A change is an [`Atom`]:
//! one sector (or zeroes behind a file's end), one length, one name. What a
//! crash makes of them stands in `pending.rs`.

use super::piece::Piece;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

/// What a medium writes whole or not at all.
pub const SECTOR_BYTES: usize = 512;
/// How much of a file laid out with zeroes is there or missing at once.
const BLANK_BYTES: usize = 64 * SECTOR_BYTES;

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
    /// Bytes within one sector, or zeroes behind the end of a file.
    Sector {
        /// Which file.
        file: u64,
        /// Where.
        offset: u64,
        /// What.
        bytes: Piece,
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

impl Atom {
    /// Takes in a write that follows directly; false when it does not.
    pub(super) fn absorb(&mut self, next: &Atom) -> bool {
        let (Atom::Sector { file, offset, bytes }, Atom::Sector { file: f, offset: o, bytes: more }) =
            (self, next)
        else {
            return false;
        };
        let follows = *file == *f && *offset + bytes.len() as u64 == *o;
        if follows {
            bytes.join(more);
        }
        follows
    }
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
            Atom::Sector { file, offset, bytes } => self.write(*file, *offset, bytes),
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

    /// Puts the bytes there.
    pub(super) fn write(&mut self, file: Inode, offset: u64, bytes: &[u8]) {
        let content = Arc::make_mut(self.contents.entry(file).or_default()).change();
        let end = offset as usize + bytes.len();
        if content.len() < end {
            content.resize(end, 0);
        }
        content[offset as usize..end].copy_from_slice(bytes);
    }

    /// A directory that a power loss swallowed takes its names with it. Only
    /// directories that somebody made count: the root and mount points of a
    /// test are there without a name.
    pub(super) fn drop_orphans(&mut self) {
        let lost: Vec<PathBuf> =
            self.made.iter().filter(|dir| !self.names.contains_key(*dir)).cloned().collect();
        for dir in lost {
            self.names.retain(|name, _| !name.starts_with(&dir));
        }
    }

    /// The length of a file; 0 when it is not there.
    pub(super) fn length(&self, file: Inode) -> u64 {
        self.contents.get(&file).map_or(0, |content| content.len() as u64)
    }

    /// Would the change change nothing?
    pub(super) fn holds(&self, atom: &Atom) -> bool {
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

/// The sectors of a write.
pub(super) fn sectors(file: Inode, offset: u64, bytes: &[u8]) -> impl Iterator<Item = Atom> {
    atoms(file, offset, bytes, SECTOR_BYTES)
}

/// A write of zeroes behind a file's end, in longer pieces: what is missing of
/// it reads as zero, too.
pub(super) fn blanks(file: Inode, offset: u64, bytes: &[u8]) -> impl Iterator<Item = Atom> {
    atoms(file, offset, bytes, BLANK_BYTES)
}

fn atoms(file: Inode, offset: u64, bytes: &[u8], longest: usize) -> impl Iterator<Item = Atom> {
    let (mut at, mut rest) = (offset, Piece::all_of(bytes));
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let room = longest - (at % longest as u64) as usize;
        let (head, tail) = rest.split_at(room.min(rest.len()));
        rest = tail;
        let offset = at;
        at += head.len() as u64;
        Some(Atom::Sector { file, offset, bytes: head })
    })
}
