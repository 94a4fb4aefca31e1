//! What waits to be sent and what waits for its answer: no socket, no task, no
//! clock.

use crate::answer::{self, Removed, Row, Written};
use crate::error::{Access, Error};
use crate::ops::Name;
use crate::runtime::Instant;
use bytes::Bytes;
use proto::data::stream_response::Response;
use proto::data::{Item, StreamResponse};
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::oneshot;

/// Who waits for an answer.
pub(super) type Reply<A> = oneshot::Sender<Result<A, Missed>>;

/// Why there is none; and of a write that was sent, under which name it may be
/// sent again.
#[derive(Debug)]
pub(super) struct Missed {
    pub error: Error,
    pub name: Option<Name>,
}

impl From<Error> for Missed {
    /// Of what was never sent.
    fn from(error: Error) -> Missed {
        Missed { error, name: None }
    }
}

/// A call that has not been sent.
#[derive(Debug)]
pub(super) struct Pending<Q, A> {
    pub ask: Q,
    /// What it adds to a message.
    pub bytes: usize,
    pub expires: Instant,
    pub reply: Reply<A>,
}

/// A call, by kind.
#[derive(Debug)]
pub(super) enum Call {
    Put(Pending<Item, Written>),
    Remove(Pending<Bytes, Removed>),
    Get(Pending<Bytes, Option<Row>>),
}

impl Call {
    pub fn expires(&self) -> Instant {
        match self {
            Call::Put(put) => put.expires,
            Call::Remove(remove) => remove.expires,
            Call::Get(get) => get.expires,
        }
    }
}

/// The content of a message.
#[derive(Debug, PartialEq)]
pub(super) enum Batch {
    Puts(Vec<Item>),
    Removes(Vec<Bytes>),
    Gets(Vec<Bytes>),
}

/// Who waits for the answer to a message.
#[derive(Debug)]
enum Replies {
    Puts(Vec<Reply<Written>>),
    Removes(Vec<Reply<Removed>>),
    /// Whole, because reads are sent again when a connection breaks.
    Gets(Vec<Pending<Bytes, Option<Row>>>),
}

#[derive(Debug)]
struct Sent {
    /// When the first of its calls does.
    expires: Instant,
    /// Of a write.
    name: Option<Name>,
    replies: Replies,
}

/// What a stream is to send next.
#[derive(Debug)]
pub(super) struct Taken {
    pub sequence: u64,
    /// When the first of its calls does.
    pub expires: Instant,
    /// Of a write.
    pub name: Option<Name>,
    pub batch: Batch,
}

/// How much one message may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub items: usize,
    pub bytes: usize,
}

/// Calls of one lane. Each is in exactly one place: in one of the three queues,
/// or in one entry of `sent`; whatever takes it out answers it or puts it into
/// the other.
#[derive(Debug)]
pub(super) struct Queue {
    bounds: Bounds,
    puts: VecDeque<Pending<Item, Written>>,
    removes: VecDeque<Pending<Bytes, Removed>>,
    gets: VecDeque<Pending<Bytes, Option<Row>>>,
    sent: BTreeMap<u64, Sent>,
    /// The last sequence given.
    sequence: u64,
    /// Whose turn it is; the kinds take turns, so that none waits for ever.
    turn: u8,
}

impl Queue {
    pub fn new(bounds: Bounds) -> Queue {
        Queue {
            bounds,
            puts: VecDeque::new(),
            removes: VecDeque::new(),
            gets: VecDeque::new(),
            sent: BTreeMap::new(),
            sequence: 0,
            turn: 0,
        }
    }

    pub fn push(&mut self, call: Call) {
        match call {
            Call::Put(put) => self.puts.push_back(put),
            Call::Remove(remove) => self.removes.push_back(remove),
            Call::Get(get) => self.gets.push_back(get),
        }
    }

    pub fn waits(&self) -> bool {
        !(self.puts.is_empty() && self.removes.is_empty() && self.gets.is_empty())
    }

    /// The next message; a write under the name that `named` gives to so many
    /// items. Whoever stopped waiting is left out; `freed` counts those.
    pub fn take(&mut self, freed: &mut usize, named: impl Fn(usize) -> Option<Name>) -> Option<Taken> {
        for _ in 0..3 {
            self.turn = (self.turn + 1) % 3;
            let taken = match self.turn {
                0 => gather(&mut self.puts, self.bounds, freed).map(|(expires, calls)| {
                    let (items, replies) = calls.into_iter().map(|put| (put.ask, put.reply)).unzip();
                    (expires, Batch::Puts(items), Replies::Puts(replies))
                }),
                1 => gather(&mut self.removes, self.bounds, freed).map(|(expires, calls)| {
                    let (keys, replies) = calls.into_iter().map(|remove| (remove.ask, remove.reply)).unzip();
                    (expires, Batch::Removes(keys), Replies::Removes(replies))
                }),
                _ => gather(&mut self.gets, self.bounds, freed).map(|(expires, calls)| {
                    let keys = calls.iter().map(|get| get.ask.clone()).collect();
                    (expires, Batch::Gets(keys), Replies::Gets(calls))
                }),
            };
            if let Some((expires, batch, replies)) = taken {
                self.sequence += 1;
                let name = replies.writes().and_then(&named);
                self.sent.insert(self.sequence, Sent { expires, name: name.clone(), replies });
                return Some(Taken { sequence: self.sequence, expires, name, batch });
            }
        }
        None
    }

    /// Who waits for this answer; nobody when they were told already.
    pub fn settle(&mut self, answer: StreamResponse) -> Option<Settled> {
        let sent = self.sent.remove(&answer.sequence)?;
        Some(Settled { name: sent.name, replies: sent.replies, answer: answer.response })
    }

    /// When the first of all calls expires.
    pub fn expires(&self) -> Option<Instant> {
        let fronts = [
            self.puts.front().map(|put| put.expires),
            self.removes.front().map(|remove| remove.expires),
            self.gets.front().map(|get| get.expires),
        ];
        let sent = self.sent.values().map(|sent| sent.expires);
        fronts.into_iter().flatten().chain(sent).min()
    }

    /// Tells whose time is over; returns how many.
    pub fn expire(&mut self, now: Instant, unsent: &Error, lost: impl Fn(Access) -> Error) -> usize {
        let mut told = expire_front(&mut self.puts, now, unsent);
        told += expire_front(&mut self.removes, now, unsent);
        told += expire_front(&mut self.gets, now, unsent);
        for (_, sent) in self.sent.extract_if(.., |_, sent| sent.expires <= now) {
            told += sent.replies.fail(&sent.name, &lost);
        }
        told
    }

    /// The connection broke: of what was sent nothing more will be heard. Writes
    /// are told `lost`; reads too, or, with `again`, wait anew, in front.
    /// Returns how many were told.
    pub fn lose_sent(&mut self, again: bool, lost: impl Fn(Access) -> Error) -> usize {
        let mut told = 0;
        for (_, sent) in std::mem::take(&mut self.sent).into_iter().rev() {
            match sent.replies {
                Replies::Gets(gets) if again => {
                    gets.into_iter().rev().for_each(|get| self.gets.push_front(get))
                }
                replies => told += replies.fail(&sent.name, &lost),
            }
        }
        told
    }

    /// Tells all that wait; returns how many.
    pub fn refuse_waiting(&mut self, error: &Error) -> usize {
        let told = self.puts.len() + self.removes.len() + self.gets.len();
        self.puts.drain(..).for_each(|put| tell(put.reply, Err(error.clone().into())));
        self.removes.drain(..).for_each(|remove| tell(remove.reply, Err(error.clone().into())));
        self.gets.drain(..).for_each(|get| tell(get.reply, Err(error.clone().into())));
        told
    }
}

/// An answer and those that it is for.
#[derive(Debug)]
pub(super) struct Settled {
    name: Option<Name>,
    replies: Replies,
    answer: Option<Response>,
}

impl Settled {
    /// Tells them; returns how many.
    pub fn tell(self) -> usize {
        match (self.replies, self.answer) {
            (Replies::Puts(replies), Some(Response::Upsert(answer))) => {
                tell_each(replies, &self.name, answer::written(answer))
            }
            (Replies::Removes(replies), Some(Response::Remove(answer))) => {
                tell_each(replies, &self.name, answer::removed(answer))
            }
            (Replies::Gets(gets), Some(Response::Get(answer))) => {
                let replies = gets.into_iter().map(|get| get.reply).collect();
                tell_each(replies, &None, answer::rows(answer))
            }
            (replies, Some(Response::Error(error))) => {
                let error = Error::from(error);
                replies.fail(&self.name, &|_| error.clone())
            }
            (replies, _) => {
                replies.fail(&self.name, &|_| answer::senseless("it is of another kind than the request"))
            }
        }
    }
}

impl Replies {
    /// How many items it writes, if it does.
    fn writes(&self) -> Option<usize> {
        match self {
            Replies::Puts(replies) => Some(replies.len()),
            Replies::Removes(replies) => Some(replies.len()),
            Replies::Gets(_) => None,
        }
    }

    fn fail(self, name: &Option<Name>, error: &impl Fn(Access) -> Error) -> usize {
        match self {
            Replies::Puts(replies) => fail_each(replies, name, &error(Access::Write)),
            Replies::Removes(replies) => fail_each(replies, name, &error(Access::Write)),
            Replies::Gets(gets) => {
                fail_each(gets.into_iter().map(|get| get.reply).collect(), &None, &error(Access::Read))
            }
        }
    }
}

/// From the front of a queue, as many as a message may hold, and when the first
/// of them expires.
fn gather<Q, A>(
    queue: &mut VecDeque<Pending<Q, A>>,
    bounds: Bounds,
    freed: &mut usize,
) -> Option<(Instant, Vec<Pending<Q, A>>)> {
    let mut calls: Vec<Pending<Q, A>> = Vec::with_capacity(queue.len().min(bounds.items));
    let mut bytes = 0;
    while calls.len() < bounds.items
        && let Some(next) = queue.front()
        && (calls.is_empty() || bytes + next.bytes <= bounds.bytes)
        && let Some(next) = queue.pop_front()
    {
        if next.reply.is_closed() {
            *freed += 1;
            continue;
        }
        bytes += next.bytes;
        calls.push(next);
    }
    let expires = calls.iter().map(|call| call.expires).min()?;
    Some((expires, calls))
}

fn expire_front<Q, A>(queue: &mut VecDeque<Pending<Q, A>>, now: Instant, unsent: &Error) -> usize {
    let mut told = 0;
    while let Some(call) = queue.pop_front_if(|call| call.expires <= now) {
        tell(call.reply, Err(unsent.clone().into()));
        told += 1;
    }
    told
}

fn tell_each<A>(
    replies: Vec<Reply<A>>,
    name: &Option<Name>,
    answers: impl ExactSizeIterator<Item = Result<A, Error>>,
) -> usize {
    if answers.len() != replies.len() {
        let what = format!("{} answers to {} items", answers.len(), replies.len());
        return fail_each(replies, name, &answer::senseless(&what));
    }
    let told = replies.len();
    for (at, (reply, answer)) in replies.into_iter().zip(answers).enumerate() {
        tell(reply, answer.map_err(|error| missed(error, name, at)));
    }
    told
}

fn fail_each<A>(replies: Vec<Reply<A>>, name: &Option<Name>, error: &Error) -> usize {
    let told = replies.len();
    for (at, reply) in replies.into_iter().enumerate() {
        tell(reply, Err(missed(error.clone(), name, at)));
    }
    told
}

/// Of the item at this place of a message.
fn missed(error: Error, name: &Option<Name>, at: usize) -> Missed {
    Missed { error, name: name.as_ref().map(|name| name.of(at)) }
}

/// Whoever stopped waiting does not want to hear of it.
fn tell<A>(reply: Reply<A>, answer: Result<A, Missed>) {
    let _ = reply.send(answer);
}

#[cfg(test)]
mod tests;
