//! Changes of the desired state.

use super::{Desired, Due, Gone, PartitionSpec, Refused, TableName, TableSpec};
use bytes::Bytes;
use model::{Epoch, KEY_BYTES_MAX, KeyRange, Layout, PartitionId};
use std::collections::BTreeSet;

impl Desired {
    /// There is such a table from now on.
    /// Whether its choices go together is for the node to say.
    pub fn create_table(&mut self, name: TableName, spec: TableSpec) -> Result<(), Refused> {
        self.check_free(&name)?;
        self.tables.insert(name, spec);
        self.version += 1;
        Ok(())
    }

    /// The table is called otherwise from now on, in the same namespace. Its
    /// partitions are the ones they were; what was removed before keeps the name
    /// under which it was removed.
    pub fn rename_table(&mut self, name: &TableName, to: TableName) -> Result<Vec<PartitionId>, Refused> {
        let spec = self.tables.get(name).ok_or_else(|| Refused::NoTable(name.to_string()))?.clone();
        self.check_free(&to)?;
        let mut own = Vec::new();
        for (id, partition) in self.partitions.iter_mut().filter(|(_, spec)| spec.table == *name) {
            partition.table = to.clone();
            own.push(*id);
        }
        self.tables.remove(name);
        self.tables.insert(to, spec);
        self.version += 1;
        Ok(own)
    }

    /// Nobody has the name, nor is anything being made under it.
    pub(super) fn check_free(&self, name: &TableName) -> Result<(), Refused> {
        let is_taken = self.tables.contains_key(name) || self.copies.values().any(|to| to == name);
        if is_taken { Err(Refused::TableExists(name.clone())) } else { Ok(()) }
    }

    /// Such a partition belongs here from now on; returns its id.
    pub fn add_partition(
        &mut self,
        table: &TableName,
        range: KeyRange,
        id: Option<PartitionId>,
    ) -> Result<PartitionId, Refused> {
        let spec = self.tables.get(table).ok_or_else(|| Refused::NoTable(table.to_string()))?;
        check_points(spec.layout, &range)?;
        if let Some((partition, other)) = self.of_table(table).find(|(_, other)| other.range.overlaps(&range))
        {
            let other = Box::new(other.range.clone());
            return Err(Refused::Overlaps { range: Box::new(range), partition, other });
        }
        let placement = self.place(spec.profile.replication.replicas())?;
        let (id, epoch) = (self.free_id(id)?, Epoch::FIRST);
        let spec = PartitionSpec { table: table.clone(), range, epoch, placement, born: false };
        self.partitions.insert(id, spec);
        self.version += 1;
        Ok(id)
    }

    /// This id, or the next, which from now on is somebody's for ever.
    pub(super) fn free_id(&mut self, id: Option<PartitionId>) -> Result<PartitionId, Refused> {
        let id = id.unwrap_or(PartitionId(self.last_id + 1));
        if !id.is_ordinary() {
            return Err(Refused::NoId(id));
        }
        let in_use =
            self.partitions.contains_key(&id) || self.gone.contains_key(&id) || self.copies.contains_key(&id);
        if in_use {
            return Err(Refused::IdInUse(id));
        }
        self.last_id = self.last_id.max(id.0);
        Ok(id)
    }

    /// The partition does not belong here any more; its data is quarantined.
    pub fn remove_partition(
        &mut self,
        id: PartitionId,
        expected: Option<Epoch>,
        now_ms: u64,
    ) -> Result<(), Refused> {
        let spec = self.partitions.get(&id).ok_or_else(|| Refused::NoPartition(id.to_string()))?;
        if let Some(expected) = expected.filter(|expected| *expected != spec.epoch) {
            return Err(Refused::Epoch { id, current: spec.epoch, expected });
        }
        let spec = self.tables.get(&spec.table).ok_or_else(|| Refused::NoTable(spec.table.to_string()))?;
        self.quarantine(id, &spec.clone(), now_ms);
        self.version += 1;
        Ok(())
    }

    /// Takes a partition of such a table out of service.
    pub(super) fn quarantine(&mut self, id: PartitionId, spec: &TableSpec, now_ms: u64) {
        if let Some(was) = self.partitions.remove(&id) {
            let (was, spec) = (Box::new(was), spec.clone());
            self.gone.insert(id, Gone::Quarantined { was, spec, since_ms: now_ms });
        }
    }

    /// The partitions that a range names: exactly that one, or, with
    /// `allow_many`, all that lie in it.
    pub fn named_by(
        &self,
        table: &TableName,
        range: &KeyRange,
        allow_many: bool,
    ) -> Result<Vec<PartitionId>, Refused> {
        if !self.tables.contains_key(table) {
            return Err(Refused::NoTable(table.to_string()));
        }
        let within = |spec: &PartitionSpec| {
            let ends = match (spec.range.end(), range.end()) {
                (_, None) => true,
                (None, Some(_)) => false,
                (Some(inner), Some(outer)) => inner <= outer,
            };
            spec.range.start() >= range.start() && ends
        };
        let ids: Vec<PartitionId> =
            self.of_table(table).filter(|(_, spec)| within(spec)).map(|(id, _)| id).collect();
        match ids[..] {
            [] => Err(Refused::NoPartition(format!("in the range {range} of table `{table}`"))),
            [id] if allow_many || self.partitions[&id].range == *range => Ok(ids),
            [_] => Err(Refused::NoPartition(format!("has exactly the range {range} of table `{table}`"))),
            _ if allow_many => Ok(ids),
            _ => Err(Refused::Many(ids.len())),
        }
    }

    /// The data of a quarantined partition is to be deleted. `here` lie on disk:
    /// what nobody knows is quarantined, too.
    pub fn erase(&mut self, id: PartitionId, here: &BTreeSet<PartitionId>, due: Due) -> Result<(), Refused> {
        let is_known = self.partitions.contains_key(&id) || self.copies.contains_key(&id);
        match self.gone.get(&id) {
            Some(Gone::Erased) => return Ok(()),
            Some(Gone::Quarantined { .. }) => self.check_due(id, due)?,
            None if here.contains(&id) && !is_known => {}
            None => return Err(Refused::NotQuarantined(id)),
        }
        self.gone.insert(id, Gone::Erased);
        self.forget_what_is_erased();
        self.version += 1;
        Ok(())
    }

    /// Does it belong, or did it, to a table of another namespace? Who asks from
    /// this one is told what he would be told if it were not there.
    pub fn is_foreign(&self, id: PartitionId, namespace: &str) -> bool {
        let table = match (self.partitions.get(&id), self.gone.get(&id)) {
            (Some(here), _) => Some(&here.table),
            (None, Some(Gone::Quarantined { was, .. })) => Some(&was.table),
            (None, Some(Gone::Erased) | None) => None,
        };
        table.is_some_and(|table| table.namespace() != namespace)
    }

    /// Its store has been made. In a cluster that is nobody else's business, and no
    /// change.
    pub fn set_born(&mut self, id: PartitionId) {
        if let Some(spec) = self.partitions.get_mut(&id).filter(|spec| !spec.born) {
            spec.born = true;
            self.version += u64::from(self.nodes.is_empty());
        }
    }

    /// These are on disk: their ids are taken, whoever knows of them.
    pub fn take_note_of(&mut self, held: impl Iterator<Item = PartitionId>) {
        let largest = held.filter(|id| id.is_ordinary()).map(|id| id.0).max().unwrap_or_default();
        self.last_id = self.last_id.max(largest);
    }
}

fn check_points(layout: Layout, range: &KeyRange) -> Result<(), Refused> {
    let is_bound = |bytes: &[u8]| bytes.is_empty() || bytes.len() == 8;
    let fits = is_bound(range.start()) && range.end().is_none_or(is_bound);
    let longest = range.start().len().max(range.end().map_or(0, <[u8]>::len));
    match layout {
        Layout::Hashed if !fits => Err(Refused::Point),
        // What is longer than a key lies between two of them.
        Layout::Ordered if longest > KEY_BYTES_MAX => Err(Refused::Bound),
        Layout::Hashed | Layout::Ordered => Ok(()),
    }
}

/// Ranges of equal size for a hashed table.
pub fn equal_ranges(count: u32) -> Vec<KeyRange> {
    let bound = |part: u32| {
        let point = (u128::from(part) << 64) / u128::from(count.max(1));
        Bytes::copy_from_slice(&u64::try_from(point).unwrap_or(u64::MAX).to_be_bytes())
    };
    let ranges = (0..count.max(1)).map(|part| {
        let start = if part == 0 { Bytes::new() } else { bound(part) };
        let end = (part + 1 < count).then(|| bound(part + 1));
        KeyRange::new(start, end).expect("bounds rise")
    });
    ranges.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Code, code};
    use pipeline::Profile;

    fn name(text: &str) -> TableName {
        TableName::new("default", text).expect("a name")
    }

    fn range(start: &'static str, end: Option<&'static str>) -> KeyRange {
        KeyRange::new(start, end.map(Bytes::from)).expect("not empty")
    }

    fn spec(layout: Layout) -> TableSpec {
        TableSpec { layout, machine: "kv".to_owned(), profile: Profile::DURABLE }
    }

    fn desired() -> Desired {
        let mut desired = Desired::default();
        desired.create_table(name("t"), spec(Layout::Ordered)).expect("new");
        desired.add_partition(&name("t"), range("b", Some("m")), None).expect("free");
        desired.add_partition(&name("t"), range("m", Some("t")), Some(PartitionId(7))).expect("free");
        desired.create_table(name("other"), spec(Layout::Hashed)).expect("new");
        desired
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        type Change = fn(&mut Desired) -> Result<(), Refused>;
        let table: [(&str, Change, Code); 14] = [
            ("a table again", |d| d.create_table(name("t"), spec(Layout::Ordered)), code::TABLE_EXISTS),
            ("a table in use", |d| d.drop_table(&name("t"), false, 0).map(drop), code::TABLE_NOT_EMPTY),
            ("no table", |d| d.drop_table(&name("u"), true, 0).map(drop), code::NO_TABLE),
            ("no table", |d| d.rename_table(&name("u"), name("v")).map(drop), code::NO_TABLE),
            ("a name in use", |d| d.rename_table(&name("t"), name("other")).map(drop), code::TABLE_EXISTS),
            ("its own name", |d| d.rename_table(&name("t"), name("t")).map(drop), code::TABLE_EXISTS),
            (
                "an overlap",
                |d| d.add_partition(&name("t"), range("a", Some("c")), None).map(drop),
                code::RANGE_OVERLAPS,
            ),
            (
                "an id in use",
                |d| d.add_partition(&name("t"), range("t", None), Some(PartitionId(7))).map(drop),
                code::ID_IN_USE,
            ),
            (
                "no id",
                |d| d.add_partition(&name("t"), range("t", None), Some(PartitionId(0))).map(drop),
                code::MALFORMED,
            ),
            ("nobody", |d| d.remove_partition(PartitionId(9), None, 0), code::NO_PARTITION),
            (
                "another epoch",
                |d| d.remove_partition(PartitionId(7), Some(Epoch { generation: 9, term: 0 }), 0),
                code::EPOCH_MISMATCH,
            ),
            ("in service", |d| d.erase(PartitionId(7), &BTreeSet::new(), Due::Now), code::NOT_QUARANTINED),
            ("several", |d| d.named_by(&name("t"), &range("a", None), false).map(drop), code::MALFORMED),
            (
                "not exactly",
                |d| d.named_by(&name("t"), &range("l", None), false).map(drop),
                code::NO_PARTITION,
            ),
        ];
        for (what, change, code) in table {
            let mut desired = desired();
            let refused = change(&mut desired).expect_err(what);
            assert_eq!(refused.code(), code, "{what}: {refused}");
            assert_eq!(desired, self::desired(), "{what}");
        }
    }

    #[test]
    fn ids_are_never_used_again() {
        let mut desired = desired();
        desired.remove_partition(PartitionId(7), Some(Epoch::FIRST), 5).expect("there");
        desired.erase(PartitionId(7), &BTreeSet::new(), Due::Now).expect("quarantined");
        let again = desired.add_partition(&name("t"), range("m", Some("t")), Some(PartitionId(7)));
        assert_eq!(again, Err(Refused::IdInUse(PartitionId(7))));
        assert_eq!(desired.add_partition(&name("t"), range("m", Some("t")), None), Ok(PartitionId(8)));
        desired.take_note_of([PartitionId(20), PartitionId(u64::MAX - 1)].into_iter());
        assert_eq!(desired.add_partition(&name("t"), range("t", None), None), Ok(PartitionId(21)));
    }

    #[test]
    fn what_lies_here_and_nobody_knows_can_be_erased() {
        let mut desired = desired();
        let here = [PartitionId(7), PartitionId(9)].into();
        assert_eq!(
            desired.erase(PartitionId(7), &here, Due::Now),
            Err(Refused::NotQuarantined(PartitionId(7)))
        );
        assert_eq!(
            desired.erase(PartitionId(8), &here, Due::Now),
            Err(Refused::NotQuarantined(PartitionId(8)))
        );
        desired.erase(PartitionId(9), &here, Due::Now).expect("it lies here");
        assert_eq!(desired.gone.get(&PartitionId(9)), Some(&Gone::Erased));
        let again = desired.add_partition(&name("t"), range("t", None), Some(PartitionId(9)));
        assert_eq!(again, Err(Refused::IdInUse(PartitionId(9))));
    }

    #[test]
    fn a_new_name_changes_nothing_but_the_name() {
        let mut desired = desired();
        desired.remove_partition(PartitionId(1), None, 5).expect("there");
        let before = desired.clone();
        let renamed = desired.rename_table(&name("t"), name("u")).expect("nobody has it");
        assert_eq!(renamed, [PartitionId(7)]);
        assert_eq!((desired.of_table(&name("t")).count(), desired.tables.get(&name("t"))), (0, None));
        assert_eq!(desired.tables.get(&name("u")), before.tables.get(&name("t")));
        let expected = PartitionSpec { table: name("u"), ..before.partitions[&PartitionId(7)].clone() };
        assert_eq!(desired.partitions[&PartitionId(7)], expected);
        assert_eq!((&desired.gone, desired.last_id), (&before.gone, before.last_id));
        desired.rename_table(&name("u"), name("t")).expect("free again");
        assert_eq!(desired, Desired { version: before.version + 2, ..before });
    }

    #[test]
    fn whose_a_partition_is_stays_in_its_namespace() {
        let mut desired = desired();
        desired.remove_partition(PartitionId(7), None, 5).expect("there");
        for (id, namespace, expected) in
            [(1, "default", false), (1, "x", true), (7, "default", false), (7, "x", true), (9, "x", false)]
        {
            assert_eq!(desired.is_foreign(PartitionId(id), namespace), expected, "{id} from {namespace}");
        }
    }

    #[test]
    fn equal_ranges_leave_no_gap() {
        for count in [1, 2, 3, 16] {
            let ranges = equal_ranges(count);
            assert_eq!(ranges.len(), count as usize);
            assert!(ranges[0].start().is_empty() && ranges[ranges.len() - 1].end().is_none());
            assert!(ranges.windows(2).all(|pair| pair[0].end() == Some(pair[1].start())));
        }
    }
}
