//! Surveying a log directory: what is in it, what is proven, what is damaged.
//!
//! Nothing here writes. A survey decides everything that recovery then does:
//!
//! 1. The newest opened segment names its predecessor, and so on back to the
//!    oldest that is still needed: the chain. A hole in it is an error.
//! 2. Every sound header proves the batches up to its `durable_upto` to have
//!    been on disk. The highest such LSN is what is *proven*.
//! 3. An unsound batch at or below it, or within a segment whose end a
//!    successor names, is damage: charged, never truncated.
//! 4. An unsound batch above it was never acknowledged: torn, dropped with all
//!    behind it. Sound batches above it are *kept*, to be written anew.

use crate::batch::{self, Header};
use crate::carrier::Carriers;
use crate::damage::Damage;
use crate::error::LogError;
use crate::frame;
use crate::opening::{Opened, Predecessor, decode_released};
use crate::place::{LogIdentity, Lsn, SegmentId};
use crate::roster::Roster;
use crate::segment::{Listing, Loaded, list, path_of};
use crate::walk::{Met, Walk};
use bytes::Bytes;
use env::{Files, Plants};
use model::{Index, PartitionId, Record, RecordKind};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One segment of the chain.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// Its number.
    pub id: SegmentId,
    /// Where it ends: nothing beyond is read.
    pub end: u64,
    /// Its first batch.
    pub first: Lsn,
    /// Its last batch.
    pub last: Lsn,
    /// Where its footer stands; 0 when it has none.
    pub footer: u64,
    /// Sound batches in it.
    pub batches: u64,
    /// Records in them.
    pub records: u64,
    /// Whose records.
    pub roster: Roster,
}

/// An operator's word that what follows an index is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The batch that says so.
    pub lsn: Lsn,
    /// Which of its records says so; later ones count again.
    pub ordinal: usize,
    /// The last index that stays.
    pub after: Index,
}

/// What was found. See the module for what each means.
#[derive(Debug, Default)]
pub struct Survey {
    /// The chain, oldest first.
    pub segments: Vec<Surveyed>,
    /// Carrier states as of the last record.
    pub carriers: Carriers,
    /// Segments up to this one may be gone.
    pub released: SegmentId,
    /// What cannot be read and should be readable.
    pub damages: Vec<Damage>,
    /// Losses accepted, by partition, oldest first. Each gives up what stands
    /// before it; a later one does not bring that back.
    pub accepted: BTreeMap<PartitionId, Vec<Accepted>>,
    /// Every batch up to here had been on disk.
    pub proven: Lsn,
    /// Records of sound batches above that: maybe on disk, maybe only in the
    /// page cache.
    pub kept: Vec<Record>,
    /// An append was under way: its batch is dropped.
    pub torn: Option<(SegmentId, u64)>,
    /// Where the last of the kept batches ends.
    pub(crate) kept_end: (u64, Lsn),
    /// Where the next segment has to continue.
    pub(crate) resume: Predecessor,
    /// Whose records are in the segment that it continues.
    pub(crate) resume_roster: Roster,
    /// Files that no longer count.
    pub(crate) leftovers: Vec<SegmentId>,
    /// Files that were being laid out.
    pub(crate) unfinished: Vec<PathBuf>,
    /// Laid-out files that wait for use.
    pub(crate) spares: Vec<(PathBuf, u64)>,
    /// The newest segment, when not even its opening is proven: what it holds
    /// is kept, and the file goes.
    pub(crate) unproven: Option<SegmentId>,
    /// The highest number any segment file bears.
    pub(crate) highest: SegmentId,
}

/// Surveys a log directory.
pub fn survey(
    files: &dyn Files,
    dir: &Path,
    identity: LogIdentity,
    plants: Plants,
) -> Result<Survey, LogError> {
    let listing = list(files, dir)?;
    let mut surveyor = Surveyor { files, dir, identity, plants, survey: Survey::default() };
    surveyor.survey.highest = listing.segments.last().map(|(id, _)| *id).unwrap_or_default();
    let Some(newest) = surveyor.newest(&listing)? else {
        return Ok(surveyor.leave_aside(listing, &[]));
    };
    let chain = surveyor.chain(&listing, &newest)?;
    for (at, link) in chain.iter().enumerate() {
        match chain.get(at + 1) {
            Some(next) => surveyor.sealed(link, next)?,
            None => surveyor.active(link, &newest)?,
        }
    }
    Ok(surveyor.leave_aside(listing, &chain))
}

/// A segment of the chain before it is walked.
pub(crate) struct Link {
    pub id: SegmentId,
    /// Where its successor says that it ends.
    pub end: Option<Predecessor>,
    pub opened: Option<Opened>,
    /// The opening's header, for its rosters.
    pub header: Option<Header>,
}

pub(crate) struct Surveyor<'a> {
    pub files: &'a dyn Files,
    pub dir: &'a Path,
    pub identity: LogIdentity,
    pub plants: Plants,
    pub survey: Survey,
}

impl Surveyor<'_> {
    /// The newest segment that was opened, in memory.
    fn newest(&mut self, listing: &Listing) -> Result<Option<Loaded>, LogError> {
        for (id, _) in listing.segments.iter().rev() {
            let loaded = Loaded::read(self.files, self.dir, self.identity, *id, None)?;
            let opened = loaded.opening()?;
            if let Some(opened) = &opened {
                self.survey.released = opened.opening.released;
            }
            if opened.is_some() || loaded.was_opened() {
                self.read_releases(&loaded)?;
                return Ok(Some(loaded));
            }
        }
        Ok(None)
    }

    /// Which segments may be gone must be known before any is missed.
    fn read_releases(&mut self, newest: &Loaded) -> Result<(), LogError> {
        for met in Walk::new(newest, None) {
            let Met::Batch { offset, header, body } = met else { continue };
            for record in self.records(newest, offset, &header, &body)? {
                let upto = decode_released(&record.payload).filter(|upto| *upto < newest.id);
                if let (RecordKind::Released, Some(upto)) = (record.kind, upto) {
                    self.survey.released = self.survey.released.max(upto);
                }
            }
        }
        Ok(())
    }

    pub fn records(
        &self,
        segment: &Loaded,
        offset: u64,
        header: &Header,
        body: &Bytes,
    ) -> Result<Vec<Record>, LogError> {
        frame::decode_all(body, header.records).map_err(|source| LogError::Unreadable {
            segment: segment.id,
            offset,
            source,
        })
    }

    fn link(&self, id: SegmentId, end: Option<Predecessor>) -> Result<Link, LogError> {
        let loaded = Loaded::read_opening(self.files, self.dir, self.identity, id)?;
        let header = batch::decode_header(&loaded.place(0), &loaded.from(0));
        Ok(Link { id, end, opened: loaded.opening()?, header })
    }

    /// From the newest segment back to the oldest that is needed; returned
    /// oldest first.
    fn chain(&self, listing: &Listing, newest: &Loaded) -> Result<Vec<Link>, LogError> {
        let mut chain = vec![self.link(newest.id, None)?];
        loop {
            let link = chain.last().expect("begins with the newest");
            let before = match &link.opened {
                Some(opened) => Some(opened.opening.predecessor),
                // A damaged opening names nobody: the next lower file it is.
                None => self.guess_before(listing, link.id),
            };
            let Some(before) = before.filter(|before| before.segment > self.survey.released) else { break };
            if !listing.segments.iter().any(|(id, _)| *id == before.segment) {
                let path = path_of(self.dir, before.segment);
                return Err(LogError::Missing { segment: before.segment, path });
            }
            let end = (before.end > 0).then_some(before);
            chain.push(self.link(before.segment, end)?);
        }
        chain.reverse();
        Ok(chain)
    }

    fn guess_before(&self, listing: &Listing, id: SegmentId) -> Option<Predecessor> {
        let lower = listing.segments.iter().rev().find(|(other, _)| *other < id)?;
        Some(Predecessor { segment: lower.0, ..Predecessor::default() })
    }

    /// Files that are no part of the chain.
    fn leave_aside(self, listing: Listing, chain: &[Link]) -> Survey {
        let mut survey = self.survey;
        let outside = listing.segments.iter().filter(|(id, _)| !chain.iter().any(|link| link.id == *id));
        survey.leftovers = outside.map(|(id, _)| *id).collect();
        survey.unfinished = listing.unfinished;
        survey.spares = listing.spares;
        survey
    }
}
