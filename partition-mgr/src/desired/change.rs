//! Changes of the desired state, and why one is refused.

use super::{Desired, Gone, PartitionSpec, TableName, TableSpec};
use bytes::Bytes;
use model::{Code, Epoch, KeyRange, Layout, PartitionId, code};
use pipeline::ProfileError;
use std::collections::BTreeSet;

/// Why the desired state stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such table.
    #[error("there is no table `{0}`")]
    NoTable(String),
    /// The name is taken.
    #[error("there is a table `{0}` already")]
    TableExists(TableName),
    /// It has partitions.
    #[error("table `{table}` still has partition {partition}")]
    NotEmpty {
        /// Which table.
        table: TableName,
        /// One of them.
        partition: PartitionId,
    },
    /// No name.
    #[error("`{0}` is no name: use 1 to 128 letters, digits, `_`, `.`, `-`")]
    Name(String),
    /// No such machine.
    #[error("this build has no machine `{machine}`; it has: {known}")]
    NoMachine {
        /// What was asked for.
        machine: String,
        /// What there is.
        known: String,
    },
    /// The choices do not go together.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The id is, or was, somebody's.
    #[error("partition id {0} is or was in use")]
    IdInUse(PartitionId),
    /// 0 and the largest ids are not for partitions.
    #[error("{0} is no partition id")]
    NoId(PartitionId),
    /// Somebody has keys of the range.
    #[error("the range {range} overlaps {other} of partition {partition}")]
    Overlaps {
        /// What was asked for.
        range: Box<KeyRange>,
        /// Whose.
        partition: PartitionId,
        /// Its range.
        other: Box<KeyRange>,
    },
    /// No keys in it.
    #[error("the range is empty or inverted")]
    Range,
    /// A point is 8 bytes.
    #[error("a bound of a hashed table's range is a point of 8 bytes, big-endian")]
    Point,
    /// Nobody has that id, or that range.
    #[error("no partition {0}")]
    NoPartition(String),
    /// Several partitions, and one was expected.
    #[error("the range names {0} partitions; allow many to take them all")]
    Many(usize),
    /// It is at another epoch.
    #[error("partition {id} is at epoch {current}, not at {expected}")]
    Epoch {
        /// Which.
        id: PartitionId,
        /// What is.
        current: Epoch,
        /// What was expected.
        expected: Epoch,
    },
    /// It is not out of service.
    #[error("partition {0} is not in quarantine")]
    NotQuarantined(PartitionId),
}

impl Refused {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            Refused::NoTable(_) => code::NO_TABLE,
            Refused::TableExists(_) => code::TABLE_EXISTS,
            Refused::NotEmpty { .. } => code::TABLE_NOT_EMPTY,
            Refused::Name(_) | Refused::NoMachine { .. } | Refused::NoId(_) | Refused::Many(_) => {
                code::MALFORMED
            }
            Refused::Profile(_) => code::PROFILE_REFUSED,
            Refused::IdInUse(_) => code::ID_IN_USE,
            Refused::Overlaps { .. } => code::RANGE_OVERLAPS,
            Refused::Range | Refused::Point => code::RANGE_INVALID,
            Refused::NoPartition(_) => code::NO_PARTITION,
            Refused::Epoch { .. } => code::EPOCH_MISMATCH,
            Refused::NotQuarantined(_) => code::NOT_QUARANTINED,
        }
    }
}

impl Desired {
    /// There is such a table from now on.
    /// Whether its choices go together is for the node to say.
    pub fn create_table(&mut self, name: TableName, spec: TableSpec) -> Result<(), Refused> {
        if self.tables.contains_key(&name) {
            return Err(Refused::TableExists(name));
        }
        self.tables.insert(name, spec);
        self.version += 1;
        Ok(())
    }

    /// There is no such table any more. It has no partitions.
    pub fn drop_table(&mut self, name: &TableName) -> Result<(), Refused> {
        if let Some((partition, _)) = self.of_table(name).next() {
            return Err(Refused::NotEmpty { table: name.clone(), partition });
        }
        self.tables.remove(name).ok_or_else(|| Refused::NoTable(name.to_string()))?;
        self.version += 1;
        Ok(())
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
        let id = id.unwrap_or(PartitionId(self.last_id + 1));
        if !id.is_ordinary() {
            return Err(Refused::NoId(id));
        }
        if self.partitions.contains_key(&id) || self.gone.contains_key(&id) {
            return Err(Refused::IdInUse(id));
        }
        let spec = PartitionSpec { table: table.clone(), range, epoch: Epoch::FIRST, born: false };
        self.partitions.insert(id, spec);
        self.last_id = self.last_id.max(id.0);
        self.version += 1;
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
        let (table, range, epoch) = (spec.table.clone(), spec.range.clone(), spec.epoch);
        let spec = self.tables.get(&table).ok_or_else(|| Refused::NoTable(table.to_string()))?.clone();
        self.partitions.remove(&id);
        self.gone.insert(id, Gone::Quarantined { table, spec, range, epoch, since_ms: now_ms });
        self.version += 1;
        Ok(())
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
    pub fn erase(&mut self, id: PartitionId, here: &BTreeSet<PartitionId>) -> Result<(), Refused> {
        let is_unknown = here.contains(&id) && !self.partitions.contains_key(&id);
        match self.gone.get(&id) {
            Some(Gone::Erased) => return Ok(()),
            Some(Gone::Quarantined { .. }) => {}
            None if is_unknown => {}
            None => return Err(Refused::NotQuarantined(id)),
        }
        self.gone.insert(id, Gone::Erased);
        self.version += 1;
        Ok(())
    }

    /// Its store has been made.
    pub fn set_born(&mut self, id: PartitionId) {
        if let Some(spec) = self.partitions.get_mut(&id).filter(|spec| !spec.born) {
            spec.born = true;
            self.version += 1;
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
    if layout == Layout::Hashed && !fits { Err(Refused::Point) } else { Ok(()) }
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
        desired
    }

    #[test]
    fn what_cannot_be_is_refused_and_changes_nothing() {
        type Change = fn(&mut Desired) -> Result<(), Refused>;
        let table: [(&str, Change, Code); 11] = [
            ("a table again", |d| d.create_table(name("t"), spec(Layout::Ordered)), code::TABLE_EXISTS),
            ("a table in use", |d| d.drop_table(&name("t")), code::TABLE_NOT_EMPTY),
            ("no table", |d| d.drop_table(&name("u")), code::NO_TABLE),
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
            ("in service", |d| d.erase(PartitionId(7), &BTreeSet::new()), code::NOT_QUARANTINED),
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
        desired.erase(PartitionId(7), &BTreeSet::new()).expect("quarantined");
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
        assert_eq!(desired.erase(PartitionId(7), &here), Err(Refused::NotQuarantined(PartitionId(7))));
        assert_eq!(desired.erase(PartitionId(8), &here), Err(Refused::NotQuarantined(PartitionId(8))));
        desired.erase(PartitionId(9), &here).expect("it lies here");
        assert_eq!(desired.gone.get(&PartitionId(9)), Some(&Gone::Erased));
        let again = desired.add_partition(&name("t"), range("t", None), Some(PartitionId(9)));
        assert_eq!(again, Err(Refused::IdInUse(PartitionId(9))));
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
