//! Copying a table: its new partitions are known before there is anything of
//! them, and are a table's only when all of them are made.

use super::{Desired, Gone, PartitionSpec, Refused, TableName, TableSpec};
use model::{Epoch, KeyRange, PartitionId};

/// A copy that is being made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPlan {
    /// What it is to be called.
    pub to: TableName,
    /// What was chosen for its source, and so for it.
    pub spec: TableSpec,
    /// Its partitions.
    pub parts: Vec<CopyPart>,
}

/// A partition of a copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CopyPart {
    /// Whose rows it gets.
    pub source: PartitionId,
    /// Its own id.
    pub id: PartitionId,
    /// Which keys.
    pub range: KeyRange,
}

impl Desired {
    /// The table is being copied from now on: the copy's ids are taken for ever,
    /// and its name until it is made or given up.
    pub fn begin_copy(&mut self, from: &TableName, to: TableName) -> Result<CopyPlan, Refused> {
        let spec = self.tables.get(from).ok_or_else(|| Refused::NoTable(from.to_string()))?.clone();
        self.check_free(&to)?;
        if spec.profile.replication.replicas() > 1 || !self.nodes.is_empty() {
            return Err(Refused::Copied(from.clone()));
        }
        let sources: Vec<(PartitionId, KeyRange)> =
            self.of_table(from).map(|(id, spec)| (id, spec.range.clone())).collect();
        let mut parts = Vec::with_capacity(sources.len());
        for (source, range) in sources {
            let id = self.free_id(None)?;
            self.copies.insert(id, to.clone());
            parts.push(CopyPart { source, id, range });
        }
        self.version += 1;
        Ok(CopyPlan { to, spec, parts })
    }

    /// The copy is made: all of it is a table at once.
    pub fn finish_copy(&mut self, plan: &CopyPlan) -> Result<(), Refused> {
        for CopyPart { id, range, .. } in &plan.parts {
            self.copies.remove(id).ok_or_else(|| Refused::NoPartition(id.to_string()))?;
            let (table, range) = (plan.to.clone(), range.clone());
            let (epoch, placement) = (Epoch::FIRST, None);
            self.partitions.insert(*id, PartitionSpec { table, range, epoch, placement, born: true });
        }
        self.check_free(&plan.to)?;
        self.tables.insert(plan.to.clone(), plan.spec.clone());
        self.version += 1;
        Ok(())
    }

    /// Copies that were not finished are not any more: a tombstone for each of
    /// their partitions. Returns whether there were any.
    pub fn give_up_copies(&mut self) -> bool {
        let unfinished = std::mem::take(&mut self.copies);
        self.gone.extend(unfinished.keys().map(|id| (*id, Gone::Erased)));
        self.version += u64::from(!unfinished.is_empty());
        !unfinished.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Due, equal_ranges};
    use super::*;
    use model::{Code, Layout, code};
    use pipeline::Profile;
    use std::collections::BTreeSet;

    fn name(text: &str) -> TableName {
        TableName::new("default", text).expect("a name")
    }

    fn spec() -> TableSpec {
        TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE }
    }

    fn desired() -> Desired {
        let mut desired = Desired::default();
        desired.create_table(name("t"), spec()).expect("new");
        for range in equal_ranges(2) {
            desired.add_partition(&name("t"), range, None).expect("free");
        }
        desired
    }

    #[test]
    fn a_copy_is_nothing_until_it_is_all_of_it() {
        let mut desired = desired();
        let before = desired.clone();
        let plan = desired.begin_copy(&name("t"), name("u")).expect("free");
        let ids: Vec<u64> = plan.parts.iter().map(|part| part.id.0).collect();
        assert_eq!((&desired.tables, &desired.partitions), (&before.tables, &before.partitions));
        assert_eq!((ids, desired.last_id), (vec![3, 4], 4));
        desired.finish_copy(&plan).expect("begun");
        assert_eq!((desired.tables.get(&name("u")), desired.copies.len()), (Some(&spec()), 0));
        for (part, was) in plan.parts.iter().zip(before.partitions.values()) {
            let expected = PartitionSpec { table: name("u"), born: true, ..was.clone() };
            assert_eq!(desired.partitions[&part.id], expected);
        }
    }

    #[test]
    fn what_is_being_made_is_nobody_elses() {
        type Change = fn(&mut Desired) -> Result<(), Refused>;
        let table: [(&str, Change, Code); 8] = [
            ("no source", |d| d.begin_copy(&name("x"), name("y")).map(drop), code::NO_TABLE),
            ("a name in use", |d| d.begin_copy(&name("t"), name("t")).map(drop), code::TABLE_EXISTS),
            ("its name, by a copy", |d| d.begin_copy(&name("t"), name("u")).map(drop), code::TABLE_EXISTS),
            ("its name, by a new one", |d| d.create_table(name("u"), spec()), code::TABLE_EXISTS),
            ("its name, by another", |d| d.rename_table(&name("t"), name("u")).map(drop), code::TABLE_EXISTS),
            (
                "its id",
                |d| d.add_partition(&name("e"), KeyRange::all(), Some(PartitionId(3))).map(drop),
                code::ID_IN_USE,
            ),
            (
                "its rows",
                |d| d.erase(PartitionId(3), &BTreeSet::from([PartitionId(3)]), Due::Now),
                code::NOT_QUARANTINED,
            ),
            ("itself", |d| d.remove_partition(PartitionId(3), None, 0), code::NO_PARTITION),
        ];
        let copying = || {
            let mut desired = desired();
            desired.create_table(name("e"), spec()).expect("new");
            desired.begin_copy(&name("t"), name("u")).expect("free");
            desired
        };
        for (what, change, code) in table {
            let mut desired = copying();
            let refused = change(&mut desired).expect_err(what);
            assert_eq!(refused.code(), code, "{what}: {refused}");
            assert_eq!(desired, copying(), "{what}");
        }
    }

    #[test]
    fn one_that_is_given_up_leaves_tombstones_and_its_ids_are_not_used_again() {
        let mut desired = desired();
        assert!(!desired.give_up_copies());
        let plan = desired.begin_copy(&name("t"), name("u")).expect("free");
        assert!(desired.give_up_copies());
        assert!(plan.parts.iter().all(|part| desired.gone[&part.id] == Gone::Erased));
        assert!(desired.clone().finish_copy(&plan).is_err(), "it is not being made any more");
        let again = desired.begin_copy(&name("t"), name("u")).expect("free again");
        assert_eq!(again.parts.iter().map(|part| part.id.0).collect::<Vec<_>>(), [5, 6]);
    }
}
