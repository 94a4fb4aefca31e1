//! Watches and tails of the two partitions that every table has, as far as the
//! test wrote them down, and what breaks between messages.

use super::{Asked, World};
use bytes::Bytes;
use model::code;
use proto::Failure;
use proto::common::Position;
use proto::data::{Event, EventKind, ScannedRow, TailRequest, TailResponse, WatchRequest, WatchResponse};
use std::collections::VecDeque;
use tonic::Status;

/// Ids of the partitions, as those of the rows.
const PARTITIONS: [u64; 2] = [1, 2];

/// What happened, as events in order: (partition, index, key, value); without a
/// value it was removed.
#[derive(Default)]
pub struct History {
    pub events: Vec<(u64, u64, &'static str, Option<&'static str>)>,
    /// Events up to here are gone, of each partition.
    pub given_up: u64,
    /// Who tells them; 0 is nobody in particular.
    pub boot: u64,
}

pub type Messages<T> = VecDeque<Result<T, Status>>;

impl History {
    /// All that happened in a partition behind an index, a message for each index.
    fn behind(&self, partition: u64, seen: u64) -> Result<Vec<(u64, Vec<Event>)>, Failure> {
        let last = self.last(partition);
        if seen > last {
            return Err(Failure::new(code::FROM_FUTURE, format!("{seen} is ahead of {last}")));
        }
        if seen < self.given_up.min(last) {
            let gone = Failure::new(code::COMPACTED, "no longer kept");
            return Err(Failure { revision: Some(self.given_up + 1), ..gone });
        }
        let mut messages: Vec<(u64, Vec<Event>)> = Vec::new();
        for (_, index, key, value) in self.of(partition).filter(|(_, index, ..)| *index > seen) {
            let kind = if value.is_some() { EventKind::Put } else { EventKind::Removed };
            let value = value.unwrap_or_default().into();
            let event =
                Event { index: *index, kind: kind.into(), key: (*key).into(), value, ..Event::default() };
            match messages.last_mut() {
                Some((last, events)) if last == index => events.push(event),
                _ => messages.push((*index, vec![event])),
            }
        }
        Ok(messages)
    }

    fn of(&self, partition: u64) -> impl Iterator<Item = &(u64, u64, &'static str, Option<&'static str>)> {
        self.events.iter().filter(move |(of, ..)| *of == partition)
    }

    fn last(&self, partition: u64) -> u64 {
        self.of(partition).map(|(_, index, ..)| *index).last().unwrap_or_default()
    }

    /// The rows as they are.
    fn rows(&self, partition: u64) -> Vec<ScannedRow> {
        let mut rows = std::collections::BTreeMap::new();
        for (_, index, key, value) in self.of(partition) {
            match value {
                Some(value) => drop(rows.insert(*key, (*index, *value))),
                None => drop(rows.remove(key)),
            }
        }
        let row = |(key, (revision, value)): (&str, (u64, &str))| ScannedRow {
            key: key.to_owned().into(),
            revision,
            value: value.to_owned().into(),
            expires_ms: 0,
        };
        rows.into_iter().map(row).collect()
    }
}

impl World {
    pub fn do_watch(&self, request: WatchRequest) -> Result<Messages<WatchResponse>, Failure> {
        let header = request.header.clone().unwrap_or_default();
        let from = request.from.iter().map(|at| (at.partition, at.index)).collect();
        let boots = request.from.iter().map(|at| at.boot).collect();
        let initial_state = request.initial_state;
        self.admit(Asked {
            deadline_ms: header.deadline_ms,
            from,
            boots,
            initial_state,
            ..Asked::default()
        })?;
        if !self.rows().has(&header.namespace, &request.table) {
            return Err(Failure::new(code::NO_TABLE, format!("there is no table `{}`", request.table)));
        }
        let history = self.history();
        let seen = |partition: u64| match (&request.from[..], initial_state) {
            (_, true) => 0,
            ([], false) => history.last(partition),
            (from, false) => from.iter().find(|at| at.partition == partition).map_or(0, |at| at.index),
        };
        let begins = PARTITIONS
            .map(|partition| Position { partition, index: seen(partition), boot: history.boot })
            .to_vec();
        let mut messages = vec![WatchResponse { begins, ..WatchResponse::default() }];
        for partition in PARTITIONS {
            let index = history.last(partition);
            let base = WatchResponse { partition, index, boot: history.boot, ..WatchResponse::default() };
            if initial_state {
                let rows = history.rows(partition);
                let parts =
                    rows.iter().map(|row| WatchResponse { changed: vec![row.clone()], ..base.clone() });
                messages.extend(parts);
                messages.push(WatchResponse { is_all: true, ..base.clone() });
            } else {
                let told = history.behind(partition, seen(partition))?;
                messages.extend(told.into_iter().map(|(index, told)| WatchResponse {
                    index,
                    told,
                    ..base.clone()
                }));
            }
            messages.push(WatchResponse { is_all: true, ..base });
        }
        drop(history);
        let is_wanted = |key: &Bytes| *key >= request.start && (request.end.is_empty() || *key < request.end);
        messages.retain_mut(|message| {
            let told = !message.told.is_empty() || !message.changed.is_empty();
            message.told.retain(|event| is_wanted(&event.key));
            message.changed.retain(|row| is_wanted(&row.key));
            !told || !message.told.is_empty() || !message.changed.is_empty()
        });
        let extra = std::mem::take(&mut self.plan().told_besides);
        messages.extend(extra);
        Ok(self.cut_to_plan(messages))
    }

    pub fn do_tail(&self, request: TailRequest) -> Result<Messages<TailResponse>, Failure> {
        let from = vec![(request.partition, request.from)];
        self.admit(Asked { from, boots: vec![request.boot], ..Asked::default() })?;
        let history = self.history();
        let partition = request.partition;
        let index = history.last(partition);
        let seen = if request.from == 0 { index } else { request.from - 1 };
        let base = TailResponse { partition, index, boot: history.boot, ..TailResponse::default() };
        let told = history.behind(partition, seen)?;
        let told = told.into_iter().map(|(index, told)| TailResponse { index, told, ..base.clone() });
        let mut messages: Vec<TailResponse> = told.collect();
        messages.push(TailResponse { is_all: true, ..base });
        drop(history);
        Ok(self.cut_to_plan(messages))
    }

    /// As many as are planned, and then an error; without a plan, all.
    fn cut_to_plan<T>(&self, messages: Vec<T>) -> Messages<T> {
        let (kept, end) = match self.plan().cut_follow.pop_front() {
            Some((kept, failure)) => (kept, Some(failure)),
            None => (usize::MAX, None),
        };
        let mut messages: Messages<T> = messages.into_iter().take(kept).map(Ok).collect();
        messages.extend(end.map(|failure| Err(failure.into())));
        messages
    }
}
