//! Leases: who may, for a while.

use crate::answer::{asked_another_machine, of_another_machine, senseless};
use crate::error::Error;
use crate::runtime::ms;
use crate::table::Table;
use bytes::Bytes;
use proto::convert::Receipt;
use proto::data::lease_command::Command;
use proto::data::machine_reply::Reply;
use proto::data::query_response::Answer;
use proto::data::{LeaseAcquire, LeaseCommand, LeaseRelease, LeaseRenew, LeaseState, machine_command};
use std::time::Duration;

/// The leases of one table, by key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Leases {
    table: Table,
}

/// A lease that somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// Goes with whatever is done under the lease: it rises with every new holder,
    /// so that who is told to do something can refuse a former one.
    pub token: u64,
    /// For so long nobody else gets it, by the partition's clock and counted from
    /// the answer's making. A holder counts from before it asked.
    pub remaining: Duration,
    /// Who holds it.
    pub holder: Bytes,
    /// Where that stands in history, and what it is worth.
    pub receipt: Receipt,
}

impl Leases {
    pub(crate) fn new(table: Table) -> Leases {
        Leases { table }
    }

    /// Takes a lease, unless somebody else holds it (`SH2225`). Who holds it
    /// already goes on under the same token.
    pub async fn acquire(
        &self,
        key: impl Into<Bytes>,
        holder: impl Into<Bytes>,
        ttl: Duration,
    ) -> Result<Held, Error> {
        let acquire = LeaseAcquire { holder: holder.into(), ttl_ms: ms(ttl) };
        self.held(key.into(), Command::Acquire(acquire)).await
    }

    /// Holds it longer, from now on. Who does not hold it any more is told so
    /// (`SH2226`).
    pub async fn renew(&self, key: impl Into<Bytes>, token: u64, ttl: Duration) -> Result<Held, Error> {
        self.held(key.into(), Command::Renew(LeaseRenew { token, ttl_ms: ms(ttl) })).await
    }

    /// Gives it back.
    pub async fn release(&self, key: impl Into<Bytes>, token: u64) -> Result<(), Error> {
        self.command(key.into(), Command::Release(LeaseRelease { token })).await.map(drop)
    }

    /// Who holds it, as far as the partition's last command says; none if nobody.
    pub async fn get(&self, key: impl Into<Bytes>) -> Result<Option<Held>, Error> {
        match self.table.ask(key.into(), Bytes::new()).await? {
            (Answer::Lease(state), receipt) => Ok(held(state, receipt)),
            _ => Err(asked_another_machine()),
        }
    }

    async fn held(&self, key: Bytes, command: Command) -> Result<Held, Error> {
        let (state, receipt) = self.command(key, command).await?;
        held(state, receipt).ok_or_else(|| senseless("nobody holds what was just taken"))
    }

    async fn command(&self, key: Bytes, command: Command) -> Result<(LeaseState, Receipt), Error> {
        let command = machine_command::Command::Lease(LeaseCommand { command: Some(command) });
        let spoken = self.table.speak(key, command).await?;
        match spoken.reply {
            Some(Reply::Lease(state)) => Ok((state, spoken.receipt)),
            _ => Err(of_another_machine()),
        }
    }
}

fn held(state: LeaseState, receipt: Receipt) -> Option<Held> {
    let LeaseState { held, token, remaining_ms, holder } = state;
    held.then(|| Held { token, remaining: Duration::from_millis(remaining_ms), holder, receipt })
}
