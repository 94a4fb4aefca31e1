//! Where a partition stands, beside its rows: what its store says of that, and
//! records change.

use bytes::Bytes;
use model::event::Events;
use model::keyspace::{deadlines_from, decode_deadline, events_from, meta};
use model::wire::Cursor;
use model::{Index, Mutation, PartitionId, Stamp};
use statestore::{Moment, Store, StoreError};
use std::path::PathBuf;

/// The version of a machine that has never been changed.
const FIRST_VERSION: u32 = 1;

/// Where a partition stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// Which.
    pub partition: PartitionId,
    /// The last index applied.
    pub applied: Index,
    /// The stamp of its record.
    pub stamp: Stamp,
    /// The version of its machine.
    pub version: u32,
    /// For how long nobody owned it, in all: nanoseconds.
    pub paused: u64,
    /// The rolling hash of all changes so far.
    pub hash: u64,
    /// How many indexes owners have taken of their own accord.
    pub own: u64,
    /// Its events.
    pub binlog: Binlog,
    /// Nothing is due before this, in its machine's time; none if nothing is.
    pub first_due: Option<Stamp>,
}

/// How much of a partition's events there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Binlog {
    /// Events up to this index are gone.
    pub given_up: Index,
    /// Bytes of the rest.
    pub bytes: u64,
    /// None of the rest is older.
    pub oldest: Option<Stamp>,
}

impl Standing {
    /// Of a partition that has no history.
    pub fn new(partition: PartitionId) -> Standing {
        Standing {
            partition,
            applied: 0,
            stamp: Stamp(0),
            version: FIRST_VERSION,
            paused: 0,
            hash: 0,
            own: 0,
            binlog: Binlog::default(),
            first_due: None,
        }
    }

    /// As the store has it.
    pub fn load(store: &dyn Store, partition: PartitionId) -> Result<Standing, StoreError> {
        let mut standing = Standing::new(partition);
        store.moment(partition, &mut |moment| {
            standing.applied = moment.applied();
            standing.stamp = Stamp(number(partition, moment, meta::STAMP)?.unwrap_or(0));
            standing.paused = number(partition, moment, meta::PAUSED)?.unwrap_or(0);
            standing.hash = number(partition, moment, meta::HASH)?.unwrap_or(0);
            standing.own = number(partition, moment, meta::OWN)?.unwrap_or(0);
            standing.version = version_in(partition, moment)?;
            standing.binlog = Binlog::load(partition, moment)?;
            let noted = moment.range(&deadlines_from(Stamp(0)), 1)?;
            standing.first_due = match noted.first() {
                Some((key, _)) => Some(decode_deadline(key).ok_or_else(|| damaged(partition, key))?.0),
                None => None,
            };
            Ok(())
        })?;
        Ok(standing)
    }

    /// What the rows of this standing are that change with every part.
    pub(crate) fn rows(&self) -> [Mutation; 3] {
        let number = |key: [u8; 2], number: u64| Mutation::put(row(key), number.to_le_bytes().to_vec());
        let Binlog { given_up, bytes, .. } = self.binlog;
        let binlog = [given_up.to_le_bytes(), bytes.to_le_bytes()].concat();
        [
            number(meta::STAMP, self.stamp.0),
            Mutation::put(row(meta::BINLOG), binlog),
            number(meta::HASH, self.hash),
        ]
    }
}

impl Binlog {
    /// Up to which index events are gone at a moment of the store.
    pub fn given_up(partition: PartitionId, moment: &dyn Moment) -> Result<Index, StoreError> {
        Ok(Binlog::noted(partition, moment)?.map_or(0, |(given_up, _)| given_up))
    }

    fn noted(partition: PartitionId, moment: &dyn Moment) -> Result<Option<(Index, u64)>, StoreError> {
        let Some(row) = moment.get(&meta::BINLOG)? else { return Ok(None) };
        let mut cursor = Cursor::new(&row);
        let read = cursor.u64().zip(cursor.u64()).filter(|_| cursor.is_empty());
        read.map(Some).ok_or_else(|| damaged(partition, &meta::BINLOG))
    }

    /// As a moment of the store has it.
    pub fn load(partition: PartitionId, moment: &dyn Moment) -> Result<Binlog, StoreError> {
        let Some((given_up, bytes)) = Binlog::noted(partition, moment)? else { return Ok(Binlog::default()) };
        let first = moment.range(&events_from(given_up.saturating_add(1)), 1)?;
        let oldest = first.first().and_then(|(_, row)| Events::stamp_of(row));
        Ok(Binlog { given_up, bytes, oldest })
    }
}

/// The version of a partition's machine at a moment.
pub fn version_in(partition: PartitionId, moment: &dyn Moment) -> Result<u32, StoreError> {
    let Some(row) = moment.get(&meta::MACHINE)? else { return Ok(FIRST_VERSION) };
    row[..].try_into().map(u32::from_le_bytes).map_err(|_| damaged(partition, &meta::MACHINE))
}

/// The partition clock's reading at a moment, and what of it nobody owned.
pub fn times_in(partition: PartitionId, moment: &dyn Moment) -> Result<(Stamp, u64), StoreError> {
    let stamp = Stamp(number(partition, moment, meta::STAMP)?.unwrap_or(0));
    Ok((stamp, number(partition, moment, meta::PAUSED)?.unwrap_or(0)))
}

fn number(partition: PartitionId, moment: &dyn Moment, key: [u8; 2]) -> Result<Option<u64>, StoreError> {
    let Some(row) = moment.get(&key)? else { return Ok(None) };
    row[..].try_into().map(|row| Some(u64::from_le_bytes(row))).map_err(|_| damaged(partition, &key))
}

pub(crate) fn row(key: [u8; 2]) -> Bytes {
    Bytes::copy_from_slice(&key)
}

fn damaged(partition: PartitionId, key: &[u8]) -> StoreError {
    let why = format!("row {} is none that this build knows", key.escape_ascii());
    StoreError::Damaged { path: PathBuf::from(format!("partition {partition}")), why }
}
