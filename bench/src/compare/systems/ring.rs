//! Three servers that agree, each of which may end and begin again.

use super::Place;
use super::cluster::Nodes;
use super::etcd::{Etcd, Kv};
use super::statehouse::TABLE;
use crate::Failure;
use crate::compare::load::Client as _;
use crate::compare::rows::Item;
use crate::compare::scenario::System;
use bytes::Bytes;
use client::Client;
use std::time::Duration;

/// A member of etcd that does not answer for so long is left for another.
const PATIENCE: Duration = Duration::from_secs(1);
/// Before another one is asked.
const PAUSE: Duration = Duration::from_millis(5);

/// Three servers.
pub enum Ring {
    /// Ours.
    Statehouse(Nodes),
    /// etcd's.
    Etcd(Etcd),
}

impl Ring {
    /// Starts them, and waits until they agree.
    pub async fn start(system: System, place: &Place<'_>) -> Result<Ring, Failure> {
        Ok(match system {
            System::Etcd3 => Ring::Etcd(Etcd::start(place.dir, 3).await?),
            _ => Ring::Statehouse(Nodes::start(place).await?),
        })
    }

    /// How many there are.
    pub fn size(&self) -> usize {
        match self {
            Ring::Statehouse(nodes) => nodes.0.len(),
            Ring::Etcd(etcd) => etcd.processes.len(),
        }
    }

    /// The one that leads, once it may go.
    pub async fn leader(&self) -> Result<usize, Failure> {
        match self {
            Ring::Statehouse(nodes) => nodes.owner().await,
            Ring::Etcd(etcd) => etcd.leader().await,
        }
    }

    /// Kills one.
    pub fn kill(&mut self, at: usize) -> Result<(), Failure> {
        match self {
            Ring::Statehouse(nodes) => nodes.0[at].process.kill(),
            Ring::Etcd(etcd) => etcd.processes[at].kill(),
        }
    }

    /// Asks one to end, and waits until it has.
    pub async fn end(&mut self, at: usize) -> Result<(), Failure> {
        match self {
            Ring::Statehouse(nodes) => nodes.0[at].process.end().await,
            Ring::Etcd(etcd) => etcd.processes[at].end().await,
        }
    }

    /// Starts one that has ended, and waits until it answers.
    pub async fn again(&mut self, at: usize) -> Result<(), Failure> {
        match self {
            Ring::Statehouse(nodes) => nodes.0[at].again().await,
            Ring::Etcd(etcd) => {
                etcd.processes[at].again()?;
                etcd.answers(at).await
            }
        }
    }

    /// Who writes, whichever of them is there.
    pub fn writer(&self) -> Result<Writer, Failure> {
        Ok(match self {
            Ring::Statehouse(nodes) => {
                Writer::Statehouse(Client::builder(nodes.data()).connections(nodes.0.len()).build()?)
            }
            Ring::Etcd(etcd) => Writer::Etcd { addresses: etcd.addresses.clone(), at: 0, kv: None },
        })
    }
}

/// A client that goes on with those who are left.
#[derive(Clone)]
pub enum Writer {
    /// Ours does.
    Statehouse(Client),
    /// A connection to one of etcd's members, and to the next when that does not answer.
    Etcd {
        /// Of all members.
        addresses: Vec<String>,
        /// Whose turn it is.
        at: usize,
        /// The connection.
        kv: Option<Box<Kv>>,
    },
}

impl Writer {
    /// Writes a row; returns when it is durable, or when the client has given up.
    pub async fn write(&mut self, key: Bytes, value: Bytes) -> Result<(), Failure> {
        match self {
            Writer::Statehouse(client) => drop(client.table(TABLE).put(key, value).await?),
            Writer::Etcd { addresses, at, kv } => {
                let row = Item { key, value, ..Item::default() };
                while put(&addresses[*at % addresses.len()], kv, row.clone()).await.is_err() {
                    (*at, *kv) = (*at + 1, None);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        Ok(())
    }

    /// What a row has.
    pub async fn read(&mut self, key: Bytes) -> Result<Option<Bytes>, Failure> {
        match self {
            Writer::Statehouse(client) => Ok(client.table(TABLE).get(key).await?.map(|row| row.value)),
            Writer::Etcd { addresses, at, .. } => {
                Kv::open(&addresses[*at % addresses.len()]).await?.value(key).await
            }
        }
    }
}

async fn put(address: &str, kv: &mut Option<Box<Kv>>, row: Item) -> Result<(), Failure> {
    tokio::time::timeout(PATIENCE, async {
        if kv.is_none() {
            *kv = Some(Box::new(Kv::open(address).await?));
        }
        kv.as_mut().expect("it was opened").write(row).await
    })
    .await?
}
