//! The retry table: which operations a partition has done, so that none is
//! done twice, and the answer to each is the same however often it is asked.
//!
//! It is a function of the retry rows in the store, kept in memory beside them:
//! whoever loads the rows of a replica has the same table as whoever applied the
//! records. So it is changed by records alone, and judges time by their stamps.

use super::row::{Entry, Kept, REPLY_BYTES_MAX, RetryRow, Share, index_of, key_of};
use bytes::Bytes;
use model::keyspace::meta;
use model::{Command, Index, Mutation, OpId, Stamp};
use std::collections::{BTreeMap, BTreeSet};

/// A row that somebody needs is kept for so long, by stamps; then whoever needs
/// it is forgotten.
pub const KEEP_MS: u64 = 3_600_000;
/// Needed rows that cost more than this make it forget the oldest clients
/// sooner, …
pub const COST_MAX: usize = 16 << 20;
/// … but none whose id was made so shortly before the record.
pub const FORGET_MS: u64 = 600_000;
/// A client's id is made at most so much later than the record's stamp.
pub const AHEAD_MS: u64 = 500;
/// Rows that one record takes away at most: what is left goes with the next.
const GOING_MAX: usize = 16;
/// What a row costs beside its bytes, and each client in it.
const ROW_COST: usize = 256;
const CLIENT_COST: usize = 512;

/// What the table knows of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Known {
    /// Nothing: it is new.
    New,
    /// It was done, and this was the answer.
    Done(Answered),
    /// It was done, or given up: its client has said that it needs no answer.
    Settled,
    /// It was asked for before it came, and is not done.
    GivenUp,
    /// Its client is forgotten: it may have been done.
    Forgotten,
    /// Its client's id is from the future.
    Ahead,
    /// It is new, and there is no room to remember it.
    Full,
}

/// The answer to an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The index of its command.
    pub revision: Index,
    /// The machine's reply; none where it was too long to be kept.
    pub reply: Option<Bytes>,
}

/// What became of an operation, and at which index.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Ended {
    at: Index,
    kept: Kept,
}

/// Every operation that may still be asked for again.
///
/// Invariant: what a row says counts unless its client has settled it
/// (`answered_upto`) or is forgotten; a row of which nothing counts, and that no
/// client needs for its `answered_upto`, is idle.
#[derive(Debug, Default)]
pub struct RetryTable {
    clients: BTreeMap<u128, Client>,
    rows: BTreeMap<Index, RowState>,
    /// Rows that say nothing any more, and are still in the store.
    idle: BTreeSet<Index>,
    /// Of all rows that are not idle.
    cost: usize,
    forgotten_upto: u128,
}

#[derive(Debug, Default)]
struct Client {
    answered_upto: u64,
    /// By sequence; with the row that has it.
    answers: BTreeMap<u64, (Index, Ended)>,
    /// The newest row that names the client: it keeps `answered_upto`.
    newest: Index,
}

#[derive(Debug)]
struct RowState {
    stamp: Stamp,
    cost: usize,
    /// Who needs it: how many operations of each may be asked for, and one more
    /// where it is the client's newest row.
    needs: BTreeMap<u128, u32>,
}

/// What the operations of one record come to.
#[derive(Debug, Default)]
pub struct RetryDraft(BTreeMap<u128, Done>);

#[derive(Debug, Default)]
struct Done {
    answered_upto: u64,
    answers: BTreeMap<u64, Ended>,
}

impl RetryDraft {
    fn note(&mut self, op: OpId, at: Index, kept: Kept) {
        self.0.entry(op.client).or_default().answers.insert(op.sequence, Ended { at, kept });
    }

    /// Remembers what a command has come to, if it may be asked for again.
    pub fn remember(&mut self, command: &Command, at: Index, reply: &Bytes) {
        if let Some(op) = command.op {
            let is_short = reply.len() <= REPLY_BYTES_MAX;
            // A copy: a reply may be a part of the whole record.
            let kept = if is_short { Kept::Reply(Bytes::copy_from_slice(reply)) } else { Kept::TooLong };
            self.note(op, at, kept);
        }
    }

    /// Remembers that an operation was asked for before it came.
    pub fn give_up(&mut self, op: OpId, at: Index) {
        self.note(op, at, Kept::GivenUp);
    }

    /// Takes the mark of a command that is not refused for its client.
    pub fn take_mark(&mut self, command: &Command) {
        if let (Some(op), Some(upto)) = (command.op, command.answered_upto) {
            self.note_answered(op.client, upto);
        }
    }

    /// The client needs no answer up to here any more.
    fn note_answered(&mut self, client: u128, upto: u64) {
        let done = self.0.entry(client).or_default();
        done.answered_upto = done.answered_upto.max(upto);
    }

    fn into_row(self, first_index: Index, stamp: Stamp) -> RetryRow {
        let offset = |at| u32::try_from(at - first_index).expect("a record counts in 32 bits");
        let entry = |(sequence, Ended { at, kept })| Entry { sequence, offset: offset(at), kept };
        let share = |(client, done): (u128, Done)| Share {
            client,
            answered_upto: done.answered_upto,
            entries: done.answers.into_iter().map(entry).collect(),
        };
        RetryRow { stamp, shares: self.0.into_iter().map(share).collect() }
    }
}

impl RetryTable {
    /// Takes the mark of a store in, before any row: clients up to it are
    /// forgotten. None if this build cannot read it.
    pub fn load_mark(&mut self, value: &[u8]) -> Option<()> {
        self.forgotten_upto = u128::from_le_bytes(value.try_into().ok()?);
        Some(())
    }

    /// Takes a row of a store in, in order. None if this build cannot read it.
    pub fn load(&mut self, key: &[u8], value: &Bytes) -> Option<()> {
        self.insert(index_of(key)?, RetryRow::decode(value)?, value.len());
        Some(())
    }

    /// Does it remember anything of the client?
    pub fn knows(&self, client: u128) -> bool {
        self.clients.contains_key(&client)
    }

    /// What became of an operation, for a record of this stamp.
    pub fn look(&self, draft: &RetryDraft, op: OpId, stamp: Stamp) -> Known {
        if op.client <= self.forgotten_upto {
            return Known::Forgotten;
        }
        if made_ms(op.client) > stamp.0 / 1_000_000 + AHEAD_MS {
            return Known::Ahead;
        }
        let (now, client) = (draft.0.get(&op.client), self.clients.get(&op.client));
        let in_draft = now.and_then(|now| now.answers.get(&op.sequence));
        let before = client.and_then(|client| client.answers.get(&op.sequence)).map(|(_, ended)| ended);
        let mark =
            now.map_or(0, |now| now.answered_upto).max(client.map_or(0, |client| client.answered_upto));
        match in_draft.or(before) {
            Some(ended) => ended.known(),
            None if op.sequence <= mark => Known::Settled,
            None if self.cost > COST_MAX => Known::Full,
            None => Known::New,
        }
    }

    /// The record is applied: what changes in the store.
    pub fn close(&mut self, draft: RetryDraft, first_index: Index, stamp: Stamp) -> Vec<Mutation> {
        let mut mutations = Vec::new();
        if !draft.0.is_empty() {
            let mut row = draft.into_row(first_index, stamp);
            for share in &mut row.shares {
                // The newest row says it for all before it, which may go.
                let known = self.clients.get(&share.client).map_or(0, |client| client.answered_upto);
                share.answered_upto = share.answered_upto.max(known);
            }
            let value = row.encode();
            self.insert(first_index, row, value.len());
            mutations.push(Mutation::put(key_of(first_index), value));
        }
        if self.forget_old(stamp) {
            let mark = Bytes::copy_from_slice(&self.forgotten_upto.to_le_bytes());
            mutations.push(Mutation::put(Bytes::from_static(&meta::FORGOTTEN), mark));
        }
        for _ in 0..GOING_MAX {
            let Some(row) = self.idle.pop_first() else { break };
            mutations.push(Mutation::delete(key_of(row)));
        }
        mutations
    }

    fn insert(&mut self, first_index: Index, row: RetryRow, bytes: usize) {
        let RetryRow { stamp, shares } = row;
        let cost = bytes + ROW_COST + CLIENT_COST * shares.len();
        self.rows.insert(first_index, RowState { stamp, cost, needs: BTreeMap::new() });
        self.cost += cost;
        let forgotten_upto = self.forgotten_upto;
        for share in shares.into_iter().filter(|share| share.client > forgotten_upto) {
            self.take(first_index, share);
        }
        self.retire_if_idle(first_index);
    }

    fn take(&mut self, first_index: Index, share: Share) {
        let id = share.client;
        self.need(first_index, id);
        let client = self.clients.entry(id).or_default();
        let mut before = vec![std::mem::replace(&mut client.newest, first_index)];
        for Entry { sequence, offset, kept } in share.entries {
            let ended = Ended { at: first_index + Index::from(offset), kept };
            // No sequence stands in two rows, but for what is planted.
            before.extend(client.answers.insert(sequence, (first_index, ended)).map(|(row, _)| row));
            let row = self.rows.get_mut(&first_index).expect("it was just put in");
            *row.needs.entry(id).or_default() += 1;
        }
        before.into_iter().for_each(|row| self.release(row, id));
        self.settle(id, share.answered_upto);
    }

    /// The client asks for nothing up to here any more.
    fn settle(&mut self, id: u128, upto: u64) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.answered_upto = client.answered_upto.max(upto);
        let rest = client.answers.split_off(&(client.answered_upto.saturating_add(1)));
        let settled = std::mem::replace(&mut client.answers, rest);
        settled.into_values().for_each(|(row, _)| self.release(row, id));
    }

    fn need(&mut self, row: Index, client: u128) {
        if let Some(state) = self.rows.get_mut(&row) {
            *state.needs.entry(client).or_default() += 1;
        }
    }

    /// One reason less for the client to need the row.
    fn release(&mut self, row: Index, client: u128) {
        let Some(state) = self.rows.get_mut(&row) else { return };
        if let Some(needs) = state.needs.get_mut(&client) {
            *needs -= 1;
            if *needs == 0 {
                state.needs.remove(&client);
            }
        }
        self.retire_if_idle(row);
    }

    fn retire_if_idle(&mut self, row: Index) {
        if self.rows.get(&row).is_some_and(|state| state.needs.is_empty())
            && let Some(state) = self.rows.remove(&row)
        {
            self.cost -= state.cost;
            self.idle.insert(row);
        }
    }

    /// Forgets clients until no row is too old, and all rows fit or nobody is old
    /// enough. Did it?
    fn forget_old(&mut self, stamp: Stamp) -> bool {
        let before = self.forgotten_upto;
        while let Some(oldest) = self.rows.values().next() {
            let Some(upto) = oldest.needs.keys().next_back().copied() else { break };
            let is_old = oldest.stamp.0.saturating_add(KEEP_MS * 1_000_000) < stamp.0;
            let may_go = made_ms(upto) + FORGET_MS < stamp.0 / 1_000_000;
            if !is_old && (self.cost <= COST_MAX || !may_go) {
                break;
            }
            self.forget_upto(upto);
        }
        self.forgotten_upto > before
    }

    fn forget_upto(&mut self, upto: u128) {
        self.forgotten_upto = self.forgotten_upto.max(upto);
        while let Some(entry) = self.clients.first_entry().filter(|entry| *entry.key() <= upto) {
            let (id, client) = entry.remove_entry();
            client.answers.into_values().for_each(|(row, _)| self.release(row, id));
            self.release(client.newest, id);
        }
    }
}

impl Ended {
    fn known(&self) -> Known {
        let reply = match &self.kept {
            Kept::Reply(reply) => Some(reply.clone()),
            Kept::TooLong => None,
            Kept::GivenUp => return Known::GivenUp,
        };
        Known::Done(Answered { revision: self.at, reply })
    }
}

/// When a client's id was made: the first 48 bits of a UUIDv7, in milliseconds.
fn made_ms(client: u128) -> u64 {
    (client >> 80) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: u64 = 60_000_000_000;

    fn client(number: u64) -> u128 {
        // Made in the order of their numbers, a millisecond apart.
        u128::from(number) << 80 | 7 << 76 | 1
    }

    fn op(number: u64, sequence: u64) -> OpId {
        OpId { client: client(number), sequence }
    }

    /// A table, and the store that its mutations have made.
    #[derive(Default)]
    struct World {
        table: RetryTable,
        rows: BTreeMap<Bytes, Bytes>,
        next: Index,
        /// Of every operation.
        reply: Bytes,
    }

    impl World {
        /// A record with these operations: which of them were new.
        fn record(&mut self, minutes: u64, ops: &[(OpId, u64)]) -> Vec<Known> {
            let (first, stamp) = (self.next + 1, Stamp(MINUTE * (minutes + 1)));
            let mut draft = RetryDraft::default();
            let mut known = Vec::new();
            for (op, answered_upto) in ops {
                self.next += 1;
                let was = self.table.look(&draft, *op, stamp);
                if was == Known::New {
                    draft.note(*op, self.next, Kept::Reply(self.reply.clone()));
                }
                let hears = match was {
                    Known::Forgotten | Known::Ahead => false,
                    Known::Full => self.table.knows(op.client),
                    _ => true,
                };
                if hears && *answered_upto > 0 {
                    draft.note_answered(op.client, *answered_upto);
                }
                known.push(was);
            }
            for mutation in self.table.close(draft, first, stamp) {
                match mutation {
                    Mutation::Put { key, value } => self.rows.insert(key, value),
                    Mutation::Delete { key } => self.rows.remove(&key),
                };
            }
            known
        }

        fn loaded(&self) -> RetryTable {
            let mut table = RetryTable::default();
            for (key, value) in &self.rows {
                let read =
                    if key[..] == meta::FORGOTTEN { table.load_mark(value) } else { table.load(key, value) };
                assert!(read.is_some(), "our own rows");
            }
            table
        }
    }

    fn done(revision: Index) -> Known {
        Known::Done(Answered { revision, reply: Some(Bytes::new()) })
    }

    #[test]
    fn what_was_done_is_answered_again_and_not_done() {
        let mut world = World::default();
        assert_eq!(
            world.record(0, &[(op(1, 1), 0), (op(1, 2), 0), (op(1, 1), 0)]),
            [Known::New, Known::New, done(1)]
        );
        assert_eq!(world.record(0, &[(op(1, 2), 0), (op(2, 2), 0)]), [done(2), Known::New]);
        // It has the answer to the first.
        assert_eq!(world.record(0, &[(op(1, 3), 1)]), [Known::New]);
        assert_eq!(world.record(0, &[(op(1, 1), 0), (op(1, 2), 0)]), [Known::Settled, done(2)]);
    }

    #[test]
    fn what_was_asked_for_before_it_came_is_never_done() {
        let mut world = World::default();
        let mut draft = RetryDraft::default();
        draft.give_up(op(1, 2), 1);
        for mutation in world.table.close(draft, 1, Stamp(MINUTE)) {
            let Mutation::Put { key, value } = mutation else { panic!("nothing is idle") };
            world.rows.insert(key, value);
        }
        world.next = 1;
        assert_eq!(world.record(0, &[(op(1, 2), 0), (op(1, 1), 0)]), [Known::GivenUp, Known::New]);
        assert_eq!(format!("{:?}", world.loaded()), format!("{:?}", world.table));
        assert_eq!(world.record(0, &[(op(1, 3), 2)]), [Known::New]);
        assert_eq!(world.record(0, &[(op(1, 2), 0)]), [Known::Settled]);
    }

    #[test]
    fn rows_go_when_nobody_needs_them() {
        let mut world = World::default();
        for sequence in 1..=100 {
            world.record(0, &[(op(1, sequence), sequence - 1)]);
            assert!(world.rows.len() <= 2, "the last answer, and perhaps the one before");
        }
        assert_eq!(world.record(0, &[(op(1, 99), 0)]), [Known::Settled]);
    }

    #[test]
    fn who_is_silent_for_an_hour_is_forgotten_and_so_is_who_is_older() {
        let mut world = World::default();
        world.record(0, &[(op(2, 1), 0)]);
        world.record(0, &[(op(3, 1), 0)]);
        world.record(50, &[(op(3, 2), 1), (op(1, 1), 0)]);
        assert_eq!(world.record(61, &[(op(4, 1), 0)]), [Known::New]);
        let known = world.record(61, &[(op(2, 1), 0), (op(1, 1), 0), (op(1, 2), 0), (op(3, 2), 0)]);
        assert_eq!(known, [Known::Forgotten, Known::Forgotten, Known::Forgotten, done(3)]);
    }

    #[test]
    fn what_does_not_fit_is_forgotten_from_the_oldest_on_but_nobody_who_is_new() {
        let mut world = World { reply: Bytes::from(vec![b'r'; REPLY_BYTES_MAX]), ..World::default() };
        let ops = |made| (1..=1000).map(|sequence| (op(made, sequence), 0)).collect::<Vec<_>>();
        let (minute, now_ms) = (20, 21 * 60_000);
        // Those who are old make room, each for the next.
        for made in 1..=40 {
            assert!(world.record(minute, &ops(made)).iter().all(|known| *known == Known::New), "{made}");
            assert!(world.table.cost <= COST_MAX, "{made}");
        }
        assert_eq!(world.record(minute, &[(op(1, 1), 0)]), [Known::Forgotten]);
        let bytes: usize = world.rows.values().map(Bytes::len).sum();
        assert!(bytes <= COST_MAX, "{bytes}");
        // Those who are new do not, …
        for made in 1..=40 {
            world.record(minute, &ops(now_ms - 100 + made));
        }
        let new = op(now_ms, 1);
        assert_eq!(world.record(minute, &[(new, 0)]), [Known::Full]);
        let first = world.record(minute, &[(op(now_ms - 99, 1), 0)]);
        assert!(matches!(first[..], [Known::Done(_)]), "{first:?}");
        assert!(world.table.cost <= COST_MAX + (2 << 20), "by one record, and no more");
        // … unless one of them needs its answers no more, …
        let made = now_ms - 99;
        assert_eq!(world.record(minute, &[(op(made, 1001), 1000)]), [Known::Full]);
        assert_eq!(world.record(minute, &[(new, 0)]), [Known::New]);
        let new = op(now_ms + 1, 1);
        for made in 1..=5 {
            world.record(minute, &ops(now_ms + 10 + made));
        }
        assert_eq!(world.record(minute, &[(new, 0)]), [Known::Full]);
        // … or until they are old.
        assert_eq!(world.record(minute + 11, &[(new, 0)]), [Known::Full]);
        assert_eq!(world.record(minute + 11, &[(new, 0)]), [Known::New]);
        assert_eq!(format!("{:?}", world.loaded()), format!("{:?}", world.table));
    }

    #[test]
    fn an_id_from_the_future_is_not_taken() {
        let mut world = World::default();
        // The record's stamp is minute 1.
        assert_eq!(world.record(0, &[(op(60_501, 1), 0), (op(60_500, 1), 0)]), [Known::Ahead, Known::New]);
    }

    /// How long after the one before, and its operations: client, sequence, mark.
    fn a_record() -> impl Strategy<Value = (u64, Vec<(u64, u64, u64)>)> {
        let later = prop_oneof![9 => Just(0u64), 1 => 1u64..12];
        (later, proptest::collection::vec((1u64..40, 1u64..12, 0u64..12), 1..5))
    }

    proptest! {
        #[test]
        fn who_loads_the_rows_has_the_same_table(records in proptest::collection::vec(a_record(), 1..120)) {
            let (mut world, mut minutes) = (World::default(), 0);
            for (later, ops) in records {
                minutes += later * 7;
                let ops: Vec<(OpId, u64)> =
                    ops.into_iter().map(|(c, s, upto)| (op(c, s), upto.min(s - 1))).collect();
                world.record(minutes, &ops);
                let loaded = world.loaded();
                prop_assert_eq!(format!("{:?}", &loaded), format!("{:?}", &world.table));
            }
        }
    }
}
