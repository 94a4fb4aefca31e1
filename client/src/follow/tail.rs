//! The events of one partition.

use super::Events;
use super::event::out_of_order;
use super::patience::Patience;
use crate::Client;
use crate::error::{Access, Error, broken};
use crate::sending::service;
use model::{Index, PartitionId};
use proto::common::Header;
use proto::data::{TailRequest, TailResponse};
use std::time::Duration;
use tonic::{Request, Status, Streaming};

/// A node says something about every second; nothing for so long is a break.
const SILENCE: Duration = Duration::from_secs(10);

/// From where on, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Tailing {
    from: Option<Index>,
    before: bool,
    ends: bool,
    silence: Duration,
}

impl Tailing {
    /// What comes from now on.
    pub fn now() -> Tailing {
        Tailing { from: None, before: false, ends: false, silence: SILENCE }
    }

    /// From this index on; the first is 1.
    pub fn from(index: Index) -> Tailing {
        Tailing { from: Some(index.max(1)), ..Tailing::now() }
    }

    /// Say what rows were before, where the table keeps that.
    pub fn before(self, before: bool) -> Tailing {
        Tailing { before, ..self }
    }

    /// End when everything there is has been told.
    pub fn ends(self, ends: bool) -> Tailing {
        Tailing { ends, ..self }
    }

    /// A node that says nothing for so long counts as gone; 10 s unless told.
    pub fn silence(self, silence: Duration) -> Tailing {
        Tailing { silence, ..self }
    }
}

/// A tail under way: ask for the [`next`](Tail::next) events. It goes on behind a
/// break, and fails, as a [`Watch`](crate::Watch) does.
#[derive(Debug)]
pub struct Tail {
    client: Client,
    partition: PartitionId,
    tailing: Tailing,
    /// What it has come to, once that is known.
    position: Option<Index>,
    call: Option<Streaming<TailResponse>>,
    is_over: bool,
}

impl Client {
    /// The events of one partition, as they happen. Nothing is sent before the first
    /// are asked for.
    pub fn tail(&self, partition: PartitionId, tailing: Tailing) -> Tail {
        let position = tailing.from.map(|from| from - 1);
        Tail { client: self.clone(), partition, tailing, position, call: None, is_over: false }
    }
}

impl Tail {
    /// The next events, or a mark; `None` behind the last, and behind an error.
    /// Giving up waiting for them loses nothing.
    pub async fn next(&mut self) -> Option<Result<Events, Error>> {
        let inner = self.client.inner.clone();
        let mut patience = Patience::new(self.tailing.silence, false);
        loop {
            if self.is_over {
                return None;
            }
            let error = match patience.hear(&inner, self.receive()).await {
                Ok(Some(events)) => return Some(Ok(events)),
                Ok(None) => {
                    self.is_over = true;
                    return None;
                }
                Err(error) => error,
            };
            self.call = None;
            if let Err(error) = patience.again(&inner, error).await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    /// Everything up to here has been told: [`Tailing::from`] the next index goes on.
    /// `None` as long as nothing was heard of a tail from now on.
    pub fn position(&self) -> Option<Index> {
        self.position
    }

    async fn receive(&mut self) -> Result<Option<Events>, Error> {
        if self.call.is_none() {
            self.call = Some(self.begin().await?);
        }
        let Some(call) = &mut self.call else { return Ok(None) };
        let message = call.message().await.map_err(|status| failed(&self.client, status))?;
        match message {
            Some(message) => self.take(message).map(Some),
            None if self.tailing.ends => Ok(None),
            None => Err(broken(self.client.inner.data.server(), "it ended the call")),
        }
    }

    async fn begin(&self) -> Result<Streaming<TailResponse>, Error> {
        let inner = &self.client.inner;
        let request = TailRequest {
            // It goes on for as long as it is wanted.
            header: Some(Header { deadline_ms: 0, ..inner.header(Duration::ZERO) }),
            partition: self.partition.0,
            from: self.position.map_or(0, |position| position.saturating_add(1)),
            ends: self.tailing.ends,
            before: self.tailing.before,
            boot: 0,
        };
        let sent = service(inner.data.next()).tail(Request::new(request)).await;
        Ok(sent.map_err(|status| failed(&self.client, status))?.into_inner())
    }

    fn take(&mut self, message: TailResponse) -> Result<Events, Error> {
        let TailResponse { partition, index, told, is_all, .. } = message;
        if partition != self.partition.0 {
            return Err(out_of_order(&format!("partition {partition} was not asked for")));
        }
        // From now on: the first message says from where.
        let first = told.first().map_or(index, |event| event.index.saturating_sub(1));
        let seen = self.position.unwrap_or(first);
        let events = Events::from_wire(self.partition, seen, index, told, is_all)?;
        self.position = Some(index);
        Ok(events)
    }
}

fn failed(client: &Client, status: Status) -> Error {
    Error::of_call(status, Access::Read, client.inner.data.server())
}
