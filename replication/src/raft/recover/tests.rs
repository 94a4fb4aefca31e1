//! What is read back, and what cannot be.

mod replica;
mod written;

use super::super::kind::{Ballot, CommittedLeader, Entry, LogId, Members, Proposal};
use super::super::promise::{Placed, Settled, encode_ballot, encode_position};
use super::*;
use bytes::Bytes;
use model::{Epoch, NodeId, ReplicaId, ReplicaSet, Stamp};
use openraft::EntryPayload;
use openraft::impls::leader_id_std::LeaderId;
use wal::Append;

const PARTITION: PartitionId = PartitionId(7);
const GENERATION: u64 = 3;

fn note(kind: RecordKind, payload: Bytes) -> Record {
    let epoch = Epoch { generation: GENERATION, term: 0 };
    Record { partition: PARTITION, epoch, first_index: 1, count: 0, stamp: Stamp(0), kind, payload }
}

fn commands(term: u64, first_index: Index, count: u32) -> Record {
    Record {
        epoch: Epoch { generation: GENERATION, term },
        first_index,
        count,
        stamp: Stamp(first_index * 5),
        ..note(RecordKind::Commands, Bytes::from(vec![7; count as usize]))
    }
}

fn placed(next: u64, before: Option<LogId>, committed: Option<LogId>) -> Record {
    note(RecordKind::Committed, Settled::Placed(Placed { next, before, committed }).encode())
}

fn ballot(term: u64, voted_for: u64, committed: bool) -> Ballot {
    Ballot { leader_id: LeaderId { term, voted_for }, committed }
}

fn members(ids: &[u64]) -> Members {
    let seats = ids.iter().map(|id| (ReplicaId(*id), NodeId(id * 2))).collect();
    Members::founding(&ReplicaSet { generation: 4, seats })
}

fn entry(term: u64, position: u64, record: Record) -> Entry {
    let log_id = LogId::new(CommittedLeader::new(term), position);
    Entry { log_id, payload: EntryPayload::Normal(Proposal(record)) }
}

fn records<'a>(appends: impl IntoIterator<Item = &'a Append>) -> Vec<Record> {
    appends.into_iter().map(|append| append.record.clone()).collect()
}

fn read(carried: &[u8], records: &[Record]) -> Result<Journal, Lost> {
    let mut history = Recovering::new(PARTITION, GENERATION, carried, false)?;
    records.iter().try_for_each(|record| history.take(record))?;
    history.finish().map(|recovered| recovered.0)
}

/// The ids that it has.
fn ids(journal: &Journal) -> Vec<(u64, u64)> {
    let id = |position| journal.id_at(position).map(|id| (id.leader_id.term, id.index));
    (journal.first()..journal.next()).filter_map(id).collect()
}

/// Three entries of term 1, of which those from 1 on are given up, and then two of
/// term 2 in their places. Each append is a batch.
fn rewritten() -> (Journal, Vec<Vec<Append>>) {
    let mut journal = Journal::new(PARTITION, GENERATION);
    let mut batches = vec![journal.hand_in(), vec![journal.vote(ballot(1, 1, true))]];
    let put = |journal: &mut Journal, term| {
        let one = entry(term, journal.next(), commands(term, journal.last_index() + 1, 2));
        journal.append([one]).expect("it follows").0
    };
    (0..3).for_each(|_| batches.push(put(&mut journal, 1)));
    batches.push(vec![journal.vote(ballot(2, 5, true))]);
    batches.push(vec![journal.truncate(Some(log_id(1, 0)))]);
    (0..3).for_each(|_| batches.push(put(&mut journal, 2)));
    (journal, batches)
}

#[test]
fn a_hole_is_found() {
    let (live, batches) = rewritten();
    let whole = Ok(vec![(1, 0), (2, 1), (2, 2), (2, 3)]);
    let hole = |position| Err(Lost::Hole(position));
    // Batches that cannot be read, and what is left.
    let table: [(&[usize], Result<_, Lost>); 14] = [
        (&[], whole.clone()),
        (&[2], hole(1)),
        (&[2, 3, 4], hole(1)),
        (&[7], hole(2)),
        (&[8], hole(3)),
        (&[7, 8], hole(3)),
        // Another entry of term 1 stands in the place of each that is missing.
        (&[6, 7], hole(2)),
        (&[6, 7, 8], hole(3)),
        (&[0, 1, 2, 3, 4, 5, 6, 7, 8], hole(3)),
        // Nothing is missing that somebody needs, or what follows says it again.
        (&[0], whole.clone()),
        (&[1, 5], whole.clone()),
        (&[3, 4], whole.clone()),
        (&[4], whole.clone()),
        (&[6], whole),
    ];
    let carried = batches.iter().flatten().filter_map(|append| append.carry.as_ref()).next_back();
    let carried = carried.expect("it has voted").state.clone();
    for (gone, expected) in &table {
        let left = (0..batches.len()).filter(|number| !gone.contains(number));
        let found = read(&carried, &records(left.flat_map(|number| &batches[number])));
        assert_eq!(&found.as_ref().map(ids).map_err(|lost| *lost), expected, "without {gone:?}");
        if let Ok(found) = found {
            assert_eq!(found.ballot, live.ballot);
        }
    }
}

#[test]
fn what_was_here_before_is_forgotten() {
    let mut before = records(rewritten().1.iter().flatten());
    before.push(note(RecordKind::Forget, Bytes::new()));
    let found = read(&[], &before).expect("an empty history");
    assert_eq!((found.ballot, found.committed, found.last(), found.next()), (None, None, None, 0));
    // Another replica of another group follows, and is read as if it were alone.
    let mut journal = Recovered::founded(PARTITION, GENERATION, 40, members(&[4])).0;
    let mut appends = journal.hand_in();
    appends.push(journal.vote(ballot(1, 4, true)));
    appends.extend(journal.append([entry(1, 1, commands(1, 41, 3))]).expect("it follows").0);
    let after = [before, records(&appends)].concat();
    let found = read(&[], &after).expect("whole");
    assert_eq!(ids(&found), [(1, 1)]);
    assert_eq!((found.last_index(), found.ballot), (43, Some(ballot(1, 4, true))));
    assert_eq!(found.base, journal.base);
    // Even where it has written nothing of its own yet but entries: none has a place.
    let cut = [&after[..after.len() - appends.len()], &[commands(1, 41, 3)]].concat();
    assert_eq!(ids(&read(&[], &cut).expect("an empty history")), []);
}

#[test]
fn nothing_is_made_up_for_what_is_lost() {
    let bad = |kind| note(kind, Bytes::from_static(b"?"));
    let bad_settled = note(RecordKind::Committed, Bytes::from_static(b"\x01short"));
    let unreadable = Lost::Unreadable;
    let table = [
        (note(RecordKind::AcceptLoss, wal::index_payload(1)), Lost::GivenUp),
        (note(RecordKind::Gap, wal::index_payload(9)), Lost::GivenUp),
        (bad(RecordKind::Vote), unreadable(RecordKind::Vote)),
        (bad(RecordKind::Committed), unreadable(RecordKind::Committed)),
        (bad_settled, unreadable(RecordKind::Committed)),
        (bad(RecordKind::Truncate), unreadable(RecordKind::Truncate)),
        (bad(RecordKind::Membership), unreadable(RecordKind::Membership)),
    ];
    let (_, batches) = rewritten();
    for (record, expected) in table {
        for at in [0, 4, batches.len()] {
            let mut all = records(batches[..at].iter().flatten());
            all.push(record.clone());
            all.extend(records(batches[at..].iter().flatten()));
            assert_eq!(read(&[], &all).err(), Some(expected), "{} before batch {at}", record.kind);
        }
    }
    assert_eq!(read(b"?", &[]).err(), Some(unreadable(RecordKind::Checkpoint)));
    for carried in [&b""[..], &Carried::default().encode()] {
        let suspect = Recovering::new(PARTITION, GENERATION, carried, true);
        assert_eq!(suspect.err(), Some(Lost::Promise));
    }
}

#[test]
fn promises_only_grow() {
    // In the log, and in what openings repeat, which may be newer or older.
    let (low, high) = (ballot(3, 1, true), ballot(4, 2, false));
    let vote = |ballot: &Ballot| note(RecordKind::Vote, encode_ballot(ballot));
    let carried = |ballot| Carried { ballot, base: Base::default() }.encode();
    let table = [
        (carried(None), vec![vote(&low), vote(&high)]),
        (carried(None), vec![vote(&high), vote(&low)]),
        (carried(Some(high)), vec![vote(&low)]),
        (carried(Some(low)), vec![vote(&high)]),
        (carried(Some(high)), vec![]),
    ];
    for (number, (carried, votes)) in table.iter().enumerate() {
        assert_eq!(read(carried, votes).expect("whole").ballot, Some(high), "row {number}");
    }
}

#[test]
fn what_was_written_before_there_were_replicas_is_passed_over() {
    let mut all = vec![commands(0, 1, 3), note(RecordKind::Blank, Bytes::new()), commands(0, 4, 1)];
    all.push(note(RecordKind::Purge, wal::index_payload(2)));
    all.push(note(RecordKind::Truncate, encode_position(0)));
    let found = read(&[], &all).expect("nothing of a replica's");
    assert_eq!((found.last(), found.last_index()), (None, 0));
    // It founds a group on its store.
    let mut journal = Recovered::founded(PARTITION, GENERATION, 4, members(&[1])).0;
    all.extend(records(&journal.hand_in()));
    all.extend(records(&journal.append([entry(1, 1, commands(1, 5, 2))]).expect("it follows").0));
    let found = read(&[], &all).expect("whole");
    assert_eq!((ids(&found), found.last_index()), (vec![(1, 1)], 6));
}

#[test]
fn a_founded_group_is_found_again() {
    let founding = members(&[1, 2, 3]);
    let mut journal = Recovered::founded(PARTITION, GENERATION, 9, founding.clone()).0;
    let appends = journal.hand_in();
    for carried in [&[][..], &appends[0].carry.as_ref().expect("it says what it rests on").state] {
        let recovered = Recovered(read(carried, &records(&appends)).expect("whole"));
        assert!(!recovered.is_blank());
        let found = recovered.0;
        assert_eq!(found.base, journal.base);
        assert_eq!((found.base.index, found.last_index(), found.next()), (9, 9, 1));
        assert_eq!((found.committed, found.last()), (journal.committed, Some(log_id(0, 0))));
        assert_eq!(Members(found.members_at(found.last()).membership().clone()), founding);
        assert_eq!((found.fits(8), found.fits(9), found.fits(10)), (false, true, false));
    }
}

#[test]
fn a_blank_replica_is_found_blank_until_it_has_promised_something() {
    let nothing = Recovered::nothing(PARTITION, GENERATION);
    assert!(nothing.is_blank());
    let mut journal = nothing.0;
    let mut appends = journal.hand_in();
    let again = Recovered(read(&[], &records(&appends)).expect("whole"));
    assert!(again.is_blank());
    assert_eq!(again.0.next(), 0);
    assert!(Recovered(read(&[], &[]).expect("whole")).is_blank());
    let carry = journal.vote(ballot(1, 2, false));
    appends.push(carry.clone());
    assert!(!Recovered(read(&[], &records(&appends)).expect("whole")).is_blank());
    let carried = carry.carry.expect("a vote is carried").state;
    assert!(!Recovered(read(&carried, &[]).expect("whole")).is_blank());
    assert!(!Recovered(read(&[], &[placed(0, None, None), commands(0, 1, 1)]).expect("whole")).is_blank());
}

#[test]
fn what_is_settled_is_neither_more_than_is_there_nor_less_than_is_gone() {
    let some = |position| Some(log_id(1, position));
    let base = Base { purged: some(4), index: 6, members: StoredMembership::default() };
    let carried = Carried { ballot: None, base: base.clone() }.encode();
    // It was told of more than what has reached the disk; of less than its store has.
    let table = [
        (&[][..], vec![placed(0, None, some(9)), commands(1, 1, 1)], some(0)),
        (&[], vec![placed(0, None, some(0)), commands(1, 1, 1), commands(1, 2, 1)], some(0)),
        (&carried, vec![placed(5, some(4), some(2)), commands(1, 7, 1)], some(4)),
        (&carried, vec![placed(5, some(4), some(9))], some(4)),
        (&carried, vec![], some(4)),
    ];
    for (number, (carried, records, expected)) in table.iter().enumerate() {
        assert_eq!(read(carried, records).expect("whole").committed, *expected, "row {number}");
    }
}

#[test]
fn an_export_takes_the_place_of_a_history_that_was_none() {
    // A former leader has entries of term 1 that nobody else has. An export of term 2
    // that ends in their midst takes its store's place, and it crashes before its log
    // has heard of that.
    let (mut journal, mut all) = (Journal::new(PARTITION, GENERATION), Vec::new());
    all.extend(journal.hand_in());
    all.push(journal.vote(ballot(1, 1, true)));
    for _ in 0..3 {
        let log_id = LogId::new(CommittedLeader::new(1), journal.next());
        all.extend(journal.append([Entry { log_id, payload: EntryPayload::Blank }]).expect("it follows").0);
    }
    all.push(journal.vote(ballot(2, 2, true)));
    let mut again = read(&[], &records(&all)).expect("whole");
    let base = Base { purged: Some(log_id(2, 1)), index: 4, ..Base::default() };
    again.stand_on_settled(base);
    all.extend(again.hand_in());
    for _ in 0..2 {
        let mut found = read(&[], &records(&all)).expect("whole");
        assert_eq!((found.base.purged, ids(&found)), (Some(log_id(2, 1)), vec![]));
        all.extend(found.hand_in());
    }
}
