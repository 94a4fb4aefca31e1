//! What a shard has handed to the log, in order, and what of it has to be handed in
//! again.
//!
//! What replicas say is a chain of promises: one that a full disk refuses may not be
//! left out, and nothing behind it may come first. The log breaks the chain there,
//! and here its links are kept until the disk has room for them.

use super::message::{LogJob, LogOutcome};
use model::PartitionId;
use pipeline::Ticket;
use std::collections::VecDeque;
use std::mem;
use wal::{Append, Link, Urgency};

/// Submissions that may be with the log. More would only wait there instead of
/// here, where they still become larger.
const AT_LOG_MAX: usize = 64;

/// What replicas say in one turn.
type Said = (Ticket, Vec<Append>);

/// What is with the log.
pub(super) struct AtLog {
    chain: u64,
    sent: VecDeque<Sent>,
    /// Links that were refused, and those that came when the chain was broken or too
    /// much was with the log.
    refused: Vec<Said>,
    behind: Vec<Said>,
    /// A link was refused, and none has been sent that begins anew.
    broken: bool,
}

/// A submission.
struct Sent {
    ticket: Ticket,
    /// Whose records it has.
    partitions: Vec<PartitionId>,
    said: Vec<Said>,
}

/// Records of partitions without replicas.
#[derive(Default)]
pub(super) struct Records {
    pub appends: Vec<Append>,
    pub partitions: Vec<PartitionId>,
}

/// Whom an answer of the log concerns.
pub(super) struct Answered {
    /// These partitions.
    pub partitions: Vec<PartitionId>,
    /// What replicas said in these turns is on disk.
    pub turns: Vec<Ticket>,
}

impl AtLog {
    /// With a chain of its own.
    pub fn new(chain: u64) -> AtLog {
        let (sent, refused, behind) = (VecDeque::new(), Vec::new(), Vec::new());
        AtLog { chain, sent, refused, behind, broken: false }
    }

    /// Is there as much as there may be?
    pub fn is_busy(&self) -> bool {
        self.sent.len() >= AT_LOG_MAX
    }

    /// Does the chain wait for a disk that has room again?
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Records, and what replicas say in this turn: what is due of it. `full`: the disk
    /// had no room a moment ago.
    pub fn hand_in(
        &mut self,
        ticket: Ticket,
        records: Records,
        said: Vec<Append>,
        full: bool,
    ) -> Vec<LogJob> {
        let mut jobs = Vec::new();
        if !said.is_empty() {
            self.behind.push((ticket, said));
        }
        let (said, anew) = self.take_due(full);
        let Records { appends, partitions } = records;
        if !appends.is_empty() {
            self.sent.push_back(Sent { ticket, partitions, said: Vec::new() });
            jobs.push(LogJob { ticket, appends, urgency: urgency(full), link: None });
        }
        if !said.is_empty() {
            let appends: Vec<Append> = said.iter().flat_map(|(_, own)| own.iter().cloned()).collect();
            // Who leads or follows must be able to say so on a full disk, too; commands
            // may not take the room that is kept for that.
            let promises_alone = appends.iter().all(|append| append.record.count == 0);
            let link = Some(Link { chain: self.chain, anew });
            self.sent.push_back(Sent { ticket, partitions: Vec::new(), said });
            jobs.push(LogJob { ticket, appends, urgency: urgency(promises_alone), link });
        }
        jobs
    }

    /// What goes to the log now of what replicas have said, and whether the chain begins
    /// anew with it.
    fn take_due(&mut self, full: bool) -> (Vec<Said>, bool) {
        if !self.broken {
            let due = if self.is_busy() { Vec::new() } else { mem::take(&mut self.behind) };
            return (due, false);
        }
        let is_under_way = self.sent.iter().any(|sent| !sent.said.is_empty());
        if full || is_under_way {
            return (Vec::new(), false);
        }
        self.broken = false;
        let mut said = mem::take(&mut self.refused);
        said.append(&mut self.behind);
        (said, true)
    }

    /// Is everything on disk that was said before this turn?
    pub fn has_written(&self, turn: Ticket) -> bool {
        let sent = self.sent.iter().flat_map(|sent| &sent.said);
        sent.chain(&self.refused).chain(&self.behind).all(|(said, _)| *said >= turn)
    }

    /// The log answers. Submissions come back in the order in which they went.
    pub fn answered(&mut self, ticket: Ticket, outcome: LogOutcome) -> Answered {
        let sent = self.sent.pop_front().expect("every outcome has its submission");
        assert!(sent.ticket == ticket, "the log answered {ticket} before {}", sent.ticket);
        let Sent { partitions, mut said, .. } = sent;
        let mut turns = Vec::new();
        match outcome {
            LogOutcome::Durable => turns.extend(said.into_iter().map(|(turn, _)| turn)),
            LogOutcome::Full => {
                self.broken |= !said.is_empty();
                self.refused.append(&mut said);
            }
        }
        Answered { partitions, turns }
    }
}

fn urgency(urgent: bool) -> Urgency {
    if urgent { Urgency::Urgent } else { Urgency::Normal }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use model::{Epoch, Record, RecordKind, Stamp};

    fn said(number: u8) -> Vec<Append> {
        let record = Record {
            partition: PartitionId(1),
            epoch: Epoch::FIRST,
            first_index: 1,
            count: 0,
            stamp: Stamp(0),
            kind: RecordKind::Vote,
            payload: Bytes::copy_from_slice(&[number]),
        };
        vec![Append::from(record)]
    }

    fn numbers(job: &LogJob) -> Vec<u8> {
        job.appends.iter().map(|append| append.record.payload[0]).collect()
    }

    #[test]
    fn what_is_refused_comes_again_in_its_order_before_what_stood_behind_it() {
        let mut log = AtLog::new(3);
        let hand_in = |log: &mut AtLog, ticket: u64, full| {
            log.hand_in(ticket, Records::default(), said(ticket as u8), full)
        };
        for ticket in 1..4 {
            let job = hand_in(&mut log, ticket, false).pop().expect("nothing keeps it");
            assert_eq!((numbers(&job), job.link), (vec![ticket as u8], Some(Link { chain: 3, anew: false })));
        }
        assert_eq!(log.answered(1, LogOutcome::Durable).turns, [1]);
        assert!(log.answered(2, LogOutcome::Full).turns.is_empty());
        assert!(log.is_broken());
        assert!(hand_in(&mut log, 4, true).is_empty(), "the disk is full");
        assert!(hand_in(&mut log, 5, false).is_empty(), "one is with the log, and will be refused");
        assert!(log.answered(3, LogOutcome::Full).turns.is_empty());
        let job = hand_in(&mut log, 6, false).pop().expect("now");
        assert_eq!((numbers(&job), job.link), (vec![2, 3, 4, 5, 6], Some(Link { chain: 3, anew: true })));
        assert!(!log.is_broken());
        let next = hand_in(&mut log, 7, false).pop().expect("behind it");
        assert_eq!(next.link, Some(Link { chain: 3, anew: false }));
        // And again.
        assert!(log.answered(6, LogOutcome::Full).turns.is_empty());
        assert!(log.answered(7, LogOutcome::Full).turns.is_empty());
        let job = hand_in(&mut log, 8, false).pop().expect("now");
        assert_eq!(numbers(&job), [2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(log.answered(8, LogOutcome::Durable).turns, [2, 3, 4, 5, 6, 7, 8]);
    }

    #[test]
    fn records_do_not_wait_for_promises() {
        let mut log = AtLog::new(0);
        let records = |id| Records { appends: said(100), partitions: vec![PartitionId(id)] };
        let jobs = log.hand_in(1, records(7), said(1), false);
        assert_eq!(jobs.iter().map(numbers).collect::<Vec<_>>(), [[100], [1]]);
        assert_eq!(log.answered(1, LogOutcome::Full).partitions, [PartitionId(7)]);
        assert!(log.answered(1, LogOutcome::Full).partitions.is_empty());
        let jobs = log.hand_in(2, records(7), said(2), true);
        assert_eq!(jobs.iter().map(numbers).collect::<Vec<_>>(), [[100]]);
        assert_eq!((jobs[0].link, jobs[0].urgency), (None, Urgency::Urgent));
        assert!(log.hand_in(3, Records::default(), Vec::new(), true).is_empty());
    }

    #[test]
    fn the_reserve_is_for_promises() {
        let mut log = AtLog::new(0);
        let urgent = |jobs: Vec<LogJob>| jobs[0].urgency == Urgency::Urgent;
        assert!(urgent(log.hand_in(1, Records::default(), said(1), false)));
        let mut entries = said(2);
        entries[0].record.count = 1;
        assert!(!urgent(log.hand_in(2, Records::default(), entries, true)));
    }

    #[test]
    fn a_slow_log_is_not_handed_ever_more() {
        let mut log = AtLog::new(0);
        for ticket in 0..AT_LOG_MAX as u64 {
            assert_eq!(log.hand_in(ticket, Records::default(), said(1), false).len(), 1);
        }
        assert!(log.hand_in(64, Records::default(), said(2), false).is_empty());
        assert!(log.hand_in(65, Records::default(), said(3), false).is_empty());
        log.answered(0, LogOutcome::Durable);
        let jobs = log.hand_in(66, Records::default(), Vec::new(), false);
        assert_eq!(jobs.iter().map(numbers).collect::<Vec<_>>(), [[2, 3]]);
    }
}
