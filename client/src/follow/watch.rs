//! A watch under way.

use super::event::{out_of_order, row_from_wire};
use super::patience::Patience;
use super::watching::{Begin, Watching};
use super::{Events, Positions, State};
use crate::error::{Access, Error, broken};
use crate::sending::service;
use crate::table::Table;
use model::{BootId, PartitionId, Position, code};
use proto::common::{self, Header};
use proto::data::{WatchRequest, WatchResponse};
use std::collections::BTreeSet;
use std::time::Duration;
use tonic::{Request, Streaming};

/// What a watch tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watched {
    /// Rows that it begins with.
    State(State),
    /// What it begins with has been told: positions are known from here on. With
    /// rows, events of partitions that were earlier through may have come before.
    Ready,
    /// Events, or a mark.
    Events(Events),
    /// The watch broke before it was ready, and begins anew: what was told so far is
    /// void, as rows of two moments do not go together.
    Restarted,
}

/// A watch under way: ask for the [`next`](Watch::next) message.
///
/// A call that breaks off is made again behind what was told, as long as one
/// succeeds within the client's deadline from the break on; rows that it begins with
/// begin anew up to sixteen times. Who asks slowly holds
/// up the node's sending, and little memory; who is slower than events are kept is
/// told so by `SH2230`: [`Error::first_kept`]. A position ahead of its partition is
/// `SH2231`. After an error [`positions`](Watch::positions) still says where to go
/// on.
#[derive(Debug)]
pub struct Watch {
    table: Table,
    watching: Watching,
    stage: Stage,
    /// What each partition has come to that has told its rows.
    positions: Positions,
    is_ready: bool,
    call: Option<Streaming<WatchResponse>>,
    /// Goes before what is heard next.
    waiting: Option<Watched>,
    /// How often its rows have begun anew.
    restarts: u32,
}

/// Who never gets all rows in so many goes will not get them.
const RESTARTS_MAX: u32 = 16;

#[derive(Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was told.
    Fresh,
    /// Rows of these partitions are still to be told.
    Rows(BTreeSet<PartitionId>),
    /// From positions on.
    Events,
    /// Nothing more comes.
    Over,
}

impl Table {
    /// What happens to rows, as it happens. Nothing is sent before the first message
    /// is asked for.
    pub fn watch(&self, watching: Watching) -> Watch {
        Watch {
            table: self.clone(),
            watching,
            stage: Stage::Fresh,
            positions: Positions::new(),
            is_ready: false,
            call: None,
            waiting: None,
            restarts: 0,
        }
    }
}

impl Watch {
    /// The next message; `None` behind the last, and behind an error. Giving up
    /// waiting for it loses nothing.
    pub async fn next(&mut self) -> Option<Result<Watched, Error>> {
        let inner = self.table.client.inner.clone();
        let mut patience = Patience::new(self.watching.silence, self.watching.for_ever, self.restarts);
        loop {
            if self.stage == Stage::Over {
                return None;
            }
            if let Some(watched) = self.waiting.take() {
                return Some(Ok(watched));
            }
            let error = match patience.hear(&inner, self.receive()).await {
                Ok(Some(watched)) => return Some(Ok(watched)),
                Ok(None) => {
                    self.stage = Stage::Over;
                    return None;
                }
                Err(error) => error,
            };
            self.break_off();
            if self.restarts > RESTARTS_MAX && !self.watching.for_ever {
                (self.stage, self.waiting) = (Stage::Over, None);
                return Some(Err(error));
            }
            if let Err(error) = patience.again(&inner, error).await {
                self.stage = Stage::Over;
                return Some(Err(error));
            }
        }
    }

    /// Behind which everything is still to be told; `None` until it is ready.
    pub fn positions(&self) -> Option<&Positions> {
        Some(&self.positions).filter(|_| self.is_ready)
    }

    /// The call is of no more use.
    fn break_off(&mut self) {
        self.call = None;
        if let Stage::Rows(_) = self.stage {
            self.stage = Stage::Fresh;
            self.positions = Positions::new();
            self.waiting = Some(Watched::Restarted);
            self.restarts += 1;
        }
    }

    /// What comes next of the call, which is made if there is none.
    async fn receive(&mut self) -> Result<Option<Watched>, Error> {
        loop {
            if self.call.is_none() {
                self.call = Some(self.begin().await?);
            }
            let Some(call) = &mut self.call else { return Ok(None) };
            let message = call.message().await.map_err(|status| self.table.failed(status, Access::Read))?;
            match message {
                Some(message) => {
                    if let Some(watched) = self.take(message)? {
                        return Ok(Some(watched));
                    }
                }
                None if self.watching.ends => return Ok(None),
                None => return Err(broken(self.table.client.inner.data.server(), "it ended the call")),
            }
        }
    }

    async fn begin(&self) -> Result<Streaming<WatchResponse>, Error> {
        let inner = &self.table.client.inner;
        let (from, initial_state) = match (&self.stage, &self.watching.begin) {
            (Stage::Events, _) => (self.positions.to_wire(), false),
            (_, Begin::Now) => (Vec::new(), false),
            (_, Begin::Rows) => (Vec::new(), true),
            (_, Begin::Behind(positions)) if positions.is_empty() => {
                let what = "a watch behind positions needs one at least";
                return Err(
                    Error::new(code::MALFORMED, what).with_hint("Begin with the rows, or from now on.")
                );
            }
            (_, Begin::Behind(positions)) => (positions.to_wire(), false),
        };
        let request = WatchRequest {
            // It goes on for as long as it is wanted.
            header: Some(Header { deadline_ms: 0, ..self.table.header(Duration::ZERO) }),
            table: self.table.name().to_owned(),
            start: self.watching.start.clone(),
            end: self.watching.end.clone(),
            from,
            initial_state,
            ends: self.watching.ends,
            before: self.watching.before,
        };
        let sent = service(inner.data.next()).watch(Request::new(request)).await;
        Ok(sent.map_err(|status| self.table.failed(status, Access::Read))?.into_inner())
    }

    /// What a message tells, if that is anything.
    fn take(&mut self, message: WatchResponse) -> Result<Option<Watched>, Error> {
        if !message.begins.is_empty() {
            return self.open(&message.begins);
        }
        let WatchResponse { partition, index, changed, told, is_all, boot, .. } = message;
        let at = Position { partition: PartitionId(partition), boot: BootId(boot), index };
        let partition = at.partition;
        match &mut self.stage {
            Stage::Fresh | Stage::Over => Err(out_of_order("a watch that does not say where it begins")),
            Stage::Rows(missing) if missing.contains(&partition) => {
                let rows = changed.into_iter().map(row_from_wire).collect();
                if is_all {
                    missing.remove(&partition);
                    self.positions.set(at);
                    if missing.is_empty() {
                        self.ready();
                    }
                }
                Ok(Some(Watched::State(State { at, rows, is_last: is_all })))
            }
            Stage::Rows(_) | Stage::Events => {
                let unknown = || out_of_order(&format!("partition {partition} was not announced"));
                let seen = self.positions.get(partition).ok_or_else(unknown)?;
                let events = Events::from_wire(at, seen, told, is_all)?;
                self.positions.set(at);
                Ok(Some(Watched::Events(events)))
            }
        }
    }

    /// A call begins; what that tells.
    fn open(&mut self, begins: &[common::Position]) -> Result<Option<Watched>, Error> {
        let begins = begins.iter().map(|&common::Position { partition, index, boot }| Position {
            partition: PartitionId(partition),
            boot: BootId(boot),
            index,
        });
        match (&self.stage, &self.watching.begin) {
            (Stage::Fresh, Begin::Rows) => {
                self.stage = Stage::Rows(begins.map(|begin| begin.partition).collect());
                Ok(None)
            }
            (Stage::Fresh, Begin::Now | Begin::Behind(_)) => {
                begins.for_each(|begin| self.positions.set(begin));
                self.ready();
                Ok(self.waiting.take())
            }
            (Stage::Events, _) => {
                for begin in begins {
                    let Position { partition, index, .. } = begin;
                    let seen = self.positions.get(partition).unwrap_or_default();
                    if seen != index {
                        let what = format!("partition {partition} goes on behind {index}, not behind {seen}");
                        return Err(out_of_order(&what));
                    }
                    self.positions.set(begin);
                }
                Ok(None)
            }
            (Stage::Rows(_) | Stage::Over, _) => Err(out_of_order("a watch that begins twice")),
        }
    }

    fn ready(&mut self) {
        self.stage = Stage::Events;
        self.is_ready = true;
        self.restarts = 0;
        self.waiting = Some(Watched::Ready);
    }
}
