//! The events of one partition.

use super::Events;
use super::event::out_of_order;
use super::patience::Patience;
use crate::Client;
use crate::error::{Access, Error, broken};
use crate::sending::service;
use model::{BootId, Index, PartitionId, Position};
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
    /// Behind which index, and who told up to there.
    behind: Option<(Index, BootId)>,
    before: bool,
    ends: bool,
    silence: Duration,
}

impl Tailing {
    /// What comes from now on.
    pub fn now() -> Tailing {
        Tailing { behind: None, before: false, ends: false, silence: SILENCE }
    }

    /// From this index on; the first is 1.
    pub fn from(index: Index) -> Tailing {
        Tailing { behind: Some((index.saturating_sub(1), BootId(0))), ..Tailing::now() }
    }

    /// Behind a position of this partition, which another tail has come to.
    pub fn behind(position: Position) -> Tailing {
        Tailing { behind: Some((position.index, position.boot)), ..Tailing::now() }
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
    /// What it has come to, once that is known, and who told it.
    seen: Option<(Index, BootId)>,
    call: Option<Streaming<TailResponse>>,
    is_over: bool,
}

impl Client {
    /// The events of one partition, as they happen. Nothing is sent before the first
    /// are asked for.
    pub fn tail(&self, partition: PartitionId, tailing: Tailing) -> Tail {
        let seen = tailing.behind;
        Tail { client: self.clone(), partition, tailing, seen, call: None, is_over: false }
    }
}

impl Tail {
    /// The next events, or a mark; `None` behind the last, and behind an error.
    /// Giving up waiting for them loses nothing.
    pub async fn next(&mut self) -> Option<Result<Events, Error>> {
        let inner = self.client.inner.clone();
        let mut patience = Patience::new(self.tailing.silence, false, 0);
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

    /// Everything up to here has been told: [`Tailing::behind`] it goes on. `None` as
    /// long as nothing was heard of a tail from now on.
    pub fn position(&self) -> Option<Position> {
        self.seen.map(|(index, boot)| Position { partition: self.partition, boot, index })
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
            from: self.seen.map_or(0, |(seen, _)| seen.saturating_add(1)),
            ends: self.tailing.ends,
            before: self.tailing.before,
            boot: self.seen.map_or(0, |(_, BootId(boot))| boot),
        };
        let sent = service(inner.data.next()).tail(Request::new(request)).await;
        Ok(sent.map_err(|status| failed(&self.client, status))?.into_inner())
    }

    fn take(&mut self, message: TailResponse) -> Result<Events, Error> {
        let TailResponse { partition, index, told, is_all, boot, .. } = message;
        let at = Position { partition: PartitionId(partition), boot: BootId(boot), index };
        if at.partition != self.partition {
            return Err(out_of_order(&format!("partition {partition} was not asked for")));
        }
        // From now on: the first message says from where.
        let first = told.first().map_or(index, |event| event.index.saturating_sub(1));
        let seen = self.seen.map_or(first, |(seen, _)| seen);
        let events = Events::from_wire(at, seen, told, is_all)?;
        self.seen = Some((at.index, at.boot));
        Ok(events)
    }
}

fn failed(client: &Client, status: Status) -> Error {
    Error::of_call(status, Access::Read, client.inner.data.server())
}
