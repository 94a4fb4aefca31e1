//! Taking in one segment: sound batches are folded into the survey, the holes
//! between them are charged.

use crate::batch::{BatchKind, Header};
use crate::carrier::index;
use crate::damage::{Condemned, Coverage, Damage, charge, charge_rest};
use crate::error::LogError;
use crate::opening;
use crate::place::Lsn;
use crate::roster::{ANYBODY, Roster, Span};
use crate::segment::Loaded;
use crate::survey::{Accepted, Survey, Surveyed, Surveyor};
use crate::walk::Met;
use model::{Index, PartitionId, Record, RecordKind};
use std::collections::{BTreeMap, BTreeSet};

/// One segment on its way into a survey.
pub(crate) struct Intake<'a> {
    segment: &'a Loaded,
    /// Is its opening, or the opening's repetition, sound?
    opened: bool,
    /// For a sealed segment: whose records were in it.
    summary: Option<&'a Roster>,
    readable: Coverage,
    seen: Surveyed,
}

impl<'a> Intake<'a> {
    pub fn new(segment: &'a Loaded, opened: bool, summary: Option<&'a Roster>) -> Intake<'a> {
        let seen = Surveyed {
            id: segment.id,
            end: 0,
            first: Lsn(u64::MAX),
            last: Lsn(0),
            footer: 0,
            batches: 0,
            records: 0,
            roster: Roster::default(),
        };
        Intake { segment, opened, summary, readable: Coverage::default(), seen }
    }

    /// Takes in what a walk met. Nothing met is nothing taken in.
    pub fn run(mut self, surveyor: &mut Surveyor<'_>, mets: Vec<Met>) -> Result<(), LogError> {
        if mets.is_empty() {
            return Ok(());
        }
        for met in &mets {
            self.take(surveyor, met)?;
        }
        if let Some(summary) = self.summary {
            self.seen.roster.merge(summary);
        }
        let known = everybody(&surveyor.survey, &self.seen.roster);
        for met in &mets {
            let charged = self.charge(met, &known);
            surveyor.survey.damages.extend(charged);
        }
        surveyor.survey.segments.push(self.seen);
        Ok(())
    }

    fn take(&mut self, surveyor: &mut Surveyor<'_>, met: &Met) -> Result<(), LogError> {
        let (offset, header, body) = match met {
            Met::Batch { offset, header, body } => (*offset, header, body),
            Met::Bad { end, .. } => {
                // Damage stays within the segment: cutting it off would be
                // forgetting it.
                self.seen.end = *end;
                return Ok(());
            }
        };
        let records = surveyor.records(self.segment, offset, header, body)?;
        let seen = &mut self.seen;
        if header.kind == BatchKind::Footer {
            seen.footer = offset;
        } else {
            self.readable.add(&header.own);
            seen.roster.merge(&header.own);
        }
        seen.first = seen.first.min(header.lsn);
        seen.last = seen.last.max(header.lsn);
        seen.end = offset + header.extent();
        seen.batches += 1;
        seen.records += records.len() as u64;
        fold(&mut surveyor.survey, header, records);
        Ok(())
    }

    /// The damage that a hole is, and a note of it in the segment's roster, so
    /// that what the next opening says of this segment does not forget it.
    fn charge(&mut self, met: &Met, known: &[Condemned]) -> Option<Damage> {
        let Met::Bad { offset, lsn, batches, .. } = met else { return None };
        let (condemned, everybody) = match self.blame(met) {
            Some(condemned) => (condemned, false),
            None => (known.to_vec(), true),
        };
        for lost in condemned.iter().filter(|lost| lost.last < Index::MAX) {
            self.seen.roster.add(lost.span());
        }
        if everybody {
            self.seen.roster.add(Span { partition: ANYBODY, first: 1, last: 0, promise: true });
        }
        Some(Damage {
            segment: self.segment.id,
            offset: *offset,
            lsn: *lsn,
            batches: batches.unwrap_or(0),
            condemned,
            everybody,
            forgiven: BTreeSet::new(),
        })
    }

    /// Whom a hole concerns: its own header tells if that is sound, else the
    /// next header if exactly one batch is missing, else the segment's roster.
    /// `None` is anybody; so it is too when the newest segment's opening is lost
    /// together with its repetition, since carrier states stood nowhere else.
    /// The opening behind it says so for ever after.
    fn blame(&self, met: &Met) -> Option<Vec<Condemned>> {
        let Met::Bad { offset, batches, header, next, .. } = met else { return None };
        let sealed = self.summary.is_some();
        let anybody = self.summary.is_none_or(|all| all.get(ANYBODY).is_some());
        match (header, batches, next, self.summary) {
            _ if *offset == 0 && anybody && !self.opened => None,
            (Some(own), ..) => Some(charge(&own.own, sealed)),
            (None, Some(1), Some(next), _) => Some(charge(&next.prior, sealed)),
            (.., Some(all)) if !anybody => Some(charge_rest(all, &self.readable)),
            _ => None,
        }
    }
}

/// Folds a batch's records into what the log knows; returns what is not an
/// opening's own.
pub(crate) fn fold(survey: &mut Survey, header: &Header, records: Vec<Record>) -> Vec<Record> {
    let records = match header.kind {
        BatchKind::Opening | BatchKind::Repeat => match opening::take_apart(records) {
            Some(opened) => {
                survey.carriers = opened.carriers;
                opened.kept
            }
            None => Vec::new(),
        },
        _ => records,
    };
    for (ordinal, record) in records.iter().enumerate() {
        survey.carriers.note(record);
        if record.kind == RecordKind::AcceptLoss {
            let after = index(&record.payload).unwrap_or(0);
            let accepted = survey.accepted.entry(record.partition).or_default();
            accepted.push(Accepted { lsn: header.lsn, ordinal, after });
        }
    }
    records
}

/// Everybody whom the log knows, each from behind its last known index on.
fn everybody(survey: &Survey, here: &Roster) -> Vec<Condemned> {
    let mut firsts: BTreeMap<PartitionId, Index> = survey
        .carriers
        .iter()
        .map(|(partition, carrier)| (partition, carrier.purged.saturating_add(1)))
        .collect();
    let spans = survey.segments.iter().map(|s| &s.roster).chain([here]).flat_map(Roster::spans);
    for span in spans.filter(|span| span.partition != ANYBODY) {
        let first = firsts.entry(span.partition).or_insert(1);
        *first = (span.last + 1).max(*first);
    }
    let from = |(partition, first)| Condemned { partition, first, last: Index::MAX, promise: true };
    firsts.into_iter().map(from).collect()
}
