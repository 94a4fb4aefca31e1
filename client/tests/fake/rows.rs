//! The rows of all tables, under two partitions each.

use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::common::Receipt;
use proto::control::{CopiedPartition, DroppedTable, Partition, Range, Table};
use proto::data::RemoveResponse;
use std::collections::BTreeMap;

/// What time it always is: 2026-11-22T00:00:00Z.
const NOW_MS: u64 = 1_795_305_600_000;

/// Tables by namespace and name; what they hold.
#[derive(Default)]
pub struct Rows {
    pub tables: BTreeMap<(String, String), Table>,
    pub partitions: BTreeMap<u64, Partition>,
    /// Tables that can be brought back.
    pub dropped: Vec<DroppedTable>,
    rows: BTreeMap<(String, String, Bytes), (u64, Bytes)>,
    /// When rows expire, in milliseconds since 1970. They stay.
    expires: BTreeMap<(String, String, Bytes), u64>,
    /// The last index of each of the two partitions that every table has.
    indexes: [u64; 2],
    /// Writes, by key: how often each was applied.
    pub applied: BTreeMap<Bytes, usize>,
    /// What was answered to an item under its name: none of them is done twice.
    pub done: BTreeMap<(Bytes, u64), (u64, bool)>,
    /// What was answered to the removal of a range.
    pub cleared: BTreeMap<(Bytes, u64), RemoveResponse>,
}

/// Which of the two partitions a key is in.
fn side(key: &[u8]) -> usize {
    key.iter().fold(0usize, |sum, byte| sum + usize::from(*byte)) % 2
}

impl Rows {
    pub fn create(&mut self, namespace: &str, name: &str) {
        let table = Table { namespace: name_of(namespace), name: name.to_owned(), ..Default::default() };
        self.tables.insert((name_of(namespace), name.to_owned()), table);
    }

    pub fn has(&self, namespace: &str, table: &str) -> bool {
        self.tables.contains_key(&(name_of(namespace), table.to_owned()))
    }

    /// Both receipts; which one a key is under says [`Rows::receipt`].
    pub fn receipts(&self) -> Vec<Receipt> {
        let receipt = |(side, index): (usize, &u64)| Receipt {
            partition: side as u64 + 1,
            epoch: Some(proto::common::Epoch { generation: 1, term: 0 }),
            index: *index,
            durability: 3,
            ..Default::default()
        };
        self.indexes.iter().enumerate().map(receipt).collect()
    }

    pub fn receipt(key: &[u8]) -> u32 {
        side(key) as u32
    }

    pub fn put(&mut self, namespace: &str, table: &str, key: Bytes, value: Bytes) -> u64 {
        self.put_for(namespace, table, key, value, 0)
    }

    /// The same for a row that lasts for so long.
    pub fn put_for(&mut self, namespace: &str, table: &str, key: Bytes, value: Bytes, ttl_ms: u64) -> u64 {
        let revision = self.next(&key);
        let name = (name_of(namespace), table.to_owned(), key);
        self.rows.insert(name.clone(), (revision, value));
        self.ends(name, ttl_ms);
        revision
    }

    /// From now on, which never changes, the row lasts for so long; 0 is for ever.
    /// The index, and whether there was such a row.
    pub fn lasts(&mut self, namespace: &str, table: &str, key: Bytes, ttl_ms: u64) -> (u64, bool) {
        let name = (name_of(namespace), table.to_owned(), key);
        let (revision, is_there) = (self.next(&name.2), self.rows.contains_key(&name));
        if is_there {
            self.ends(name, ttl_ms);
        }
        (revision, is_there)
    }

    fn ends(&mut self, name: (String, String, Bytes), ttl_ms: u64) {
        match ttl_ms {
            0 => self.expires.remove(&name),
            ttl_ms => self.expires.insert(name, NOW_MS + ttl_ms),
        };
    }

    /// When a row expires; 0 is never.
    pub fn expires_ms(&self, namespace: &str, table: &str, key: &Bytes) -> u64 {
        let name = (name_of(namespace), table.to_owned(), key.clone());
        self.expires.get(&name).copied().unwrap_or_default()
    }

    /// The index, and whether there was such a row.
    pub fn remove(&mut self, namespace: &str, table: &str, key: Bytes) -> (u64, bool) {
        let revision = self.next(&key);
        (revision, self.rows.remove(&(name_of(namespace), table.to_owned(), key)).is_some())
    }

    pub fn get(&self, namespace: &str, table: &str, key: &Bytes) -> Option<(u64, Bytes)> {
        self.rows.get(&(name_of(namespace), table.to_owned(), key.clone())).cloned()
    }

    /// All rows of a table, in order: key, revision, value.
    pub fn all(&self, namespace: &str, table: &str) -> Vec<(Bytes, u64, Bytes)> {
        let namespace = name_of(namespace);
        let own = |(space, name, _): &&(String, String, Bytes)| *space == namespace && name == table;
        let rows = self.rows.iter().filter(|(name, _)| own(name));
        rows.map(|((_, _, key), (revision, value))| (key.clone(), *revision, value.clone())).collect()
    }

    fn next(&mut self, key: &Bytes) -> u64 {
        *self.applied.entry(key.clone()).or_default() += 1;
        let index = &mut self.indexes[side(key)];
        *index += 1;
        *index
    }

    /// Adds a partition under the next free id, or this one.
    pub fn add_partition(&mut self, namespace: &str, table: &str, range: Option<Range>, id: u64) -> u64 {
        let last = self.partitions.last_key_value().map_or(0, |(id, _)| *id);
        let id = if id == 0 { last + 1 } else { id };
        let partition = Partition {
            id,
            namespace: name_of(namespace),
            table: table.to_owned(),
            range: range.or_else(|| Some(Range::default())),
            role: "owner".to_owned(),
            state: "serving".to_owned(),
            epoch: Some(proto::common::Epoch { generation: 1, term: 0 }),
            node: 1,
            ..Default::default()
        };
        self.partitions.insert(id, partition);
        id
    }
}

/// Tables as wholes. Their rows are nobody's concern here.
impl Rows {
    pub fn check_free(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        match self.has(namespace, name) {
            false => Ok(()),
            true => Err(Failure::new(code::TABLE_EXISTS, format!("there is a table `{name}` already"))),
        }
    }

    fn take(&mut self, namespace: &str, name: &str) -> Result<Table, Failure> {
        self.tables.remove(&(name_of(namespace), name.to_owned())).ok_or_else(|| no_table(name))
    }

    fn insert(&mut self, table: Table, name: &str) -> Table {
        let table = Table { name: name.to_owned(), ..table };
        self.tables.insert((table.namespace.clone(), table.name.clone()), table.clone());
        table
    }

    fn of_table(&mut self, namespace: &str, name: &str) -> impl Iterator<Item = &mut Partition> {
        let (namespace, name) = (name_of(namespace), name.to_owned());
        self.partitions.values_mut().filter(move |one| one.namespace == namespace && one.table == name)
    }

    pub fn rename_table(&mut self, namespace: &str, name: &str, to: &str) -> Result<Table, Failure> {
        self.check_free(namespace, to)?;
        let table = self.take(namespace, name)?;
        self.of_table(namespace, name).for_each(|one| one.table = to.to_owned());
        Ok(self.insert(table, to))
    }

    pub fn drop_table(
        &mut self,
        namespace: &str,
        name: &str,
        with_partitions: bool,
    ) -> Result<Option<DroppedTable>, Failure> {
        let serving = |one: &&mut Partition| one.state == "serving";
        let left = self.of_table(namespace, name).filter(serving).count();
        if left > 0 && !with_partitions {
            let message = format!("table `{name}` has {left} partitions");
            return Err(Failure::new(code::TABLE_NOT_EMPTY, message));
        }
        let table = self.take(namespace, name)?;
        let mut partitions = Vec::new();
        for one in self.of_table(namespace, name).filter(serving) {
            one.state = "quarantined".to_owned();
            partitions.push(one.id);
        }
        if partitions.is_empty() {
            return Ok(None);
        }
        let drop = self.dropped.len() as u64 + 11;
        let (dropped_ms, left_ms) = (1_700_000_000_000, 604_800_000);
        let dropped =
            DroppedTable { drop, table: Some(table), partitions, erased: Vec::new(), dropped_ms, left_ms };
        self.dropped.push(dropped.clone());
        Ok(Some(dropped))
    }

    pub fn undrop_table(
        &mut self,
        namespace: &str,
        name: &str,
        to: &str,
    ) -> Result<(Table, Vec<u64>), Failure> {
        let of = |one: &DroppedTable| one.table.as_ref().is_some_and(|table| table.name == name);
        let at = self.dropped.iter().rposition(of);
        let at =
            at.ok_or_else(|| Failure::new(code::NOT_DROPPED, format!("no dropped table `{name}` is kept")))?;
        self.check_free(namespace, to)?;
        let DroppedTable { table, partitions, .. } = self.dropped.remove(at);
        for id in &partitions {
            let one = self.partitions.get_mut(id).expect("quarantined");
            (one.state, one.table) = ("serving".to_owned(), to.to_owned());
            one.epoch =
                one.epoch.map(|epoch| proto::common::Epoch { generation: epoch.generation + 1, ..epoch });
        }
        Ok((self.insert(table.unwrap_or_default(), to), partitions))
    }

    pub fn copy_table(
        &mut self,
        namespace: &str,
        name: &str,
        to: &str,
    ) -> Result<(Table, Vec<CopiedPartition>), Failure> {
        self.check_free(namespace, to)?;
        let table = self.tables.get(&(name_of(namespace), name.to_owned())).cloned();
        let table = table.ok_or_else(|| no_table(name))?;
        let sources: Vec<Partition> = self.of_table(namespace, name).map(|one| one.clone()).collect();
        let table = self.insert(table, to);
        let copied = |source: Partition| {
            let id = self.add_partition(namespace, to, source.range, 0);
            CopiedPartition { source: source.id, id, applied: source.applied }
        };
        let copied = sources.into_iter().map(copied).collect();
        Ok((table, copied))
    }
}

pub fn no_table(name: &str) -> Failure {
    Failure::new(code::NO_TABLE, format!("there is no table `{name}`"))
}

fn name_of(namespace: &str) -> String {
    if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() }
}
