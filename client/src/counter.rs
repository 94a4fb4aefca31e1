//! Counters: numbers that many add to at once, without reading first.

use crate::answer::{asked_another_machine, of_another_machine};
use crate::error::Error;
use crate::runtime::ms;
use crate::table::Table;
use bytes::Bytes;
use model::Index;
use proto::convert::Receipt;
use proto::data::counter_command::Command;
use proto::data::machine_reply::Reply;
use proto::data::query_response::Answer;
use proto::data::{
    CounterAdd, CounterCommand, CounterCommit, CounterRelease, CounterReserve, CounterState, machine_command,
};
use std::time::Duration;

/// The counters of one table, by key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Counter {
    table: Table,
}

/// How a counter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// The sum.
    pub value: i64,
    /// What is set aside beside it.
    pub reserved: i64,
    /// The index of the command, or of the moment that was looked at.
    pub revision: Index,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

/// What a counter may come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// It may not be lowered below.
    pub least: Option<i64>,
    /// It may not be raised above, together with what is reserved.
    pub most: Option<i64>,
}

impl Limits {
    /// No more than this.
    pub fn most(most: i64) -> Limits {
        Limits { most: Some(most), ..Limits::default() }
    }

    /// No less than this.
    pub fn least(least: i64) -> Limits {
        Limits { least: Some(least), ..Limits::default() }
    }
}

impl Counter {
    pub(crate) fn new(table: Table) -> Counter {
        Counter { table }
    }

    /// Adds; a negative amount lowers it.
    pub async fn add(&self, key: impl Into<Bytes>, amount: i64) -> Result<Counted, Error> {
        self.add_within(key, amount, Limits::default()).await
    }

    /// Adds if the sum then lies within; otherwise the error is `SH2220`.
    pub async fn add_within(
        &self,
        key: impl Into<Bytes>,
        amount: i64,
        limits: Limits,
    ) -> Result<Counted, Error> {
        let Limits { least, most } = limits;
        self.command(key.into(), Command::Add(CounterAdd { amount, least, most })).await
    }

    /// Sets an amount aside for so long, if all that is counted and reserved stays
    /// at `most` or below. The id is the caller's, and nobody else's.
    pub async fn reserve(
        &self,
        key: impl Into<Bytes>,
        id: u128,
        amount: i64,
        most: Option<i64>,
        ttl: Duration,
    ) -> Result<Counted, Error> {
        let reserve = CounterReserve { id: bytes(id), amount, most, ttl_ms: ms(ttl) };
        self.command(key.into(), Command::Reserve(reserve)).await
    }

    /// Adds so much of what was reserved, all of it unless told, and frees the rest.
    pub async fn commit(
        &self,
        key: impl Into<Bytes>,
        id: u128,
        amount: Option<i64>,
    ) -> Result<Counted, Error> {
        self.command(key.into(), Command::Commit(CounterCommit { id: bytes(id), amount })).await
    }

    /// Frees what was reserved.
    pub async fn release(&self, key: impl Into<Bytes>, id: u128) -> Result<Counted, Error> {
        self.command(key.into(), Command::Release(CounterRelease { id: bytes(id) })).await
    }

    /// How it stands; one that nobody has touched is 0.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Counted, Error> {
        match self.table.ask(key.into(), Bytes::new()).await? {
            (Answer::Counter(state), receipt) => Ok(counted(state, receipt.index, receipt)),
            _ => Err(asked_another_machine()),
        }
    }

    async fn command(&self, key: Bytes, command: Command) -> Result<Counted, Error> {
        let command = machine_command::Command::Counter(CounterCommand { command: Some(command) });
        let spoken = self.table.speak(key, command).await?;
        match spoken.reply {
            Some(Reply::Counter(state)) => Ok(counted(state, spoken.revision, spoken.receipt)),
            _ => Err(of_another_machine()),
        }
    }
}

fn counted(CounterState { value, reserved }: CounterState, revision: Index, receipt: Receipt) -> Counted {
    Counted { value, reserved, revision, receipt }
}

fn bytes(id: u128) -> Bytes {
    Bytes::copy_from_slice(&id.to_be_bytes())
}
