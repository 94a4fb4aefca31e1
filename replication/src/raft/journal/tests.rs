//! What is durable, what an export leaves, and what is no entry of a history.

use super::*;
use model::ReplicaId;
use openraft::impls::leader_id_std::LeaderId;

const PARTITION: PartitionId = PartitionId(7);

fn commands(term: u64, first_index: Index, count: u32) -> Record {
    Record {
        partition: PARTITION,
        epoch: Epoch { generation: 1, term },
        first_index,
        count,
        stamp: Stamp(first_index),
        kind: RecordKind::Commands,
        payload: Bytes::from_static(b"commands"),
    }
}

fn entry(position: u64, record: Record) -> Entry {
    let log_id = log_id(record.epoch.term, position);
    Entry { log_id, payload: EntryPayload::Normal(Proposal(record)) }
}

/// So many more entries of one command each.
fn put(journal: &mut Journal, term: u64, count: u64) -> Underway {
    let (next, index) = (journal.next(), journal.last_index() + 1);
    let entries = (0..count).map(|more| entry(next + more, commands(term, index + more, 1)));
    journal.append(entries).expect("they follow").1
}

/// With entries of term 1, all durable.
fn of(count: u64) -> Journal {
    let mut journal = Journal::new(PARTITION, 1);
    let underway = put(&mut journal, 1, count);
    journal.settle(underway);
    journal
}

/// Positions that are durable, as far as it is asked.
fn durable(journal: &Journal) -> u64 {
    let end = (0..20).take_while(|position| journal.is_durable(*position)).count() as u64;
    assert!((end..20).all(|position| !journal.is_durable(position)), "none behind one that is not");
    end
}

#[test]
fn an_entry_is_durable_when_its_own_append_is() {
    let mut journal = of(3);
    assert_eq!(durable(&journal), 3);
    let (first, second) = (put(&mut journal, 1, 2), put(&mut journal, 1, 2));
    assert_eq!(durable(&journal), 3);
    journal.settle(first);
    assert_eq!(durable(&journal), 5);
    journal.settle(second);
    assert_eq!(durable(&journal), 7);
}

#[test]
fn an_append_that_was_given_up_makes_nothing_in_its_place_durable() {
    // How many entries stay of five, two of which are durable; and what is durable
    // when the append of the other three is, when that of those in their places is.
    for (stay, first, then) in [(5u64, 5, 9), (4, 4, 8), (3, 3, 7), (2, 2, 6), (1, 1, 5), (0, 0, 4)] {
        let mut journal = of(2);
        let given_up = put(&mut journal, 1, 3);
        let last = stay.checked_sub(1).and_then(|last| journal.id_at(last));
        journal.truncate(last);
        assert_eq!(durable(&journal), stay.min(2), "{stay} stay");
        let instead = put(&mut journal, 2, 4);
        journal.settle(given_up);
        assert_eq!(durable(&journal), first, "{stay} stay");
        journal.settle(instead);
        assert_eq!(durable(&journal), then, "{stay} stay");
        // From here on it is as if nothing had been given up: two of three stay now.
        let more = put(&mut journal, 2, 3);
        journal.truncate(journal.id_at(then + 1));
        journal.settle(more);
        assert_eq!(durable(&journal), then + 2, "{stay} stay");
    }
}

#[test]
fn an_export_leaves_what_follows_it_in_its_own_history() {
    // Where it ends, and what is left of five entries of term 1.
    let table = [
        (log_id(1, 2), true, 3, 5),
        (log_id(1, 4), true, 5, 5),
        (log_id(2, 2), true, 3, 3),
        (log_id(2, 4), true, 5, 5),
        (log_id(2, 9), true, 10, 10),
        (log_id(1, 0), false, 1, 5),
        (log_id(0, 0), false, 1, 5),
    ];
    for (upto, is_further, first, next) in table {
        for is_settled in [false, true] {
            let mut journal = of(5);
            let base = journal.base_upto(log_id(1, 0)).expect("it is there");
            journal.stand_on_settled(base.clone());
            let before = journal.committed;
            let base = Base { purged: Some(upto), index: 5, ..base };
            match is_settled {
                false => assert_eq!(journal.stand_on(base), is_further, "{upto}"),
                true => journal.stand_on_settled(base),
            }
            assert_eq!((journal.first(), journal.next()), (first, next), "{upto}");
            assert_eq!(durable(&journal), next, "{upto}");
            let committed = if is_settled && is_further { Some(upto) } else { before };
            assert_eq!((journal.committed, before), (committed, Some(log_id(1, 0))), "{upto}");
        }
    }
}

#[test]
fn what_is_no_entry_changes_nothing() {
    let mut journal = of(2);
    journal.payload_bytes_max = 8;
    let good = commands(3, 3, 2);
    let misplaced = |expected, found| Misplaced::Position { expected, found };
    let index = |found| Misplaced::Index { expected: 3, found };
    let of_another_term = Entry { log_id: log_id(4, 2), ..entry(2, good.clone()) };
    let long = Bytes::from_static(b"too long!");
    let table = [
        (entry(3, good.clone()), misplaced(2, 3)),
        (entry(1, good.clone()), misplaced(2, 1)),
        (entry(2, commands(3, 4, 1)), index(4)),
        (entry(2, commands(3, 2, 1)), index(2)),
        (of_another_term, Misplaced::Term { expected: 4, found: 3 }),
        (entry(2, Record { partition: PartitionId(8), ..good.clone() }), Misplaced::Foreign),
        (entry(2, Record { kind: RecordKind::Vote, count: 0, ..good.clone() }), Misplaced::Foreign),
        (entry(2, Record { count: 0, ..good.clone() }), Misplaced::Foreign),
        (entry(2, Record { kind: RecordKind::Hash, ..good.clone() }), Misplaced::Foreign),
        (entry(2, Record { payload: long, ..good.clone() }), Misplaced::Foreign),
    ];
    for (number, (one, expected)) in table.into_iter().enumerate() {
        assert_eq!(journal.append([one.clone()]).err(), Some(expected), "row {number}");
        // Nor does any other of the same append.
        let next = journal.append([entry(2, commands(3, 3, 1)), one]);
        assert!(next.is_err(), "row {number}");
        assert_eq!((journal.next(), journal.last_index(), durable(&journal)), (2, 2, 2), "row {number}");
    }
    assert!(journal.append([entry(2, good)]).is_ok());
}

#[test]
fn a_promise_says_in_which_term_it_was_made() {
    let mut journal = of(2);
    let ballot = Ballot { leader_id: LeaderId { term: 6, voted_for: ReplicaId(2).0 }, committed: false };
    let written = [journal.vote(ballot).record, journal.truncate(journal.last()).record];
    for record in written.iter().chain(journal.hand_in().iter().map(|append| &append.record)) {
        assert_eq!((record.epoch.term, record.first_index, record.count), (6, 3, 0), "{}", record.kind);
        assert!(record.kind.is_promise(), "{}", record.kind);
    }
}
