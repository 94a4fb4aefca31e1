//! Segment files: their names, and one of them read into memory.
//!
//! `00000000000000000007.log` is segment 7; `spare-….log` is laid out and
//! waits for use; `….tmp` was being laid out when the process ended.

use crate::batch::{self, BatchKind, Header};
use crate::error::LogError;
use crate::opening::{self, Opened};
use crate::place::{LogIdentity, Place, SegmentId};
use crate::{BLOCK_BYTES, frame};
use bytes::Bytes;
use env::{EntryKind, Files, LogDevice};
use std::path::{Path, PathBuf};

/// Most openings are no longer.
const OPENING_GUESS_BYTES: u64 = 64 * 1024;

/// The path of a segment.
pub(crate) fn path_of(dir: &Path, segment: SegmentId) -> PathBuf {
    dir.join(format!("{:020}.log", segment.0))
}

/// What lies in a log directory.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Segments by number, with their lengths.
    pub segments: Vec<(SegmentId, u64)>,
    /// Laid-out files that wait for use.
    pub spares: Vec<(PathBuf, u64)>,
    /// Half laid-out files.
    pub unfinished: Vec<PathBuf>,
}

/// Sorts the names of a log directory. Names that are not ours are left alone.
pub(crate) fn list(files: &dyn Files, dir: &Path) -> Result<Listing, LogError> {
    let mut listing = Listing::default();
    for entry in files.list(dir).map_err(LogError::io("list", dir))? {
        let path = dir.join(&entry.name);
        let Some(stem) = entry.name.strip_suffix(".log") else {
            if entry.name.ends_with(".tmp") && entry.name.starts_with("spare-") {
                listing.unfinished.push(path);
            }
            continue;
        };
        let number = (stem.len() == 20).then(|| stem.parse().ok()).flatten();
        if entry.kind != EntryKind::File && (number.is_some() || stem.starts_with("spare-")) {
            return Err(LogError::WrongType { path, expected: "file" });
        }
        match number {
            Some(number) => listing.segments.push((SegmentId(number), entry.bytes)),
            None if stem.starts_with("spare-") => listing.spares.push((path, entry.bytes)),
            None => {}
        }
    }
    Ok(listing)
}

/// A segment in memory.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub id: SegmentId,
    pub path: PathBuf,
    identity: LogIdentity,
    bytes: Bytes,
}

impl Loaded {
    /// Reads a segment up to `end`, or all of it.
    pub fn read(
        files: &dyn Files,
        dir: &Path,
        identity: LogIdentity,
        id: SegmentId,
        end: Option<u64>,
    ) -> Result<Loaded, LogError> {
        let path = path_of(dir, id);
        let device = files.open_read(&path).map_err(LogError::io("open", &path))?;
        let length = device.bytes().map_err(LogError::io("measure", &path))?;
        let wanted = end.map_or(length, |end| end.min(length));
        let bytes = read_from(&*device, &path, wanted)?;
        Ok(Loaded { id, path, identity, bytes })
    }

    /// Reads as much of a segment as its opening takes.
    pub fn read_opening(
        files: &dyn Files,
        dir: &Path,
        identity: LogIdentity,
        id: SegmentId,
    ) -> Result<Loaded, LogError> {
        let start = Loaded::read(files, dir, identity, id, Some(OPENING_GUESS_BYTES))?;
        match batch::decode_header(&start.place(0), &start.from(0)) {
            Some(header) if header.extent() <= OPENING_GUESS_BYTES => Ok(start),
            // Long, or damaged: then its repetition may be anywhere.
            _ => Loaded::read(files, dir, identity, id, None),
        }
    }

    /// A segment whose bytes somebody has already; for tests and fuzzing.
    pub fn from_bytes(identity: LogIdentity, id: SegmentId, bytes: Bytes) -> Loaded {
        Loaded { id, path: PathBuf::new(), identity, bytes }
    }

    /// How much was read.
    pub fn end(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// The place at an offset.
    pub fn place(&self, offset: u64) -> Place {
        Place { identity: self.identity, segment: self.id, offset }
    }

    /// The bytes from an offset on.
    pub fn from(&self, offset: u64) -> Bytes {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        self.bytes.slice(offset..)
    }

    /// Does a sound header stand anywhere behind the first batch? Then the
    /// opening had been synced, whatever it looks like now: no batch is written
    /// to a segment before. An opening alone may be torn.
    pub fn was_opened(&self) -> bool {
        self.second().is_some()
    }

    /// Does it begin as only our own files do: blank, with an opening (perhaps
    /// torn) of this number, or with what a released segment of ours had in it
    /// before its file was taken over?
    pub fn is_ours(&self) -> bool {
        let bytes = self.from(0);
        let block = &bytes[..bytes.len().min(BLOCK_BYTES as usize)];
        let Some((segment, _)) = batch::stated(block) else { return block.iter().all(|byte| *byte == 0) };
        let before = Place { segment, ..self.place(0) };
        segment == self.id || batch::decode_header(&before, &bytes).is_some()
    }

    /// The first sound header behind the first batch, and where it stands.
    fn second(&self) -> Option<(u64, Header)> {
        let header_at = |offset| batch::decode_header(&self.place(offset), &self.from(offset));
        let behind = header_at(0).map_or(BLOCK_BYTES, |header| header.extent());
        let blocks = (behind / BLOCK_BYTES)..self.end().div_ceil(BLOCK_BYTES);
        let mut offsets = blocks.map(|block| block * BLOCK_BYTES);
        offsets.find_map(|offset| Some((offset, header_at(offset)?)))
    }

    /// The opening, or its repetition if the opening itself is unsound.
    pub fn opening(&self) -> Result<Option<Opened>, LogError> {
        let (place, bytes) = (self.place(0), self.from(0));
        if let Some(found) = batch::foreign_format(&place, &bytes) {
            return Err(LogError::Format { path: self.path.clone(), found });
        }
        let first = batch::decode_header(&place, &bytes).map(|header| (0, header));
        if first.is_none() {
            self.refuse_foreign()?;
        }
        for (offset, header) in first.into_iter().chain(self.second()) {
            let right = if offset == 0 { BatchKind::Opening } else { BatchKind::Repeat };
            let body = batch::body(&self.place(offset), &header, &self.from(offset));
            if let Some(body) = body.filter(|_| header.kind == right) {
                let records = frame::decode_all(&body, header.records)
                    .map_err(|source| LogError::Unreadable { segment: self.id, offset, source })?;
                // What comes before has a lower number: a chain that turns would
                // never end, and nothing here releases what is here.
                let before = |opening: &opening::Opening| opening.predecessor.segment.max(opening.released);
                let opened = opening::take_apart(records);
                return Ok(opened.filter(|opened| before(&opened.opening) < self.id));
            }
        }
        Ok(None)
    }

    /// A batch that is sound for the identity *it* names is no damage of ours:
    /// somebody put a foreign file here.
    fn refuse_foreign(&self) -> Result<(), LogError> {
        let bytes = self.from(0);
        let Some(header) = batch::parse_unchecked(&self.place(0), &bytes) else { return Ok(()) };
        let body = bytes.slice((header.header_bytes as usize).min(bytes.len())..);
        let Ok(first) = frame::decode(&mut model::wire::Cursor::new(&body), &body) else { return Ok(()) };
        let Some(opening) = opening::Opening::decode(&first.payload) else { return Ok(()) };
        let found = opening.identity;
        let theirs = Place { identity: found, ..self.place(0) };
        if found != self.identity && batch::decode_header(&theirs, &bytes).is_some() {
            return Err(LogError::Foreign { path: self.path.clone(), found, expected: self.identity });
        }
        Ok(())
    }
}

/// Reads the start of a file. A file that shrinks under us reads short.
pub(crate) fn read_from(device: &dyn LogDevice, path: &Path, bytes: u64) -> Result<Bytes, LogError> {
    let too_long = || std::io::Error::new(std::io::ErrorKind::InvalidData, "longer than memory can address");
    let wanted = usize::try_from(bytes).map_err(|_| LogError::io("read", path)(too_long()))?;
    let mut content = vec![0; wanted];
    let read = device.read_at(0, &mut content).map_err(LogError::io("read", path))?;
    content.truncate(read);
    Ok(Bytes::from(content))
}
