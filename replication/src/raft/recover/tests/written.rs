//! What a journal has written gives the same journal, wherever its log ends.

use super::replica::{Op, Replica, ops};
use super::{Journal, read, records};
use crate::raft::kind::{Ballot, LogId};
use crate::raft::promise::{Base, Settled};
use model::{Index, Record, RecordKind};
use proptest::prelude::*;
use wal::Append;

/// All that matters of a journal.
#[derive(Clone, Debug, PartialEq)]
struct Seen {
    entries: Vec<(Option<LogId>, Record)>,
    base: Base,
    ballot: Option<Ballot>,
    first: u64,
    next: u64,
    last: Option<LogId>,
    last_index: Index,
    committed: Option<LogId>,
}

impl Seen {
    fn of(journal: &Journal) -> Seen {
        let entry = |position| {
            let held = journal.get(position).expect("they follow one another");
            (journal.id_at(position), held.record.clone())
        };
        Seen {
            entries: (journal.first()..journal.next()).map(entry).collect(),
            base: journal.base.clone(),
            ballot: journal.ballot,
            first: journal.first(),
            next: journal.next(),
            last: journal.last(),
            last_index: journal.last_index(),
            committed: journal.committed,
        }
    }

    /// As it is to be found again: how far it is settled is written with entries,
    /// and known of what is gone.
    fn again(replica: &Replica) -> Seen {
        let gone = replica.journal.base.purged;
        let committed = replica.noted.max(gone);
        assert!(committed <= replica.journal.committed.max(gone), "more is settled than anybody has said");
        Seen { committed, ..Seen::of(&replica.journal) }
    }
}

fn is_placed(append: &Append) -> bool {
    let settled = Settled::decode(&append.record.payload);
    append.record.kind == RecordKind::Committed && matches!(settled, Some(Settled::Placed(_)))
}

fn live(ops: &[Op]) -> Replica {
    let mut replica = Replica::new();
    ops.iter().for_each(|op| replica.befall(op));
    replica
}

proptest! {
    /// A crash leaves what befell it up to some moment, and a log carries what was
    /// the latest at some moment before.
    #[test]
    fn a_history_is_found_as_it_was_after_each_step(ops in ops()) {
        let mut replica = Replica::new();
        let mut carried: Vec<Vec<u8>> = vec![Vec::new()];
        for op in [None].into_iter().chain(ops.iter().map(Some)) {
            op.into_iter().for_each(|op| replica.befall(op));
            carried.push(replica.carried().to_vec());
            let expected = Seen::again(&replica);
            for carried in [&carried[0], &carried[carried.len() / 2], &carried[carried.len() - 1]] {
                let found = replica.read(carried).expect("nothing is missing");
                prop_assert_eq!(&Seen::of(&found), &expected);
                prop_assert!(found.next() == 0 || found.is_durable(found.next() - 1));
                prop_assert!(!found.is_durable(found.next()));
            }
        }
    }

    /// The log lets go of whole segments, the oldest first.
    #[test]
    fn what_may_be_let_go_of_is_not_needed(ops in ops(), part in 0usize..4) {
        let mut replica = Replica::new();
        for op in &ops {
            replica.befall(op);
            let gone = replica.batches.len() - replica.kept().len();
            let left = &replica.batches[gone - gone * part / 4..];
            let found = read(replica.carried(), &records(left.iter().flatten())).expect("nothing is missing");
            let expected = Seen::again(&replica);
            // Nobody has to repeat how far that was.
            prop_assert!(expected.base.purged <= found.committed && found.committed <= expected.committed);
            prop_assert_eq!(&Seen::of(&found), &Seen { committed: found.committed, ..expected });
            // What a process begins with stands for all that an earlier one has carried.
            if replica.begun.contains(&gone) {
                let alone = read(&[], &records(replica.kept().iter().flatten())).expect("nothing is missing");
                prop_assert_eq!(Seen::of(&alone), Seen::again(&replica));
            }
        }
    }

    /// Batches are lost from the middle, and entries are written behind them, or a
    /// process begins.
    #[test]
    fn a_part_is_never_taken_for_the_whole(ops in ops(), from in any::<u16>(), count in 1usize..6) {
        let replica = live(&ops);
        let last = replica.batches.iter().rposition(|batch| batch.iter().any(is_placed));
        let last = last.expect("it has started");
        let from = usize::from(from) % (last + 1);
        let end = (from + count).min(last);
        let left = replica.batches[..from].iter().chain(&replica.batches[end..]);
        if let Ok(found) = read(replica.carried(), &records(left.flatten())) {
            let expected = Seen { committed: found.committed, ..Seen::of(&replica.journal) };
            prop_assert_eq!(Seen::of(&found), expected);
        }
    }
}
