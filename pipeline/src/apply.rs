//! Apply: records become rows. Replay after a start and live requests go
//! through this one path.
//!
//! Records are gathered into one part for the store; a command sees the store
//! with everything gathered before it laid over. What clients asked is applied
//! here, what the owner wrote of its own accord in `apply/chore.rs`.

mod chore;

use crate::answer::Reply;
use crate::hashing::Hashing;
use crate::ordering;
use crate::overlay::{Overlaid, Overlay};
use crate::retries::{Known, RetryDraft, RetryTable};
use crate::rig::Rig;
use crate::rules::Rules;
use crate::standing::Standing;

use bytes::Bytes;
use env::{Plant, sometimes};
use machine::{At, Machine, ViewError};
use model::command::{CommandError, decode_commands};
use model::keyspace::{decode_deadline, encode_events};
use model::{
    Chore, Command, Event, EventDraft, Index, KeyKind, Mutation, Record, RecordKind, Stamp, StateHash, code,
};
use statestore::{Part, Store, StoreError};
use std::collections::VecDeque;
use std::sync::Arc;

/// Why a record cannot be applied. Nothing behind it is, either.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The rows could not be read.
    #[error(transparent)]
    View(#[from] ViewError),
    /// Content that this build cannot read.
    #[error("index {index}: {error}")]
    Unreadable {
        /// Where.
        index: Index,
        /// What is wrong.
        error: CommandError,
    },
    /// A kind of record that this build cannot apply.
    #[error("index {index}: this build cannot apply a record of kind {kind}")]
    Kind {
        /// Where.
        index: Index,
        /// Which kind.
        kind: RecordKind,
    },
    /// A version of the machine that this build lacks.
    #[error("index {index}: this build lacks machine `{name}` in version {version}")]
    Version {
        /// Where.
        index: Index,
        /// Which machine.
        name: String,
        /// In which version.
        version: u32,
    },
}

/// Applies the records of one partition.
///
/// Invariant: the standing is that of store and gathered part together; after an
/// error nothing more may be applied.
pub struct Applier {
    standing: Standing,
    rules: Rules,
    count: u32,
    overlay: Overlay,
    retries: RetryTable,
    /// The state hash behind each of the last records.
    hashes: VecDeque<StateHash>,
    /// Where it went on.
    opened: Index,
    rig: Rig,
}

/// Of [`Plant::WatchGap`].
const UNTOLD_EVERY: Index = 13;
/// State hashes that are remembered: as many records may lie between the index of
/// one and its note in the log.
const HASHES: usize = 256;

impl Applier {
    /// Goes on behind what the store has.
    pub fn after(standing: Standing, rules: Rules, retries: RetryTable) -> Applier {
        let (overlay, rig, hashes) = (Overlay::default(), Rig::default(), VecDeque::new());
        let opened = standing.applied;
        Applier { standing, rules, count: 0, overlay, retries, hashes, opened, rig }
    }

    /// The same in the simulated world.
    #[must_use]
    pub fn rigged(self, rig: Rig) -> Applier {
        Applier { rig, ..self }
    }

    /// What store and gathered part hold together.
    pub fn applied(&self) -> Index {
        self.standing.applied
    }

    /// Where that stands.
    pub fn standing(&self) -> &Standing {
        &self.standing
    }

    /// What it goes by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Where changes up to an index come to something else here than the log has
    /// noted: what they come to here. What is too long ago to be remembered is not
    /// held against anybody.
    pub fn differs(&self, noted: StateHash) -> Option<StateHash> {
        let own = self.hashes.iter().rev().find(|own| own.at == noted.at)?;
        (own.value != noted.value).then_some(*own)
    }

    /// Is anything gathered?
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Bytes that are gathered, or so.
    pub fn gathered(&self) -> usize {
        self.overlay.bytes()
    }

    /// Applies the record that follows; what became of each command is appended.
    pub fn apply(
        &mut self,
        record: &Record,
        store: &dyn Store,
        replies: &mut Vec<Reply>,
    ) -> Result<(), ApplyError> {
        ordering::assert_follows(record.first_index, self.standing.applied);
        let (index, kind, from) = (record.first_index, record.kind, replies.len());
        match kind {
            RecordKind::Commands => self.commands(record, store, replies)?,
            _ => match Chore::decode(kind, &record.payload) {
                Some(chore) => self.chore(record, chore, store)?,
                None => return Err(ApplyError::Kind { index, kind }),
            },
        }
        if let Some(witness) = &self.rig.witness {
            witness.applied(record, &replies[from..]);
        }
        (self.standing.applied, self.standing.stamp) = (record.last_index(), record.stamp);
        if self.hashes.len() == HASHES {
            self.hashes.pop_front();
        }
        self.hashes.push_back(StateHash { at: self.standing.applied, value: self.standing.hash });
        self.count += record.count;
        Ok(())
    }

    fn commands(
        &mut self,
        record: &Record,
        store: &dyn Store,
        replies: &mut Vec<Reply>,
    ) -> Result<(), ApplyError> {
        let (index, stamp) = (record.first_index, record.stamp);
        let machine = self.machine(index)?;
        let commands = decode_commands(&record.payload, record.count);
        let commands = commands.map_err(|error| ApplyError::Unreadable { index, error })?;
        let fetched = self.prefetch(&commands, &*machine, store)?;
        let mut draft = RetryDraft::default();
        let mut made = Made::after(&self.standing, record.stamp);
        let own_stamp = self.own_time(&*machine, stamp);
        for (place, (index, command)) in (0u32..).zip((index..).zip(&commands)) {
            let known = self.known(&draft, command, stamp);
            if self.hears(&known, command) {
                draft.take_mark(command);
            }
            replies.push(match (known, command.op) {
                (Known::New, Some(op)) if command.asks => {
                    draft.give_up(op, index);
                    without_doing(Known::GivenUp)
                }
                (Known::New, _) => {
                    let view = self.view(store, &fetched);
                    let outcome = machine.apply(&view, &command.body, At { index, stamp: own_stamp })?;
                    self.take(&mut made, place, outcome.mutations, outcome.events);
                    draft.remember(command, index, &outcome.reply);
                    Reply::Now(outcome.reply)
                }
                (known, _) => without_doing(known),
            });
        }
        let changes = self.retries.close(draft, record.first_index, record.stamp);
        self.take(&mut made, 0, changes, Vec::new());
        self.close(made, record.first_index);
        Ok(())
    }

    /// The machine in the version that the history asks for.
    fn machine(&self, index: Index) -> Result<Arc<dyn Machine>, ApplyError> {
        let version = self.standing.version;
        let lacks = || ApplyError::Version { index, name: self.rules.machine.name().to_owned(), version };
        self.rules.machine.get(version).cloned().ok_or_else(lacks)
    }

    /// A record's stamp, in the machine's time.
    fn own_time(&self, machine: &dyn Machine, stamp: Stamp) -> Stamp {
        let paused = if machine.pauses() { self.standing.paused } else { 0 };
        let own = stamp.0.saturating_sub(paused);
        // Planted: another process has another clock.
        let skewed = self.rig.plants.has(Plant::TtlByWallClock) && self.opened % 2 == 1;
        Stamp(if skewed { own + 5_000_000_000 } else { own })
    }

    fn view<'a>(&'a self, store: &'a dyn Store, fetched: &'a [(Bytes, Option<Bytes>)]) -> Overlaid<'a> {
        Overlaid { store, partition: self.standing.partition, overlay: &self.overlay, fetched }
    }

    /// What a command makes becomes part of what is gathered.
    fn take(&mut self, made: &mut Made, place: u32, mutations: Vec<Mutation>, events: Vec<Event>) {
        for mutation in &mutations {
            made.hash.add(mutation);
            let is_note = mutation.key().first() == Some(&(KeyKind::Deadline as u8));
            if let (true, Mutation::Put { key, .. }) = (is_note, mutation) {
                let due = decode_deadline(key).map(|(due, _)| due);
                self.standing.first_due = [self.standing.first_due, due].into_iter().flatten().min();
            }
        }
        self.overlay.extend(mutations);
        if self.rules.binlog {
            events.into_iter().for_each(|event| made.events.add(made.stamp, place, event));
        }
    }

    /// A record is done: its events are rows, and its changes in the hash.
    fn close(&mut self, mut made: Made, first_index: Index) {
        let is_untold = self.rig.plants.has(Plant::WatchGap) && first_index.is_multiple_of(UNTOLD_EVERY);
        for (place, row) in made.events.finish().filter(|_| !is_untold) {
            let binlog = &mut self.standing.binlog;
            binlog.bytes += row.len() as u64;
            binlog.oldest.get_or_insert(made.stamp);
            let mutation = Mutation::put(encode_events(first_index + Index::from(place)), row);
            made.hash.add(&mutation);
            self.overlay.extend(vec![mutation]);
        }
        self.standing.hash = made.hash.finish();
    }

    /// Does the mark of this command count? One that finds no room may make some.
    fn hears(&self, known: &Known, command: &Command) -> bool {
        match known {
            Known::New | Known::Done(_) | Known::Settled | Known::GivenUp => true,
            Known::Full => command.op.is_some_and(|op| self.retries.knows(op.client)),
            Known::Forgotten | Known::Ahead => false,
        }
    }

    /// What the table knows of the command. One without an op-id is always new.
    fn known(&self, draft: &RetryDraft, command: &Command, stamp: Stamp) -> Known {
        match command.op {
            Some(op) if !self.rig.plants.has(Plant::RetryAppliedTwice) => self.retries.look(draft, op, stamp),
            _ => Known::New,
        }
    }

    /// The rows that the commands will read and that are not gathered, fetched
    /// together, sorted by key. One row is as well read when it is asked for.
    fn prefetch(
        &self,
        commands: &[Command],
        machine: &dyn Machine,
        store: &dyn Store,
    ) -> Result<Vec<(Bytes, Option<Bytes>)>, ApplyError> {
        let mut keys = Vec::new();
        let done = commands.iter().filter(|command| !command.asks);
        done.for_each(|command| machine.reads(&command.body, &mut keys));
        keys.retain(|key| !self.overlay.holds(key));
        keys.sort_unstable();
        keys.dedup();
        if keys.len() < 2 {
            return Ok(Vec::new());
        }
        let asked: Vec<&[u8]> = keys.iter().map(|key| &key[..]).collect();
        match store.multi_get(self.standing.partition, &asked) {
            Ok(rows) => Ok(keys.into_iter().zip(rows).collect()),
            // Together they are more than may be held: each is read when it is
            // asked for, and let go.
            Err(StoreError::TooMuch { .. }) => Ok(Vec::new()),
            Err(error) => Err(ViewError(Box::new(error)).into()),
        }
    }

    /// What was gathered, for the store, with where the partition stands by it.
    pub fn part(&mut self) -> Option<Part> {
        let count = std::mem::take(&mut self.count);
        if count == 0 {
            return None;
        }
        let first_index = self.standing.applied + 1 - Index::from(count);
        let mut mutations = self.overlay.take();
        mutations.extend(self.standing.rows());
        Some(Part { partition: self.standing.partition, first_index, count, mutations })
    }
}

/// What a record has made so far, beside rows.
struct Made {
    hash: Hashing,
    events: EventDraft,
    stamp: Stamp,
}

impl Made {
    fn after(standing: &Standing, stamp: Stamp) -> Made {
        Made { hash: Hashing::after(standing.hash), events: EventDraft::default(), stamp }
    }
}

/// What is said of a command that is not done now.
fn without_doing(known: Known) -> Reply {
    match known {
        Known::New => unreachable!("what is new is done"),
        Known::Done(answered) => {
            sometimes!("an operation was answered again");
            Reply::Before(answered)
        }
        Known::Settled => {
            sometimes!("an operation came when nobody needed its answer");
            Reply::Refused(code::OP_SETTLED)
        }
        Known::GivenUp => {
            sometimes!("an operation was asked for before it came");
            Reply::Refused(code::OP_GIVEN_UP)
        }
        Known::Forgotten => {
            sometimes!("an operation's client was forgotten");
            Reply::Refused(code::CLIENT_FORGOTTEN)
        }
        Known::Full => {
            sometimes!("there was no room to remember an operation");
            Reply::Refused(code::OVERLOADED)
        }
        Known::Ahead => {
            sometimes!("an operation's client was from the future");
            Reply::Refused(code::CLIENT_AHEAD)
        }
    }
}
