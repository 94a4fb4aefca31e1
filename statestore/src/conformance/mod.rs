//! What the traits promise, as checks that any store can be held to.
//!
//! Bring a [`Subject`] (a store and the ways to crash it) and call [`run`]
//! from a test. A broken promise panics with the name of the check.

mod batches;
mod copies;
mod crashes;
mod cursors;
mod exchange;
mod lifecycle;
mod moments;
mod reads;

use crate::content_hash::content_hash;
use crate::error::StoreError;
use crate::store::{Part, Store, StoreFiles};
use bytes::Bytes;
use env::Files;
use model::keyspace::meta;
use model::{Code, Index, KeyKind, KeyRange, Mutation, PartitionId};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A store under test.
pub trait Subject {
    /// The store as it is now.
    fn store(&self) -> &dyn Store;

    /// Loses what a power loss may lose, and opens the store again.
    fn crash(&mut self);

    /// The same store's contents as files; `None` if it has no such thing.
    fn exchange(&self) -> Option<Exchange<'_>>;

    /// Opens what [`StoreFiles::checkpoint`] wrote.
    fn open_checkpoint(&self, dir: &Path) -> Box<dyn Store>;
}

/// What the checks of files need.
pub struct Exchange<'s> {
    /// The store.
    pub store: &'s dyn StoreFiles,
    /// The disk that it writes to.
    pub disk: Arc<dyn Files>,
    /// A directory on it that is the checks' own.
    pub scratch: PathBuf,
}

/// One promise.
#[derive(Clone, Copy)]
pub struct Check {
    /// What is promised.
    pub name: &'static str,
    /// Panics when the promise is not kept. The subject holds no partition.
    pub run: fn(&mut dyn Subject),
}

/// Every check, in the order in which they are worth reading.
pub fn checks() -> Vec<Check> {
    [
        batches::CHECKS,
        reads::CHECKS,
        cursors::CHECKS,
        moments::CHECKS,
        lifecycle::CHECKS,
        crashes::CHECKS,
        exchange::CHECKS,
        copies::CHECKS,
    ]
    .concat()
}

/// Runs every check, each on a new subject.
///
/// # Panics
/// When a check fails; its name is printed before it runs.
pub fn run(make: &mut dyn FnMut() -> Box<dyn Subject>) {
    for check in checks() {
        println!("{}", check.name);
        (check.run)(&mut *make());
    }
}

const ONE: PartitionId = PartitionId(1);
const TWO: PartitionId = PartitionId(2);

fn key(name: &str) -> Bytes {
    let mut stored = vec![KeyKind::Data as u8];
    stored.extend_from_slice(name.as_bytes());
    Bytes::from(stored)
}

fn put(name: &str, value: impl Into<Bytes>) -> Mutation {
    Mutation::put(key(name), value)
}

fn delete(name: &str) -> Mutation {
    Mutation::delete(key(name))
}

fn part(partition: PartitionId, first_index: Index, mutations: Vec<Mutation>) -> Part {
    Part { partition, first_index, count: 1, mutations }
}

/// The rows of a partition without the one that names it, which an
/// application's store need not have.
fn rows(store: &dyn Store, partition: PartitionId) -> Vec<(Bytes, Bytes)> {
    let mut rows = Vec::new();
    let scanned = store.scan(partition, &KeyRange::all(), &mut |key, value| {
        if key != meta::PARTITION {
            rows.push((Bytes::copy_from_slice(key), Bytes::copy_from_slice(value)));
        }
        ControlFlow::Continue(())
    });
    scanned.expect("scanned");
    rows
}

fn hash(store: &dyn Store, partition: PartitionId) -> u128 {
    content_hash(store, partition).expect("hashed")
}

fn applied(store: &dyn Store, partition: PartitionId) -> Index {
    let applied = store.applied(partition).expect("applied");
    let row = store.get(partition, &meta::APPLIED).expect("read").expect("the applied row is there");
    assert_eq!(row[..], applied.to_le_bytes(), "the applied row is the applied index");
    assert!(store.flushed(partition).expect("flushed") <= applied, "flushed is not beyond applied");
    applied
}

fn value(store: &dyn Store, partition: PartitionId, name: &str) -> Option<Bytes> {
    store.get(partition, &key(name)).expect("read")
}

#[track_caller]
fn refused<T>(result: Result<T, StoreError>, code: Code) {
    match result {
        Ok(_) => panic!("not refused with {code}"),
        Err(error) => assert_eq!(error.code(), code, "{error}"),
    }
}
