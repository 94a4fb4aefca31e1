//! Walks through a history in the order of its events and keeps what anybody
//! has been told so far: whatever is begun later must know of it.

use super::super::violation::Violations;
use super::facts::Facts;
use super::reads;
use crate::history::{Epoch, OpId, Outcome};
use std::collections::BTreeMap;

/// Something that was told, and by whose answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told<T> {
    pub value: T,
    pub by: OpId,
}

/// What had been told before an operation was begun.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// Of the key's partition: the highest index that certainly existed.
    pub floor: Option<Told<u64>>,
    /// Of the key's partition: the highest index of an answered write. A row may
    /// be seen before its write is answered, and others' receipts say so later.
    pub promised: Option<Told<u64>>,
    /// Of the key's partition: the highest epoch.
    pub epoch: Option<Told<Epoch>>,
    /// Of the key: what was written up to this index is gone, because a read
    /// found no row.
    pub gone: Option<Told<u64>>,
}

impl Seen {
    /// The index that had been told; 0 is "none yet".
    pub fn index(&self) -> u64 {
        self.floor.map_or(0, |floor| floor.value)
    }
}

/// What each operation had to know of when it was begun.
pub(super) fn sweep(facts: &Facts<'_>, found: &mut Violations) -> Vec<Seen> {
    let mut sweep = Sweep {
        facts,
        found,
        seen: vec![Seen::default(); facts.history.len()],
        partitions: BTreeMap::new(),
        gone: BTreeMap::new(),
    };
    for (_, id, is_end) in events(facts) {
        if is_end {
            sweep.end(id);
        } else {
            sweep.begin(id);
        }
    }
    sweep.seen
}

/// All events in their order. Items of one request are begun together.
fn events(facts: &Facts<'_>) -> Vec<(u64, OpId, bool)> {
    let mut events = Vec::with_capacity(2 * facts.history.len());
    for (id, op) in facts.history.numbered() {
        events.push((op.begun, id, false));
        events.extend(op.ended.map(|ended| (ended, id, true)));
    }
    events.sort_unstable();
    events
}

struct Sweep<'f, 'a> {
    facts: &'f Facts<'a>,
    found: &'f mut Violations,
    seen: Vec<Seen>,
    /// Floor and epoch, by partition.
    partitions: BTreeMap<u64, Seen>,
    /// What is gone, by key.
    gone: BTreeMap<u32, Told<u64>>,
}

impl Sweep<'_, '_> {
    fn begin(&mut self, id: OpId) {
        let history = self.facts.history;
        let key = history.op(id).key;
        let Some(home) = self.facts.home(key) else { return };
        let gone = self.gone.get(&key).copied();
        let seen = Seen { gone, ..self.partitions.get(&home).copied().unwrap_or_default() };
        self.seen[id.index()] = seen;
        if let (Some(index), Some(floor)) = (self.facts.index_of(id), seen.floor)
            && index <= floor.value
        {
            self.found.add("order", &[floor.by, id], || {
                let (first, then) = (history.told(floor.by), history.told(id));
                let shown = floor.value;
                format!("{then} took index {index} and was begun when index {shown} had been seen by {first}")
            });
        }
    }

    fn end(&mut self, id: OpId) {
        if self.facts.is_doubted(id) {
            return;
        }
        let op = self.facts.history.op(id);
        let (partition, epoch, index) = match op.outcome {
            Outcome::Wrote { partition, epoch, index, .. } => {
                let known = self.partitions.entry(partition).or_default();
                raise(known.promised.get_or_insert(Told { value: index, by: id }), index, id);
                (partition, epoch, index)
            }
            Outcome::Read { partition, epoch, applied, row } => {
                let read = reads::Read { id, op, partition, applied, row };
                let shown = reads::check(self.facts, &read, self.seen[id.index()], self.found);
                if let Some(upto) = shown.gone {
                    raise(self.gone.entry(op.key).or_insert(Told { value: upto, by: id }), upto, id);
                }
                (partition, epoch, shown.index)
            }
            Outcome::Refused | Outcome::Unknown => return,
        };
        let known = self.partitions.entry(partition).or_default();
        raise(known.floor.get_or_insert(Told { value: index, by: id }), index, id);
        raise(known.epoch.get_or_insert(Told { value: epoch, by: id }), epoch, id);
    }
}

/// Something higher has been told.
fn raise<T: Ord>(known: &mut Told<T>, value: T, by: OpId) {
    if value > known.value {
        *known = Told { value, by };
    }
}
