//! The rows of all tables, under two partitions each.

use bytes::Bytes;
use proto::common::Receipt;
use proto::control::{Partition, Range, Table};
use std::collections::BTreeMap;

/// Tables by namespace and name; what they hold.
#[derive(Default)]
pub struct Rows {
    pub tables: BTreeMap<(String, String), Table>,
    pub partitions: BTreeMap<u64, Partition>,
    rows: BTreeMap<(String, String, Bytes), (u64, Bytes)>,
    /// The last index of each of the two partitions that every table has.
    indexes: [u64; 2],
    /// Writes, by key: how often each was applied.
    pub applied: BTreeMap<Bytes, usize>,
    /// What was answered to an item under its name: none of them is done twice.
    pub done: BTreeMap<(Bytes, u64), (u64, bool)>,
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
        let revision = self.next(&key);
        self.rows.insert((name_of(namespace), table.to_owned(), key), (revision, value));
        revision
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

fn name_of(namespace: &str) -> String {
    if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() }
}
