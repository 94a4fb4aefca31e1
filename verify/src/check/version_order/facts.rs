//! What the answers say, put together: which write has which index, and where
//! each key lives. Answers that contradict each other are told here, and are
//! not used any further.

use super::super::violation::Violations;
use crate::history::{Call, History, Op, OpId, Outcome, Row};
use std::collections::BTreeMap;

/// The indexes of one partition or one key, rising, each with its write.
type Indexes = Vec<(u64, OpId)>;

/// What is known of a history's writes.
pub(in crate::check) struct Facts<'a> {
    pub history: &'a History,
    /// Where a key lives, as the first answer says.
    homes: BTreeMap<u32, u64>,
    /// By operation: the index of a write, from its own answer or because its
    /// value was read.
    index_of: Vec<Option<u64>>,
    /// By operation: the answer contradicts another, and proves nothing.
    doubted: Vec<bool>,
    partitions: BTreeMap<u64, Indexes>,
    keys: BTreeMap<u32, Indexes>,
    /// Writes of unknown outcome and unknown index, by key.
    open: BTreeMap<u32, Vec<OpId>>,
}

impl<'a> Facts<'a> {
    /// Puts the answers together.
    pub fn gather(history: &'a History, found: &mut Violations) -> Facts<'a> {
        let count = history.len();
        let mut gather = Gather {
            facts: Facts {
                history,
                homes: BTreeMap::new(),
                index_of: vec![None; count],
                doubted: vec![false; count],
                partitions: BTreeMap::new(),
                keys: BTreeMap::new(),
                open: BTreeMap::new(),
            },
            found,
            writers: BTreeMap::new(),
            owners: BTreeMap::new(),
        };
        gather.homes();
        gather.answered();
        gather.seen();
        gather.sorted()
    }

    /// Where a key lives, if any answer says so.
    pub fn home(&self, key: u32) -> Option<u64> {
        self.homes.get(&key).copied()
    }

    /// The index of a write, if it is known.
    pub fn index_of(&self, id: OpId) -> Option<u64> {
        self.index_of[id.index()]
    }

    /// The answer of an operation proves nothing.
    pub fn is_doubted(&self, id: OpId) -> bool {
        self.doubted[id.index()]
    }

    /// The known indexes of a partition, rising.
    pub fn indexes(&self, partition: u64) -> &[(u64, OpId)] {
        self.partitions.get(&partition).map_or(&[], Vec::as_slice)
    }

    /// All partitions with a known index.
    pub fn partitions(&self) -> impl Iterator<Item = u64> {
        self.partitions.keys().copied()
    }

    /// The known indexes of the writes to a key, rising.
    pub fn writes_to(&self, key: u32) -> &[(u64, OpId)] {
        self.keys.get(&key).map_or(&[], Vec::as_slice)
    }

    /// The last known write to a key at or below an index.
    pub fn last_write(&self, key: u32, upto: u64) -> Option<(u64, OpId)> {
        let writes = self.writes_to(key);
        let behind = writes.partition_point(|(index, _)| *index <= upto);
        behind.checked_sub(1).map(|at| writes[at])
    }

    /// Writes to a key that may stand anywhere: outcome and index unknown.
    pub fn open_on(&self, key: u32) -> impl Iterator<Item = (OpId, &'a Op)> {
        let open = self.open.get(&key).map_or(&[][..], Vec::as_slice);
        open.iter().map(|id| (*id, self.history.op(*id)))
    }

    /// Between two indexes of a partition, both excluded, is one that no known
    /// write has.
    pub fn has_room(&self, partition: u64, above: u64, below: u64) -> bool {
        let indexes = self.indexes(partition);
        let from = indexes.partition_point(|(index, _)| *index <= above);
        let to = indexes.partition_point(|(index, _)| *index < below);
        let between = below.saturating_sub(above).saturating_sub(1);
        ((to - from) as u64) < between
    }
}

/// The facts while they are gathered.
struct Gather<'a, 'f> {
    facts: Facts<'a>,
    found: &'f mut Violations,
    /// Puts by value.
    writers: BTreeMap<u64, OpId>,
    /// Writes by partition and index.
    owners: BTreeMap<(u64, u64), OpId>,
}

impl<'a> Gather<'a, '_> {
    /// Where keys live; an answer from elsewhere is doubted.
    fn homes(&mut self) {
        let history = self.facts.history;
        let mut first = BTreeMap::new();
        for (id, op) in history.numbered() {
            if let Call::Put { value } = op.call {
                self.writers.insert(value, id);
            }
            let Some((partition, _)) = op.answered_by() else { continue };
            let home = *self.facts.homes.entry(op.key).or_insert(partition);
            let witness = *first.entry(op.key).or_insert(id);
            if home != partition {
                self.doubt(id);
                self.found.add("partition", &[witness, id], || {
                    let (here, there) = (history.told(witness), history.told(id));
                    format!("key {} lives in one partition, but {here} and {there}", op.key)
                });
            }
        }
    }

    /// Indexes that writes were given.
    fn answered(&mut self) {
        for (id, op) in self.facts.history.numbered() {
            if let Outcome::Wrote { partition, index, .. } = op.outcome
                && !self.facts.is_doubted(id)
            {
                self.claim(id, id, partition, index);
            }
        }
    }

    /// Indexes that reads show.
    fn seen(&mut self) {
        for (id, op) in self.facts.history.numbered() {
            if let Outcome::Read { partition, row: Some(row), .. } = op.outcome
                && !self.facts.is_doubted(id)
            {
                self.read(id, op, partition, row);
            }
        }
    }

    fn read(&mut self, id: OpId, op: &Op, partition: u64, row: Row) {
        let history = self.facts.history;
        let Some(&writer) = self.writers.get(&row.value) else {
            self.doubt(id);
            let what = || format!("nobody ever wrote what {} saw", history.told(id));
            return self.found.add("phantom", &[id], what);
        };
        let write = history.op(writer);
        let (rule, why) = if write.key != op.key {
            ("phantom", "on another key")
        } else if write.outcome == Outcome::Refused {
            ("phantom", "and refused")
        } else if op.ended.is_some_and(|ended| write.begun > ended) {
            ("future", "after the read had ended")
        } else {
            return self.sighting(id, writer, partition, row.revision);
        };
        self.doubt(id);
        self.found.add(rule, &[writer, id], || {
            format!("{} saw what was written {why}, by {}", history.told(id), history.told(writer))
        });
    }

    /// A read shows a write at an index.
    fn sighting(&mut self, id: OpId, writer: OpId, partition: u64, revision: u64) {
        let history = self.facts.history;
        match self.facts.index_of(writer) {
            Some(index) if index == revision => {}
            Some(index) => {
                self.doubt(id);
                self.found.add("index", &[writer, id], || {
                    let (read, write) = (history.told(id), history.told(writer));
                    format!("one write has one index, but {read}, and it has index {index}: {write}")
                });
            }
            // The write's own answer is doubted, so nothing follows.
            None if history.op(writer).outcome != Outcome::Unknown => self.doubt(id),
            None => self.claim(id, writer, partition, revision),
        }
    }

    /// A write has an index: `witness` says so.
    fn claim(&mut self, witness: OpId, write: OpId, partition: u64, index: u64) {
        let history = self.facts.history;
        if index == 0 {
            self.doubt(witness);
            let what = || format!("index 0 is of no write, but {}", history.told(witness));
            return self.found.add("index", &[witness], what);
        }
        let owner = *self.owners.entry((partition, index)).or_insert(write);
        if owner == write {
            self.facts.index_of[write.index()] = Some(index);
            return;
        }
        self.doubt(witness);
        self.found.add("index", &[owner, write, witness], || {
            let (mine, said) = (history.told(owner), history.told(witness));
            format!("index {index} of partition {partition} belongs to one write, {mine}; but {said}")
        });
    }

    fn doubt(&mut self, id: OpId) {
        self.facts.doubted[id.index()] = true;
    }

    fn sorted(self) -> Facts<'a> {
        let mut facts = self.facts;
        let known = self.owners.into_iter().filter(|(_, id)| facts.index_of(*id).is_some());
        for ((partition, index), id) in known.collect::<Vec<_>>() {
            facts.partitions.entry(partition).or_default().push((index, id));
            facts.keys.entry(facts.history.op(id).key).or_default().push((index, id));
        }
        for (id, op) in facts.history.numbered() {
            if op.is_open_write() && facts.index_of(id).is_none() {
                facts.open.entry(op.key).or_default().push(id);
            }
        }
        facts
    }
}
