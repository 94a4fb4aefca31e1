//! A part of what was written at once: the sectors of a write share its bytes.

use std::ops::{Deref, Range};
use std::sync::Arc;

/// Some bytes of a write.
#[derive(Clone, Debug)]
pub struct Piece {
    of: Arc<[u8]>,
    range: Range<usize>,
}

impl Piece {
    /// All of a write.
    pub(super) fn all_of(bytes: &[u8]) -> Piece {
        Piece { of: Arc::from(bytes), range: 0..bytes.len() }
    }

    /// The first so many bytes, and the rest; nobody asks for more than there are.
    pub(super) fn split_at(&self, bytes: usize) -> (Piece, Piece) {
        let Range { start, end } = self.range;
        let middle = start + bytes;
        let part = |range| Piece { of: self.of.clone(), range };
        (part(start..middle), part(middle..end))
    }

    /// This, with the next behind it.
    pub(super) fn join(&mut self, next: &Piece) {
        if Arc::ptr_eq(&self.of, &next.of) && self.range.end == next.range.start {
            self.range.end = next.range.end;
        } else {
            *self = Piece::all_of(&[&self[..], &next[..]].concat());
        }
    }
}

impl Deref for Piece {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.of[self.range.clone()]
    }
}

impl PartialEq for Piece {
    fn eq(&self, other: &Piece) -> bool {
        self[..] == other[..]
    }
}

impl Eq for Piece {}
