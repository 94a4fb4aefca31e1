//! Dropping a table with all that is in it, and bringing it back.
//!
//! Its partitions go to quarantine together, under one number. What brings them
//! back raises their generation, so that whoever knew them before writes nothing.

use super::{Desired, Gone, PartitionSpec, Refused, TableName};
use model::{Epoch, PartitionId};
use std::collections::BTreeSet;

/// A table that was dropped with its partitions.
///
/// Invariant: one of them at least is in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// What it was called.
    pub table: TableName,
    /// When: milliseconds since 1970.
    pub since_ms: u64,
    /// Its partitions, erased ones too.
    pub ids: BTreeSet<PartitionId>,
}

impl Dropped {
    /// For how many milliseconds more it is kept from being erased.
    pub fn left_ms(&self, now_ms: u64, kept_ms: u64) -> u64 {
        self.since_ms.saturating_add(kept_ms).saturating_sub(now_ms)
    }
}

/// When something is erased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now, whatever was promised.
    Now,
    /// When no dropped table is kept that needs it.
    Kept {
        /// What time it is: milliseconds since 1970.
        now_ms: u64,
        /// How long a dropped table is kept.
        kept_ms: u64,
    },
}

impl Desired {
    /// There is no such table any more. With its partitions, if it has any and
    /// that is asked for; returns under which number it can be brought back. Of
    /// one without partitions there is nothing to bring back.
    pub fn drop_table(
        &mut self,
        name: &TableName,
        with_partitions: bool,
        now_ms: u64,
    ) -> Result<Option<u64>, Refused> {
        let spec = self.tables.get(name).ok_or_else(|| Refused::NoTable(name.to_string()))?.clone();
        let ids: BTreeSet<PartitionId> = self.of_table(name).map(|(id, _)| id).collect();
        if let Some(partition) = ids.first().filter(|_| !with_partitions) {
            return Err(Refused::NotEmpty { table: name.clone(), partition: *partition });
        }
        for id in &ids {
            self.quarantine(*id, &spec, now_ms);
        }
        self.tables.remove(name);
        self.version += 1;
        if ids.is_empty() {
            return Ok(None);
        }
        // No two drops have the same revision.
        self.dropped.insert(self.version, Dropped { table: name.clone(), since_ms: now_ms, ids });
        Ok(Some(self.version))
    }

    /// A dropped table is there again, under this name: the one of that number,
    /// or the last one of its name. Returns its partitions.
    pub fn undrop_table(
        &mut self,
        name: &TableName,
        drop: Option<u64>,
        to: TableName,
    ) -> Result<Vec<PartitionId>, Refused> {
        let mut found = self.dropped.iter().filter(|(_, dropped)| dropped.table == *name).map(|(at, _)| *at);
        let at = match drop {
            Some(drop) => found.find(|at| *at == drop),
            None => found.next_back(),
        };
        let at = at.ok_or_else(|| Refused::NotDropped(name.clone(), drop))?;
        let ids = self.dropped[&at].ids.clone();
        if let Some(partition) = ids.iter().find(|id| !self.is_quarantined(**id)) {
            return Err(Refused::Incomplete { table: name.clone(), partition: *partition });
        }
        self.check_free(&to)?;
        for id in &ids {
            if let Some(Gone::Quarantined { was, spec, .. }) = self.gone.remove(id) {
                let epoch = Epoch { generation: was.epoch.generation + 1, ..was.epoch };
                self.partitions.insert(*id, PartitionSpec { table: to.clone(), epoch, ..*was });
                self.tables.entry(to.clone()).or_insert(spec);
            }
        }
        self.dropped.remove(&at);
        self.version += 1;
        Ok(ids.into_iter().collect())
    }

    /// Is its data kept, out of service?
    pub fn is_quarantined(&self, id: PartitionId) -> bool {
        matches!(self.gone.get(&id), Some(Gone::Quarantined { .. }))
    }

    /// May the partition be erased?
    pub(super) fn check_due(&self, partition: PartitionId, due: Due) -> Result<(), Refused> {
        let Due::Kept { now_ms, kept_ms } = due else { return Ok(()) };
        let of = self.dropped.values().find(|dropped| dropped.ids.contains(&partition));
        match of.map(|dropped| (dropped, dropped.left_ms(now_ms, kept_ms))) {
            None | Some((_, 0)) => Ok(()),
            Some((dropped, left_ms)) => {
                Err(Refused::Kept { table: dropped.table.clone(), partition, left_ms })
            }
        }
    }

    /// Of what is erased whole there is nothing to tell.
    pub(super) fn forget_what_is_erased(&mut self) {
        let gone = &self.gone;
        let is_kept = |id: &PartitionId| matches!(gone.get(id), Some(Gone::Quarantined { .. }));
        self.dropped.retain(|_, dropped| dropped.ids.iter().any(is_kept));
    }
}

#[cfg(test)]
mod tests {
    use super::super::{TableSpec, equal_ranges};
    use super::*;
    use model::{Code, Layout, code};
    use pipeline::Profile;

    const DAY_MS: u64 = 86_400_000;

    fn name(text: &str) -> TableName {
        TableName::new("default", text).expect("a name")
    }

    fn spec(machine: &str) -> TableSpec {
        TableSpec { layout: Layout::Hashed, machine: machine.to_owned(), profile: Profile::DURABLE }
    }

    /// A table of two partitions, 1 born and 2 not.
    fn desired() -> Desired {
        let mut desired = Desired::default();
        make(&mut desired, "counter");
        desired.set_born(PartitionId(1));
        desired
    }

    fn make(desired: &mut Desired, machine: &str) {
        desired.create_table(name("t"), spec(machine)).expect("new");
        for range in equal_ranges(2) {
            desired.add_partition(&name("t"), range, None).expect("free");
        }
    }

    #[test]
    fn what_is_dropped_comes_back_whole_under_a_higher_generation() {
        for to in ["t", "u"] {
            let mut desired = desired();
            let before = desired.clone();
            let drop = desired.drop_table(&name("t"), true, 5).expect("there").expect("it has partitions");
            assert_eq!((desired.tables.len(), desired.partitions.len(), desired.dropped.len()), (0, 0, 1));
            assert_eq!(desired.dropped[&drop].left_ms(5 + DAY_MS, 7 * DAY_MS), 6 * DAY_MS);
            let back = desired.undrop_table(&name("t"), None, name(to)).expect("kept");
            assert_eq!(back, [PartitionId(1), PartitionId(2)]);
            assert_eq!(desired.tables.get(&name(to)), Some(&spec("counter")));
            assert!(desired.gone.is_empty() && desired.dropped.is_empty());
            for (id, was) in before.partitions {
                let epoch = Epoch { generation: was.epoch.generation + 1, ..was.epoch };
                assert_eq!(desired.partitions[&id], PartitionSpec { table: name(to), epoch, ..was });
            }
        }
    }

    #[test]
    fn what_cannot_come_back_stays_where_it_is() {
        type Change = fn(&mut Desired) -> Result<Vec<PartitionId>, Refused>;
        let table: [(&str, Change, Code); 6] = [
            ("never there", |d| d.undrop_table(&name("u"), None, name("u")), code::NOT_DROPPED),
            ("another number", |d| d.undrop_table(&name("t"), Some(77), name("u")), code::NOT_DROPPED),
            ("there again", |d| d.undrop_table(&name("t"), None, name("t")), code::TABLE_EXISTS),
            (
                "its part is gone",
                |d| d.undrop_table(&name("part"), None, name("part")),
                code::DROP_INCOMPLETE,
            ),
            ("all of it is gone", |d| d.undrop_table(&name("whole"), None, name("u")), code::NOT_DROPPED),
            ("it was empty", |d| d.undrop_table(&name("empty"), None, name("u")), code::NOT_DROPPED),
        ];
        let furnished = || {
            let mut desired = Desired::default();
            for other in ["part", "whole"] {
                make(&mut desired, "kv");
                desired.rename_table(&name("t"), name(other)).expect("free");
                desired.drop_table(&name(other), true, 5).expect("there");
            }
            desired.create_table(name("empty"), spec("kv")).expect("new");
            assert_eq!(desired.drop_table(&name("empty"), false, 5), Ok(None));
            for id in [2, 3, 4] {
                desired.erase(PartitionId(id), &BTreeSet::new(), Due::Now).expect("quarantined");
            }
            make(&mut desired, "kv");
            desired.drop_table(&name("t"), true, 5).expect("there");
            make(&mut desired, "kv");
            desired
        };
        for (what, change, code) in table {
            let mut desired = furnished();
            let refused = change(&mut desired).expect_err(what);
            assert_eq!(refused.code(), code, "{what}: {refused}");
            assert_eq!(desired, furnished(), "{what}");
        }
    }

    #[test]
    fn of_two_of_a_name_the_last_comes_back_unless_told() {
        let dropped_twice = || {
            let mut desired = desired();
            let first = desired.drop_table(&name("t"), true, 5).expect("there");
            make(&mut desired, "kv");
            desired.drop_table(&name("t"), true, 6).expect("there");
            (desired, first)
        };
        let (mut desired, first) = dropped_twice();
        let ids = |ids: [u64; 2]| Ok(ids.map(PartitionId).to_vec());
        assert_eq!(desired.undrop_table(&name("t"), None, name("t")), ids([3, 4]));
        assert_eq!(desired.undrop_table(&name("t"), None, name("u")), ids([1, 2]));
        let (mut desired, _) = dropped_twice();
        assert_eq!(desired.undrop_table(&name("t"), first, name("t")), ids([1, 2]));
    }

    #[test]
    fn nothing_of_a_dropped_table_is_erased_by_mistake_before_its_time() {
        let mut desired = desired();
        desired.drop_table(&name("t"), true, 5).expect("there");
        let due = |now_ms| Due::Kept { now_ms, kept_ms: 7 * DAY_MS };
        let here = BTreeSet::new();
        let early = desired.clone().erase(PartitionId(1), &here, due(4 + 7 * DAY_MS));
        assert_eq!(early.map_err(|refused| refused.code()), Err(code::DROP_KEPT));
        assert_eq!(desired.clone().erase(PartitionId(1), &here, Due::Now), Ok(()));
        assert_eq!(desired.erase(PartitionId(1), &here, due(5 + 7 * DAY_MS)), Ok(()));
        // What was removed by itself was promised to nobody.
        make(&mut desired, "kv");
        desired.remove_partition(PartitionId(3), None, 5).expect("there");
        assert_eq!(desired.erase(PartitionId(3), &here, due(5)), Ok(()));
    }
}
