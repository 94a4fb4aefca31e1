//! What pends on a medium, and the images that a power loss may leave.
//!
//! Changes pend until they are synced; a power loss keeps any subset of what
//! pends, in order of issue. That covers lost, torn and reordered writes and
//! names that were never made durable.

use crate::rng::Stream;
use crate::sim::image::{Atom, Image, SECTOR_BYTES};

/// Up to this many pending atoms, every subset is an image of its own.
const EXHAUSTIVE_ATOMS_MAX: usize = 12;
/// Above it: all prefixes, all single omissions, and so many seeded subsets.
const SEEDED_SUBSETS: usize = 1_000;

/// A medium and what pends on it: the crash images are between the two.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    pub(super) durable: Image,
    pub(super) atoms: Vec<Atom>,
}

impl Pending {
    /// The atoms that would change the medium; the others double images.
    fn effective(&self) -> Vec<Atom> {
        let mut kept: Vec<Atom> = Vec::new();
        for (at, atom) in self.atoms.iter().enumerate() {
            if self.durable.holds(atom) && self.is_alone(at) {
                continue;
            }
            // A file written full of zeroes is one choice: what is missing of
            // it reads as zero too, only the length tells.
            let blank = self.is_blank(atom);
            let before = kept.last_mut().filter(|last| blank && self.is_blank(last));
            if !before.is_some_and(|last| last.absorb(atom)) {
                kept.push(atom.clone());
            }
        }
        kept
    }

    /// Does nothing else that pends touch the same sector?
    fn is_alone(&self, at: usize) -> bool {
        let sectors = |offset: &u64, bytes: &[u8]| {
            let end = offset + bytes.len() as u64;
            (offset / SECTOR_BYTES as u64, end.div_ceil(SECTOR_BYTES as u64))
        };
        let touches = |a: &Atom, b: &Atom| match (a, b) {
            (
                Atom::Sector { file: f, offset: o, bytes: a },
                Atom::Sector { file: g, offset: p, bytes: b },
            ) => {
                let ((from, to), (start, end)) = (sectors(o, a), sectors(p, b));
                f == g && from < end && start < to
            }
            (Atom::Sector { file: f, .. }, Atom::Length { file: g, .. }) => f == g,
            _ => false,
        };
        !self.atoms.iter().enumerate().any(|(other, b)| other != at && touches(&self.atoms[at], b))
    }

    /// Zeroes behind the end of the file that the medium has.
    fn is_blank(&self, atom: &Atom) -> bool {
        let Atom::Sector { file, offset, bytes } = atom else { return false };
        *offset >= self.durable.length(*file) && bytes.iter().all(|byte| *byte == 0)
    }

    /// How many atoms a power loss would choose from.
    pub fn choices(&self) -> usize {
        self.effective().len()
    }

    /// One image that a power loss at this point may leave: all that pends,
    /// nothing of it, a prefix, all but one, or any subset.
    pub fn any_image(&self, stream: &mut Stream) -> Image {
        let count = self.atoms.len();
        let at = stream.below(count as u64 + 1) as usize;
        let how = stream.below(6);
        let mut image = self.durable.clone();
        for (number, atom) in self.atoms.iter().enumerate() {
            let kept = match how {
                0 => false,
                1 => true,
                2 => number < at,
                3 => number != at,
                _ => stream.chance(50),
            };
            if kept {
                image.apply(atom);
            }
        }
        image.drop_orphans();
        image
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Rng;
    use crate::sim::image::sectors;
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
