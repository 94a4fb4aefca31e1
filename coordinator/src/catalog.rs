//! The desired state as rows of a `kv` table, a row for each of its lines, and a
//! change of it as one command on them.
//!
//! The row of the version has the version in its key: a change takes that row away,
//! if it is there, and puts down the next. So of two changes that begin with the same
//! state one is made, and whoever made the other looks again.

use crate::Desired;
use crate::desired::{FORMAT, facts, of_facts};
use bytes::Bytes;
use machine::{Change, KvCommand, Row};
use model::keyspace::key_of_data;
use model::{Condition, Key, Layout};
use std::collections::BTreeMap;

/// The row that says how the others are written. It is there as soon as any is.
const HEAD: &str = "format";
/// The row of a version.
const VERSION: &str = "revision";

/// Rows that are no desired state.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the catalog's row `{0}` cannot be read by this build")]
pub struct Unreadable(pub String);

/// The command that puts down the first state of all, if there is none.
pub fn first(desired: &Desired) -> KvCommand {
    let rows = rows_of(desired);
    let (head, others): (Vec<_>, Vec<_>) = rows.iter().partition(|(key, _)| *key == HEAD);
    let head = head.into_iter().map(|(key, value)| upsert(key, value).only_if(Condition::Absent));
    KvCommand::All(head.chain(others.into_iter().map(|(key, value)| upsert(key, value))).collect())
}

/// The command that makes one state of another, if that is the state there is. Of a
/// state that stays as it is, it asks whether it is that.
pub fn step(before: &Desired, next: &Desired) -> KvCommand {
    let (rows, wanted) = (rows_of(before), rows_of(next));
    let version = format!("{VERSION} {}", before.version);
    let is_there = match before.version == next.version {
        true => upsert(&version, ""),
        false => Change::remove(row_key(&version)),
    };
    let mut changes = vec![is_there.only_if(Condition::Present)];
    let gone = rows.keys().filter(|key| **key != version && !wanted.contains_key(*key));
    changes.extend(gone.map(|key| Change::remove(row_key(key))));
    let news = wanted.iter().filter(|(key, value)| rows.get(*key) != Some(*value));
    changes.extend(news.map(|(key, value)| upsert(key, value)));
    KvCommand::All(changes)
}

/// The state of all rows, as they are stored; none where none has been put down.
pub fn read_rows(rows: impl Iterator<Item = (Bytes, Bytes)>) -> Result<Option<Desired>, Unreadable> {
    let (mut format, mut lines) = (None, Vec::new());
    for (stored, row) in rows {
        let unreadable = || Unreadable(stored.escape_ascii().to_string());
        let (key, value) = line_of(&stored, &row).ok_or_else(unreadable)?;
        match key == HEAD {
            true => format = value.parse().ok(),
            false if value.is_empty() => lines.push(key),
            false => lines.push(format!("{key} {value}")),
        }
    }
    if lines.is_empty() && format.is_none() {
        return Ok(None);
    }
    let format = format.ok_or_else(|| Unreadable(HEAD.to_owned()))?;
    let read = of_facts(format, lines.iter().map(String::as_str));
    read.map(Some).map_err(|at| Unreadable(lines.get(at).cloned().unwrap_or_else(|| HEAD.to_owned())))
}

fn line_of(stored: &[u8], row: &Bytes) -> Option<(String, String)> {
    let word = |bytes: &[u8]| std::str::from_utf8(bytes).ok().map(str::to_owned);
    Some((word(key_of_data(Layout::Ordered, stored)?)?, word(&Row::decode(row)?.value)?))
}

fn upsert(key: &str, value: &str) -> Change {
    Change::upsert(row_key(key), Bytes::copy_from_slice(value.as_bytes()))
}

fn row_key(key: &str) -> Key {
    Key::new(Bytes::copy_from_slice(key.as_bytes())).expect("names of lines are no longer than a key")
}

/// Each line, cut behind what it is about; and how they are written.
fn rows_of(desired: &Desired) -> BTreeMap<String, String> {
    let cut = |line: String| {
        // A table is named by two words, a count by none.
        let words = match line.split(' ').next() {
            Some("table") => 3,
            Some("last-id" | "last-node") => 1,
            _ => 2,
        };
        let end = line.match_indices(' ').nth(words - 1).map_or(line.len(), |(at, _)| at);
        let value = line[end..].strip_prefix(' ').unwrap_or_default().to_owned();
        (line[..end].to_owned(), value)
    };
    let head = (HEAD.to_owned(), FORMAT.to_string());
    facts(desired).into_iter().map(cut).chain([head]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{NodeSpec, TableName, TableSpec, equal_ranges};
    use machine::{At, Kv, KvReply, Machine, Setting, View, ViewError};
    use model::keyspace::encode_data;
    use model::{DiskId, KeyRange, Mutation, NodeId, Stamp};
    use pipeline::Profile;

    /// A table's rows, and the machine that changes them.
    #[derive(Default)]
    struct Rows {
        rows: BTreeMap<Bytes, Bytes>,
        index: u64,
    }

    impl View for Rows {
        fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
            Ok(self.rows.get(key).cloned())
        }

        fn range(&self, _: &KeyRange, _: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
            Ok(Vec::new())
        }
    }

    impl Rows {
        fn apply(&mut self, command: &KvCommand) -> KvReply {
            self.index += 1;
            let at = At { index: self.index, stamp: Stamp(1) };
            let kv = Kv { setting: Setting::of(Layout::Ordered) };
            let outcome = kv.apply(self, &command.encode(), at).expect("nothing fails");
            for mutation in outcome.mutations {
                match mutation {
                    Mutation::Put { key, value } => drop(self.rows.insert(key, value)),
                    Mutation::Delete { key } => drop(self.rows.remove(&key)),
                }
            }
            KvReply::decode(&outcome.reply)
        }

        fn read(&self) -> Result<Option<Desired>, Unreadable> {
            read_rows(self.rows.iter().map(|(key, row)| (key.clone(), row.clone())))
        }
    }

    fn node(id: u64) -> NodeSpec {
        NodeSpec { disk: DiskId(u128::from(id)), peers: format!("n{id}:2"), data: format!("n{id}:1") }
    }

    fn formed() -> Desired {
        let mut desired = Desired::default();
        desired.form(NodeId(1), node(1)).expect("a cluster");
        desired
    }

    fn add_table(desired: &mut Desired, name: &str) {
        let table = TableName::new("default", name).expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE };
        desired.create_table(table.clone(), spec).expect("new");
        for range in equal_ranges(4) {
            desired.add_partition(&table, range, None).expect("free");
        }
    }

    #[test]
    fn what_is_put_down_is_read() {
        let (mut rows, mut desired) = (Rows::default(), formed());
        assert_eq!(rows.read(), Ok(None));
        assert_eq!(rows.apply(&first(&desired)), KvReply::Done);
        assert_eq!(rows.read(), Ok(Some(desired.clone())));
        for change in [
            |desired: &mut Desired| add_table(desired, "a"),
            |desired: &mut Desired| add_table(desired, "b"),
            |desired: &mut Desired| drop(desired.join(node(2))),
            |desired: &mut Desired| {
                let table = TableName::new("default", "a").expect("a name");
                desired.drop_table(&table, true, 7).expect("there");
            },
            |desired: &mut Desired| drop(desired.remove_partition(model::PartitionId(7), None, 8)),
        ] {
            let before = desired.clone();
            change(&mut desired);
            desired.version = before.version + 1;
            assert_eq!(rows.apply(&step(&before, &desired)), KvReply::Done);
            assert_eq!(rows.read(), Ok(Some(desired.clone())));
        }
    }

    #[test]
    fn of_two_changes_of_one_state_one_is_made() {
        let (mut rows, desired) = (Rows::default(), formed());
        rows.apply(&first(&desired));
        let (mut one, mut other) = (desired.clone(), desired.clone());
        add_table(&mut one, "one");
        add_table(&mut other, "other");
        assert_eq!(rows.apply(&step(&desired, &desired)), KvReply::Done, "it is what there is");
        assert_eq!(rows.apply(&step(&desired, &one)), KvReply::Done);
        for late in [step(&desired, &other), step(&desired, &desired), first(&other)] {
            assert!(matches!(rows.apply(&late), KvReply::Refused { change: 0, .. }));
        }
        assert_eq!(rows.read(), Ok(Some(one)));
    }

    #[test]
    fn what_is_none_of_ours_is_refused_by_its_row() {
        let rows = |all: &[(&str, &str)]| {
            let row = |(key, value): &(&str, &str)| {
                let value = Bytes::copy_from_slice(value.as_bytes());
                let row = Row { revision: 1, expires: None, value };
                (encode_data(Layout::Ordered, &row_key(key)), row.encode())
            };
            read_rows(all.iter().map(row))
        };
        let refused = |row: &str| Err(Unreadable(row.to_owned()));
        assert_eq!(rows(&[("format", "3"), ("colour 5", "blue")]), refused("colour 5 blue"));
        assert_eq!(rows(&[("format", "9"), ("revision 5", "")]), refused("format"));
        assert_eq!(rows(&[("revision 5", "")]), refused("format"));
    }
}
