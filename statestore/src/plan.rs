//! What of a batch is to be applied: decided once, for every store alike, and
//! before the first row is touched.

use crate::error::StoreError;
use crate::store::Part;
use model::keyspace::meta;
use model::{Index, Mutation, PartitionId};
use std::collections::BTreeMap;

/// What one partition gets of a batch.
///
/// Invariant: the parts follow one another, and the first of them follows what
/// the partition has.
pub struct Change<'b> {
    /// What to apply, in order.
    pub parts: Vec<&'b Part>,
    /// The applied index once all of it is in.
    pub after: Index,
}

impl<'b> Change<'b> {
    /// The last word on each row, in the order of the keys. The rows of commands, of
    /// retries and of events lie apart from each other; one behind the other, each finds
    /// its place in a memtable beside the one before, and not by a search of its own.
    pub fn rows(&self) -> Vec<&'b Mutation> {
        let mut rows: Vec<&Mutation> = self.parts.iter().flat_map(|part| &part.mutations).collect();
        // Those of one key stay in their order.
        rows.sort_by(|a, b| a.key().cmp(b.key()));
        rows.dedup_by(|later, kept| {
            let same = later.key() == kept.key();
            if same {
                *kept = later;
            }
            same
        });
        rows
    }
}

/// The parts of a batch that are not in yet, by partition.
pub type Plan<'b> = BTreeMap<PartitionId, Change<'b>>;

/// Skips what is in, refuses what does not follow. Every store begins an `apply`
/// with it, an application's own as well.
pub fn plan(
    batch: &[Part],
    mut applied: impl FnMut(PartitionId) -> Result<Index, StoreError>,
) -> Result<Plan<'_>, StoreError> {
    let mut plan = Plan::new();
    for part in batch {
        let has = match plan.get(&part.partition) {
            Some(change) => change.after,
            None => applied(part.partition)?,
        };
        let gap = || StoreError::Gap {
            partition: part.partition,
            applied: has,
            first_index: part.first_index,
            count: part.count,
        };
        let covered = Index::from(part.count).checked_sub(1).ok_or_else(gap)?;
        let last = part.first_index.checked_add(covered).ok_or_else(gap)?;
        if last <= has {
            continue;
        }
        if part.first_index != has + 1 {
            return Err(gap());
        }
        check_rows(part)?;
        let change = plan.entry(part.partition);
        let change = change.or_insert_with(|| Change { parts: Vec::with_capacity(1), after: has });
        change.parts.push(part);
        change.after = last;
    }
    Ok(plan)
}

/// A machine that overwrote the store's own rows would change which partition
/// this is, or which commands it has seen.
fn check_rows(part: &Part) -> Result<(), StoreError> {
    let reserved = |mutation: &&Mutation| {
        let key = &mutation.key()[..];
        key == meta::APPLIED || key == meta::PARTITION
    };
    match part.mutations.iter().find(reserved) {
        None => Ok(()),
        Some(mutation) => {
            Err(StoreError::Reserved { partition: part.partition, key: mutation.key().to_vec() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(first_index: Index, count: u32) -> Part {
        Part { partition: PartitionId(1), first_index, count, mutations: Vec::new() }
    }

    type Planned = Result<(usize, Option<Index>), &'static str>;

    fn planned(applied: Index, batch: &[Part]) -> Planned {
        match plan(batch, |_| Ok(applied)) {
            Ok(plan) => {
                let change = plan.get(&PartitionId(1));
                Ok((change.map_or(0, |change| change.parts.len()), change.map(|change| change.after)))
            }
            Err(StoreError::Gap { .. }) => Err("gap"),
            Err(_) => Err("other"),
        }
    }

    #[test]
    fn parts_are_skipped_taken_or_refused() {
        let table: [(&str, Index, Vec<Part>, Planned); 11] = [
            ("nothing", 5, vec![], Ok((0, None))),
            ("the next", 5, vec![part(6, 2)], Ok((1, Some(7)))),
            ("in already", 5, vec![part(4, 2)], Ok((0, None))),
            ("long in", 5, vec![part(1, 1)], Ok((0, None))),
            ("a hole", 5, vec![part(7, 1)], Err("gap")),
            ("half in", 5, vec![part(5, 2)], Err("gap")),
            ("two that follow", 5, vec![part(6, 1), part(7, 3)], Ok((2, Some(9)))),
            ("the same twice", 5, vec![part(6, 1), part(6, 1)], Ok((1, Some(6)))),
            ("no index at all", 5, vec![part(0, 0)], Err("gap")),
            ("no count", 5, vec![part(6, 0)], Err("gap")),
            ("past the end", 5, vec![part(Index::MAX, 2)], Err("gap")),
        ];
        for (name, applied, batch, expected) in table {
            assert_eq!(planned(applied, &batch), expected, "{name}");
        }
        assert_eq!(planned(0, &[part(0, 1)]), Ok((0, None)), "index 0 is before everything");
    }

    #[test]
    fn the_last_word_on_each_row_counts_and_keys_are_in_order() {
        let put = |key: &'static str, value: &'static str| Mutation::put(key, value);
        let of = |first_index, mutations| Part { mutations, ..part(first_index, 1) };
        let batch = [
            of(6, vec![put("b", "1"), put("r1", "1"), put("e6", "1")]),
            of(7, vec![put("a", "2"), put("r2", "2"), Mutation::delete("b"), put("e7", "2")]),
            of(8, vec![put("a", "3"), put("c", "3"), Mutation::delete("c"), put("b", "3")]),
        ];
        let plan = plan(&batch, |_| Ok(5)).expect("they follow");
        let rows: Vec<Mutation> = plan[&PartitionId(1)].rows().into_iter().cloned().collect();
        let expected = [
            put("a", "3"),
            put("b", "3"),
            Mutation::delete("c"),
            put("e6", "1"),
            put("e7", "2"),
            put("r1", "1"),
            put("r2", "2"),
        ];
        assert_eq!(rows, expected);
    }

    #[test]
    fn the_store_s_own_rows_are_not_a_machine_s_to_change() {
        for row in [meta::APPLIED, meta::PARTITION] {
            let row = bytes::Bytes::copy_from_slice(&row);
            let mut part = part(6, 1);
            part.mutations = vec![Mutation::put(&b"\x01k"[..], "v"), Mutation::delete(row)];
            assert_eq!(planned(5, &[part]), Err("other"));
        }
    }
}
