//! What is known when all is over: every row, and how far each partition came.

use super::version_order::Facts;
use super::violation::Violations;
use crate::history::{Call, END_USER, Epoch, History, Op, OpId, Outcome, Row};
use std::collections::BTreeMap;

/// What was found at the end, when nothing was under way any more and nothing
/// unknown can still take effect. Empty is a fine end: nobody looked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// How far each partition came, by its id.
    pub last: BTreeMap<u64, Last>,
    /// Rows by key, the absent ones among them.
    pub rows: BTreeMap<u32, FinalRow>,
}

/// How far a partition came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Last {
    /// Its applied index.
    pub index: u64,
    /// How many indexes were taken by what was no write of the history: control
    /// records, or rows that were there before.
    pub own: u64,
}

/// What was found under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FinalRow {
    /// Where it lies.
    pub partition: u64,
    /// The row, if there is one.
    pub row: Option<Row>,
}

impl History {
    /// The history with one more read for each row of the end, by a user who
    /// comes when all is over ([`END_USER`]) and whose answers have everything in
    /// them. A checker then needs no rule for lost writes: it is a stale
    /// read. The numbers of all other operations stay.
    pub fn closed_by(&self, end: &End) -> History {
        let highest = highest_epochs(self);
        let mut ops = self.ops().to_vec();
        let mut position = self.next_position();
        for (key, last) in &end.rows {
            let partition = last.partition;
            let epoch = highest.get(&partition).copied().unwrap_or(Epoch::FIRST);
            ops.push(Op {
                user: END_USER,
                key: *key,
                call: Call::Get,
                begun: position,
                ended: Some(position + 1),
                outcome: Outcome::Read { partition, epoch, applied: u64::MAX, row: last.row },
                batch: None,
                expected_epoch: None,
            });
            position += 2;
        }
        History::of(ops)
    }
}

/// The highest epoch that answers name, by partition.
fn highest_epochs(history: &History) -> BTreeMap<u64, Epoch> {
    let mut highest: BTreeMap<u64, Epoch> = BTreeMap::new();
    for (partition, epoch) in history.ops().iter().filter_map(Op::answered_by) {
        let known = highest.entry(partition).or_insert(epoch);
        *known = epoch.max(*known);
    }
    highest
}

/// Every index up to a partition's last belongs to a write: one that was
/// acknowledged, one that was seen, or one of unknown outcome. More indexes
/// than such writes mean that something was written twice, or by nobody.
pub fn dense(history: &History, end: &End) -> Violations {
    let mut found = Violations::default();
    let facts = Facts::gather(history, &mut Violations::default());
    for (partition, last) in &end.last {
        let indexes = facts.indexes(*partition);
        let beyond = indexes.partition_point(|(index, _)| *index <= last.index);
        if let Some((index, id)) = indexes.get(beyond) {
            found.add("lost", &[*id], || {
                let told = history.told(*id);
                format!("partition {partition} ends at index {}, and {told} took index {index}", last.index)
            });
        }
        let nameless = last.index - beyond as u64;
        let open: Vec<OpId> = open_writes(history, &facts, *partition).collect();
        let explained = last.own.saturating_add(open.len() as u64);
        if nameless > explained {
            found.add("dense", &[], || {
                format!(
                    "partition {partition} ends at index {}: {nameless} of them are of no known write, and \
                     writes of unknown outcome and its own explain at most {explained}",
                    last.index
                )
            });
        }
    }
    found
}

/// Writes of unknown outcome that nobody saw, on keys that may be there.
fn open_writes(history: &History, facts: &Facts<'_>, partition: u64) -> impl Iterator<Item = OpId> {
    let may_be_there = move |key| facts.home(key).is_none_or(|home| home == partition);
    let open = history.numbered().filter(|(id, op)| op.is_open_write() && facts.index_of(*id).is_none());
    open.filter(move |(_, op)| may_be_there(op.key)).map(|(id, _)| id)
}
