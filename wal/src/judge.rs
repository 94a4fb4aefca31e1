//! Judging segments: which batches are proven, which are torn, which are kept.
//!
//! A sealed segment is judged by its successor, which names its end. The newest
//! is judged by its own headers: what the highest `durable_upto` covers had been
//! on disk, whatever follows an unsound batch above it was never acknowledged.

use crate::batch::parse_unchecked;
use crate::error::LogError;
use crate::frame;
use crate::intake::{Intake, fold};
use crate::opening::Predecessor;
use crate::place::Lsn;
use crate::roster::Roster;
use crate::segment::Loaded;
use crate::survey::{Link, Surveyor};
use crate::walk::{Met, Walk, footer_at};
use env::Plant;
use model::PartitionId;

impl Surveyor<'_> {
    /// A segment that a successor follows: all of it had been on disk.
    pub fn sealed(&mut self, link: &Link, next: &Link) -> Result<(), LogError> {
        let end = link.end.map(|before| before.end);
        let loaded = Loaded::read(self.files, self.dir, self.identity, link.id, end)?;
        let footer = link.end.map_or(0, |before| before.footer);
        let summary = self.footer(&loaded, footer).or_else(|| next.header.as_ref().map(|h| h.prior.clone()));
        let mut walk = Walk::new(&loaded, self.expected());
        let mut mets: Vec<Met> = walk.by_ref().collect();
        mets.extend(end.and_then(|end| walk.cut_short(end)));
        if end.is_none() {
            // Nobody says where it ends: what follows the last sound batch is no damage.
            while matches!(mets.last(), Some(Met::Bad { header: None, .. })) {
                mets.pop();
            }
        }
        self.survey.proven = link.end.map_or(self.survey.proven, |before| before.lsn);
        Intake::new(&loaded, link.opened.is_some(), summary.as_ref()).run(self, mets)?;
        if let Some(last) = self.survey.segments.last_mut() {
            last.end = end.unwrap_or(last.end);
            last.last = last.last.max(self.survey.proven);
            self.survey.proven = last.last;
        }
        Ok(())
    }

    fn footer(&self, segment: &Loaded, offset: u64) -> Option<Roster> {
        let found = match self.plants.has(Plant::FooterUnchecked) {
            true => parse_unchecked(&segment.place(offset), &segment.from(offset)),
            false => footer_at(segment, offset),
        };
        found.filter(|_| offset > 0).map(|header| header.own)
    }

    /// The newest segment: what its headers prove decides where it ends.
    pub fn active(&mut self, link: &Link, loaded: &Loaded) -> Result<(), LogError> {
        let mut mets: Vec<Met> = Walk::new(loaded, self.expected()).collect();
        let claims = mets.iter().filter_map(|met| match met {
            Met::Batch { header, .. } => Some(header.durable_upto),
            Met::Bad { header, .. } => header.as_ref().map(|header| header.durable_upto),
        });
        let proven = claims.max().unwrap_or_default().max(self.survey.proven);
        let torn = mets.iter().position(|met| self.is_torn(loaded, met, proven));
        if let Some(at) = torn {
            self.note_torn(loaded, &mets[at]);
            mets.truncate(at);
        }
        let first_kept =
            mets.iter().position(|met| matches!(met, Met::Batch { header, .. } if header.lsn > proven));
        let above = first_kept.map(|at| mets.split_off(at)).unwrap_or_default();
        self.survey.proven = proven;
        Intake::new(loaded, link.opened.is_some(), None).run(self, mets)?;
        self.resume(link);
        self.keep(loaded, above)
    }

    /// Unsound bytes above what is proven were never acknowledged.
    fn is_torn(&self, segment: &Loaded, met: &Met, proven: Lsn) -> bool {
        let Met::Bad { lsn, offset, .. } = met else { return false };
        let torn = *lsn > proven && !self.mistakes_for_damage(segment, *offset);
        torn || self.plants.has(Plant::TruncateAtFirstBad)
    }

    /// Planted: a readable record in a torn batch passes for proof.
    fn mistakes_for_damage(&self, segment: &Loaded, offset: u64) -> bool {
        if !self.plants.has(Plant::RecordInTornBatch) {
            return false;
        }
        let bytes = segment.from(offset);
        let Some(header) = parse_unchecked(&segment.place(offset), &bytes) else { return false };
        let body = bytes.slice((header.header_bytes as usize).min(bytes.len())..);
        frame::decode(&mut model::wire::Cursor::new(&body), &body).is_ok()
    }

    fn note_torn(&mut self, segment: &Loaded, met: &Met) {
        let Met::Bad { offset, .. } = met else { return };
        let block = segment.from(*offset);
        let block = &block[..block.len().min(crate::BLOCK_BYTES as usize)];
        if block.iter().any(|byte| *byte != 0) {
            self.survey.torn = Some((segment.id, *offset));
        }
    }

    fn expected(&self) -> Option<Lsn> {
        (!self.survey.segments.is_empty()).then(|| self.survey.proven.next())
    }

    /// Where the next segment continues: behind the last proven batch.
    fn resume(&mut self, link: &Link) {
        let survey = &mut self.survey;
        match survey.segments.last() {
            Some(last) if last.id == link.id => {
                survey.resume =
                    Predecessor { segment: last.id, end: last.end, lsn: survey.proven, footer: last.footer };
                survey.resume_roster = last.roster.clone();
            }
            _ => {
                // Not even the opening is proven: its own predecessor it is.
                survey.unproven = Some(link.id);
                let opened = link.opened.as_ref().map(|opened| opened.opening.predecessor);
                survey.resume = opened.unwrap_or_default();
                survey.resume_roster = link.header.as_ref().map(|h| h.prior.clone()).unwrap_or_default();
            }
        }
    }

    /// Batches above what is proven: their records are kept for the next opening.
    fn keep(&mut self, segment: &Loaded, above: Vec<Met>) -> Result<(), LogError> {
        for met in above {
            let Met::Batch { offset, header, body } = met else { continue };
            let records = self.records(segment, offset, &header, &body)?;
            let records = fold(&mut self.survey, &header, records);
            self.survey.kept_end = (offset + header.extent(), header.lsn);
            self.survey.kept.extend(records.into_iter().filter(|r| r.partition != PartitionId::LOG));
        }
        Ok(())
    }
}
