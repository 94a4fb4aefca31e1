//! Files: what is exported is what is imported, or nothing is.

use super::{Check, Exchange, ONE, Subject, TWO, applied, delete, hash, part, put, refused, rows};
use crate::manifest;
use crate::store::Store;
use env::Files;
use env::files::read_all;
use model::{Code, PartitionId, code};
use std::path::{Path, PathBuf};

pub(super) const CHECKS: &[Check] = &[
    Check { name: "an export is imported under the same id", run: same_id },
    Check { name: "an export is imported under other ids, again and again", run: other_ids },
    Check { name: "an import survives a crash", run: durable },
    Check { name: "deleted and overwritten rows stay so in an export", run: after_deletes },
    Check { name: "an export is of one moment, and the store goes on", run: goes_on },
    Check { name: "a damaged export is refused and nothing is imported", run: damaged },
    Check { name: "an import does not replace a partition", run: no_replacing },
    Check { name: "an export takes the place of a partition that has less", run: replaced },
    Check { name: "an export takes no place of a partition that has as much", run: not_replaced },
    Check { name: "a directory that is there is not exported to", run: no_overwriting },
    Check { name: "a checkpoint opens as a store", run: checkpoint },
];

fn fill(store: &dyn Store, id: PartitionId) {
    store.create(&[id], 0).expect("created");
    for index in 1..=50 {
        let mutations =
            vec![put(&format!("k{index}"), vec![index as u8; 100]), put("last", index.to_string())];
        store.apply(&[part(id, index, mutations)]).expect("applied");
        if index == 25 {
            store.flush(&[id]).expect("flushed");
        }
    }
}

fn exported(exchange: &Exchange<'_>, id: PartitionId, name: &str) -> PathBuf {
    let dir = exchange.scratch.join(name);
    let manifest = exchange.store.export(id, &dir).expect("exported");
    assert_eq!(manifest.partition, id);
    assert_eq!(manifest::verify(&*exchange.disk, &dir).expect("verified"), manifest);
    dir
}

fn same_id(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let before = (hash(store, ONE), rows(store, ONE));
    let dir = exported(&exchange, ONE, "export");
    store.remove(ONE).expect("removed");
    assert_eq!(exchange.store.import(ONE, &dir).expect("imported"), 50);
    assert_eq!((hash(store, ONE), rows(store, ONE)), before);
    assert_eq!((applied(store, ONE), store.flushed(ONE).expect("flushed")), (50, 50));
    store.apply(&[part(ONE, 51, vec![put("k1", "new"), delete("k2")])]).expect("applied over it");
    assert_eq!(super::value(store, ONE, "k1").as_deref(), Some(&b"new"[..]));
    assert_eq!(super::value(store, ONE, "k2"), None);
}

fn other_ids(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let dir = exported(&exchange, ONE, "export");
    for id in 2..=5 {
        exchange.store.import(PartitionId(id), &dir).expect("imported");
        assert_eq!(hash(store, PartitionId(id)), hash(store, ONE), "the same rows under another id");
    }
    store.apply(&[part(TWO, 51, vec![put("k1", "of two")])]).expect("applied");
    assert_eq!(super::value(store, PartitionId(3), "k1").map(|value| value.len()), Some(100));
    assert_eq!(store.partitions().expect("listed").len(), 5);
}

fn durable(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    fill(subject.store(), ONE);
    let expected = hash(subject.store(), ONE);
    let dir = exported(&exchange, ONE, "export");
    exchange.store.import(TWO, &dir).expect("imported");
    subject.store().remove(ONE).expect("removed");
    subject.crash();
    let store = subject.store();
    assert_eq!(store.partitions().expect("listed"), [TWO]);
    assert_eq!((applied(store, TWO), hash(store, TWO)), (50, expected));
}

fn after_deletes(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    // Deletion marks in a file above the rows, and some that are unflushed.
    let gone = (1..=20).map(|k| delete(&format!("k{k}"))).collect();
    store.apply(&[part(ONE, 51, gone)]).expect("applied");
    store.flush(&[ONE]).expect("flushed");
    let gone = (21..=40).map(|k| delete(&format!("k{k}"))).collect();
    store.apply(&[part(ONE, 52, gone), part(ONE, 53, vec![put("k50", "over")])]).expect("applied");
    let dir = exported(&exchange, ONE, "export");
    assert_eq!(exchange.store.import(TWO, &dir).expect("imported"), 53);
    assert_eq!((hash(store, TWO), rows(store, TWO)), (hash(store, ONE), rows(store, ONE)));
    assert_eq!(rows(store, TWO).len(), 12, "k41 to k50, the last and the applied row");
}

fn goes_on(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let before = hash(store, ONE);
    let dir = exported(&exchange, ONE, "export");
    store.apply(&[part(ONE, 51, vec![put("k1", "after"), delete("k2")])]).expect("applied");
    store.flush(&[ONE]).expect("flushed");
    assert_eq!(exchange.store.import(TWO, &dir).expect("imported"), 50);
    assert_eq!(hash(store, TWO), before);
}

fn refuses(exchange: &Exchange<'_>, store: &dyn Store, dir: &Path, code: Code, what: &str) {
    let imported = exchange.store.import(TWO, dir);
    assert!(imported.is_err(), "{what}");
    refused(imported, code);
    assert_eq!(store.partitions().expect("listed"), [ONE], "{what}");
}

fn flip(disk: &dyn Files, path: &Path, at: u64) {
    let device = disk.open(path).expect("opened");
    let mut byte = [0];
    assert_eq!(device.read_at(at, &mut byte).expect("read"), 1);
    device.write_at(at, &[byte[0] ^ 1]).expect("written");
}

/// Links may share their content with the source, so each damage is undone.
fn damaged(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let (store, disk) = (subject.store(), &*exchange.disk);
    fill(store, ONE);
    let expected = hash(store, ONE);
    let dir = exported(&exchange, ONE, "export");
    for entry in disk.list(&dir).expect("listed") {
        let path = dir.join(&entry.name);
        for at in [0, entry.bytes / 3, entry.bytes / 2, entry.bytes - 1] {
            flip(disk, &path, at);
            refuses(&exchange, store, &dir, code::EXPORT_DAMAGED, &format!("{} at {at}", entry.name));
            flip(disk, &path, at);
        }
        let content = read_all(&*disk.open(&path).expect("opened")).expect("read");
        disk.unlink(&path).expect("unlinked");
        refuses(&exchange, store, &dir, code::EXPORT_DAMAGED, &format!("{} missing", entry.name));
        for (what, bytes) in [("cut", &content[..content.len() - 1]), ("empty", &[])] {
            disk.create(&path).and_then(|file| file.write_at(0, bytes)).expect("written");
            refuses(&exchange, store, &dir, code::EXPORT_DAMAGED, &format!("{} {what}", entry.name));
            disk.unlink(&path).expect("unlinked");
        }
        disk.create(&path).and_then(|file| file.write_at(0, &content)).expect("written");
    }
    let stray = dir.join("stray.sst");
    disk.create(&stray).expect("created");
    refuses(&exchange, store, &dir, code::EXPORT_DAMAGED, "a file that is not listed");
    disk.unlink(&stray).expect("unlinked");
    refuses(&exchange, store, &exchange.scratch, code::EXPORT_DAMAGED, "no export at all");
    exchange.store.import(TWO, &dir).expect("whole again");
    assert_eq!(hash(store, TWO), expected);
}

fn no_replacing(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let dir = exported(&exchange, ONE, "export");
    store.apply(&[part(ONE, 51, vec![put("k1", "newer")])]).expect("applied");
    let before = hash(store, ONE);
    refused(exchange.store.import(ONE, &dir), code::PARTITION_EXISTS);
    assert_eq!(hash(store, ONE), before);
}

fn replaced(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let expected = (hash(store, ONE), rows(store, ONE));
    let dir = exported(&exchange, ONE, "export");
    store.remove(ONE).expect("removed");
    store.create(&[ONE, TWO], 0).expect("created");
    store.apply(&[part(ONE, 1, vec![put("another", "history")])]).expect("applied");
    assert_eq!(exchange.store.replace(ONE, &dir).expect("it has more"), 50);
    assert_eq!((hash(store, ONE), rows(store, ONE)), expected);
    assert_eq!((applied(store, ONE), store.flushed(ONE).expect("flushed")), (50, 50));
    refused(exchange.store.replace(TWO, &exchange.scratch.join("nothing")), code::EXPORT_DAMAGED);
    subject.crash();
    let store = subject.store();
    assert_eq!((hash(store, ONE), rows(store, ONE)), expected);
    store.apply(&[part(ONE, 51, vec![put("k1", "new")])]).expect("applied over it");
    assert_eq!(store.partitions().expect("listed"), [ONE, TWO]);
}

fn not_replaced(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    let dir = exported(&exchange, ONE, "export");
    let before = hash(store, ONE);
    refused(exchange.store.replace(ONE, &dir), code::EXPORT_DAMAGED);
    refused(exchange.store.replace(TWO, &dir), code::PARTITION_UNKNOWN);
    assert_eq!((hash(store, ONE), applied(store, ONE)), (before, 50));
    store.apply(&[part(ONE, 51, vec![put("k1", "newer")])]).expect("it is as it was");
}

fn no_overwriting(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    fill(subject.store(), ONE);
    let dir = exported(&exchange, ONE, "export");
    let before = exchange.disk.list(&dir).expect("listed");
    refused(exchange.store.export(ONE, &dir), code::STORE_IO);
    refused(exchange.store.checkpoint(&dir), code::STORE_IO);
    assert_eq!(exchange.disk.list(&dir).expect("listed"), before);
    refused(exchange.store.export(TWO, &exchange.scratch.join("other")), code::PARTITION_UNKNOWN);
}

fn checkpoint(subject: &mut dyn Subject) {
    let Some(exchange) = subject.exchange() else { return };
    let store = subject.store();
    fill(store, ONE);
    fill(store, TWO);
    let before = (hash(store, ONE), hash(store, TWO));
    let dir = exchange.scratch.join("checkpoint");
    exchange.store.checkpoint(&dir).expect("written");
    store.apply(&[part(ONE, 51, vec![delete("k1")])]).expect("the store goes on");
    let copy = subject.open_checkpoint(&dir);
    assert_eq!(copy.partitions().expect("listed"), [ONE, TWO]);
    assert_eq!((hash(&*copy, ONE), hash(&*copy, TWO)), before);
    copy.apply(&[part(TWO, 51, vec![delete("k1")])]).expect("the copy goes its own way");
    assert_eq!(hash(store, TWO), before.1);
}
