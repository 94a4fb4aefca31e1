//! Walking a segment batch by batch, over whatever stands in the way.

use crate::BLOCK_BYTES;
use crate::batch::{self, BatchKind, Header};
use crate::place::Lsn;
use crate::segment::Loaded;
use bytes::Bytes;

/// What the walk meets next.
#[derive(Debug)]
pub(crate) enum Met {
    /// A sound batch.
    Batch { offset: u64, header: Header, body: Bytes },
    /// Bytes that are no sound batch, up to the next sound header or the end.
    Bad {
        offset: u64,
        /// Where the next thing stands.
        end: u64,
        /// The LSN that should stand here.
        lsn: Lsn,
        /// How many batches are missing, when the next header tells.
        batches: Option<u64>,
        /// The header, when only the body is unsound.
        header: Option<Box<Header>>,
        /// The next sound header, when there is one.
        next: Option<Box<Header>>,
    },
}

/// A walk from an offset to the end of what was loaded.
#[derive(Debug)]
pub(crate) struct Walk<'a> {
    segment: &'a Loaded,
    offset: u64,
    /// The LSN that comes next; unknown until the first sound header.
    expected: Option<Lsn>,
}

impl<'a> Walk<'a> {
    pub fn new(segment: &'a Loaded, expected: Option<Lsn>) -> Walk<'a> {
        Walk { segment, offset: 0, expected }
    }

    fn header_at(&self, offset: u64) -> Option<Header> {
        let header = batch::decode_header(&self.segment.place(offset), &self.segment.from(offset))?;
        // An older number cannot stand behind a newer one: noise.
        (self.expected.is_none_or(|expected| header.lsn >= expected)).then_some(header)
    }

    /// The first block from `offset` on with a sound header.
    fn next_header(&self, offset: u64) -> Option<(u64, Header)> {
        let mut at = offset;
        while at < self.segment.end() {
            if let Some(header) = self.header_at(at) {
                return Some((at, header));
            }
            at += BLOCK_BYTES;
        }
        None
    }

    /// Steps over a batch whose header is sound and whose body is not. The
    /// header tells how far the batch reaches: what looks like a header within
    /// it is somebody's payload.
    fn bad_body(&mut self, header: Header) -> Met {
        let (offset, lsn) = (self.offset, header.lsn);
        self.offset = (offset + header.extent()).min(self.segment.end());
        self.expected = Some(lsn.next());
        let end = self.offset;
        Met::Bad { offset, end, lsn, batches: Some(1), header: Some(Box::new(header)), next: None }
    }

    /// Steps over bytes of which nothing is known, to the next sound header.
    fn bad_header(&mut self) -> Met {
        let offset = self.offset;
        let expected = self.expected;
        self.expected = expected.map(Lsn::next);
        let next = self.next_header(offset + BLOCK_BYTES);
        // The repetition tells its opening's number when nothing before does.
        let repeats = next.as_ref().filter(|(_, found)| offset == 0 && found.kind == BatchKind::Repeat);
        let opening = repeats.map(|(_, found)| Lsn(found.lsn.0.saturating_sub(1)));
        let lsn = expected.or(opening).unwrap_or_default();
        self.offset = next.as_ref().map_or(self.segment.end(), |(at, _)| *at);
        let next = next.map(|(_, found)| Box::new(found));
        let batches = next.as_ref().map(|found| found.lsn.0.saturating_sub(lsn.0));
        self.expected = batches.map(|count| Lsn(lsn.0 + count)).or(self.expected);
        Met::Bad { offset, end: self.offset, lsn, batches, header: None, next }
    }

    /// What is missing behind the walk when the segment should go on to `end`:
    /// the file has been cut short.
    pub fn cut_short(&self, end: u64) -> Option<Met> {
        let (offset, lsn) = (self.segment.end(), self.expected.unwrap_or_default());
        (offset < end).then_some(Met::Bad { offset, end, lsn, batches: None, header: None, next: None })
    }
}

impl Iterator for Walk<'_> {
    type Item = Met;

    fn next(&mut self) -> Option<Met> {
        if self.offset >= self.segment.end() {
            return None;
        }
        let Some(header) = self.header_at(self.offset) else { return Some(self.bad_header()) };
        if self.expected.is_some_and(|expected| header.lsn > expected) {
            // Batches are missing without a byte in their place: as bad as any.
            let (offset, lsn) = (self.offset, self.expected.unwrap_or_default());
            self.expected = Some(header.lsn);
            let batches = Some(header.lsn.0 - lsn.0);
            let next = Some(Box::new(header));
            return Some(Met::Bad { offset, end: offset, lsn, batches, header: None, next });
        }
        let bytes = self.segment.from(self.offset);
        let Some(body) = batch::body(&self.segment.place(self.offset), &header, &bytes) else {
            return Some(self.bad_body(header));
        };
        let offset = self.offset;
        self.offset += header.extent();
        self.expected = Some(header.lsn.next());
        Some(Met::Batch { offset, header, body })
    }
}

/// The footer at an offset, if a sound one stands there.
pub(crate) fn footer_at(segment: &Loaded, offset: u64) -> Option<Header> {
    let header = batch::decode_header(&segment.place(offset), &segment.from(offset))?;
    (offset > 0 && header.kind == BatchKind::Footer).then_some(header)
}
