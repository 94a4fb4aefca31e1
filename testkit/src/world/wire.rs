//! How a user's request reaches a node, and what its answer means.

use super::clients::grpc;
use super::content::value_of;
use super::frames::{self, PORT};
use super::knobs::Transport;
use super::names::Names;
use super::session::Session;
use bytes::{Bytes, BytesMut};
use client::{Error, Table};
use model::{Epoch, code};
use proto::convert::receipt_from_wire;
use proto::data::stream_request::Request;
use proto::data::stream_response::Response;
use proto::data::{
    GetRequest, Item as WireItem, RemoveRequest, StreamRequest, StreamResponse, UpsertRequest, item_result,
    row_result,
};
use proto::{Failure, common};
use std::time::Duration;
use tokio::time::{Instant, timeout_at};
use turmoil::net::TcpStream;
use turmoil::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use verify::history::{Outcome, Row};

/// One request.
#[derive(Clone, Debug)]
pub enum Ask {
    /// Set rows.
    Put(Vec<(Bytes, Bytes)>),
    /// Set a row for so many milliseconds.
    PutFor(Bytes, Bytes, u64),
    /// Remove rows.
    Remove(Vec<Bytes>),
    /// Read rows.
    Get(Vec<Bytes>),
}

/// What came of one item. A value is what stood in the row.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As a history writes it down.
    Outcome(Outcome),
    /// There is no such row; the answer does not say who says so.
    Absent,
    /// A row whose content nobody here wrote.
    Strange(Bytes),
}

/// A way to a node.
pub enum Wire {
    /// Frames, a connection of its own.
    Frames(Box<FramesWire>),
    /// Our client.
    Grpc(Table),
}

impl Wire {
    /// To the node of this name. Who does not send again what gets lost notices
    /// when an answer never comes.
    pub fn new(
        transport: Transport,
        node: &str,
        table: &str,
        patience: Duration,
        resends: bool,
        seed: u64,
    ) -> Result<Wire, Error> {
        match transport {
            Transport::Frames => Ok(Wire::Frames(Box::new(FramesWire {
                node: node.to_owned(),
                table: table.to_owned(),
                patience,
                open: None,
                sequence: 0,
                names: resends.then(|| Names::new(seed)),
                session: None,
            }))),
            Transport::Grpc => {
                let client = grpc(node, patience, resends, seed)?;
                Ok(Wire::Grpc(client.table(table)))
            }
        }
    }

    /// The same for somebody who reads after what was seen before.
    #[must_use]
    pub fn in_session(mut self) -> Wire {
        if let Wire::Frames(frames) = &mut self {
            frames.session = Some(Session::default());
        }
        self
    }

    /// Asks, and says what came of each item. An answer under another epoch
    /// than the expected one is not wanted.
    pub async fn ask(&mut self, ask: Ask, expected: Option<Epoch>) -> Vec<Answer> {
        let items = ask.items();
        let is_read = matches!(ask, Ask::Get(_));
        let answers = match self {
            Wire::Frames(frames) => frames.ask(ask, expected).await,
            Wire::Grpc(table) => Box::pin(grpc_ask(table, ask)).await,
        };
        match answers {
            Ok(answers) if answers.len() == items => answers,
            Ok(answers) => vec![strange(&format!("{} answers to {items} items", answers.len())); items],
            Err(Lost::NotSent) => vec![Answer::Outcome(Outcome::Refused); items],
            Err(Lost::Refused(failure)) => vec![Answer::Outcome(refused(&failure, is_read)); items],
            Err(Lost::Unknown) => vec![Answer::Outcome(Outcome::Unknown); items],
        }
    }
}

impl Ask {
    fn items(&self) -> usize {
        match self {
            Ask::Put(rows) => rows.len(),
            Ask::PutFor(..) => 1,
            Ask::Remove(keys) | Ask::Get(keys) => keys.len(),
        }
    }

    fn on_the_wire(
        self,
        table: &str,
        expected: Option<Epoch>,
        patience: Duration,
        op: Option<common::OpId>,
        position: Vec<common::Position>,
    ) -> Request {
        let header = Some(common::Header {
            deadline_ms: u32::try_from(patience.as_millis()).unwrap_or(u32::MAX),
            expected_epoch: expected.map(proto::convert::epoch_to_wire),
            // Whatever came before is over, one way or the other.
            answered_upto: op.as_ref().map_or(0, |op| op.sequence - 1),
            op,
            position,
            ..common::Header::default()
        });
        let table = table.to_owned();
        match self {
            Ask::Put(rows) => {
                let items = rows
                    .into_iter()
                    .map(|(key, value)| WireItem { key, value, ..WireItem::default() })
                    .collect();
                Request::Upsert(UpsertRequest { header, table, items, atomic: false })
            }
            Ask::PutFor(key, value, ttl_ms) => {
                let items = vec![WireItem { key, value, ttl_ms, ..WireItem::default() }];
                Request::Upsert(UpsertRequest { header, table, items, atomic: false })
            }
            Ask::Remove(keys) => {
                Request::Remove(RemoveRequest { header, table, keys, ..RemoveRequest::default() })
            }
            Ask::Get(keys) => Request::Get(GetRequest { header, table, keys }),
        }
    }
}

/// Why there is no answer.
enum Lost {
    NotSent,
    Refused(Failure),
    Unknown,
}

/// A refused write was not applied; a read never was.
fn refused(failure: &Failure, is_read: bool) -> Outcome {
    if !is_read && failure.is(code::UNKNOWN_OUTCOME) { Outcome::Unknown } else { Outcome::Refused }
}

/// Length-prefixed messages on one connection, one request at a time. A
/// connection on which an answer is late is given up: a lost segment never
/// comes again here.
pub struct FramesWire {
    node: String,
    table: String,
    patience: Duration,
    open: Option<Open>,
    sequence: u64,
    /// None for who does not send again.
    names: Option<Names>,
    /// None for who demands nothing of what is read.
    session: Option<Session>,
}

struct Open {
    from: OwnedReadHalf,
    to: OwnedWriteHalf,
    buffer: BytesMut,
}

impl FramesWire {
    /// A write whose answer is lost, or says that nobody knows, is sent again
    /// under its name, while there is time. What is refused then may have been
    /// done before.
    async fn ask(&mut self, ask: Ask, expected: Option<Epoch>) -> Result<Vec<Answer>, Lost> {
        let until = now() + self.patience;
        let names = self.names.as_mut().filter(|_| !matches!(ask, Ask::Get(_)));
        let op = names.map(|names| names.next(ask.items()));
        let mut lost = false;
        loop {
            let late = if op.is_some() { until.min(now() + self.patience / 2) } else { until };
            let answer = self.once(ask.clone(), expected, op.clone(), late).await;
            match answer {
                _ if op.is_some() && is_unknown(&answer) && now() + RESENT_IN < until => {
                    lost = true;
                    super::pause(RESENT_IN).await;
                }
                Err(_) if lost => return Err(Lost::Unknown),
                Ok(answers) if lost => return Ok(answers.into_iter().map(or_unknown).collect()),
                answer => return answer,
            }
        }
    }

    async fn once(
        &mut self,
        ask: Ask,
        expected: Option<Epoch>,
        op: Option<common::OpId>,
        until: Instant,
    ) -> Result<Vec<Answer>, Lost> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => timeout_at(until, connect(&self.node)).await.ok().flatten().ok_or(Lost::NotSent)?,
        };
        self.sequence += 1;
        let session = self.session.as_mut().filter(|_| matches!(ask, Ask::Get(_)));
        let demanded = session.map(Session::demand).unwrap_or_default();
        let items = ask.items();
        let request = ask.on_the_wire(&self.table, expected, self.patience, op, demanded.clone());
        let request = StreamRequest { sequence: self.sequence, request: Some(request) };
        let answer =
            timeout_at(until, exchange(&mut open, &request)).await.ok().flatten().ok_or(Lost::Unknown)?;
        self.open = Some(open);
        self.names.iter_mut().for_each(|names| names.hear(&answer));
        if let Some(wrong) = self.session.as_mut().and_then(|session| session.hear(&demanded, &answer)) {
            return Ok(vec![strange(&wrong); items]);
        }
        answers(answer)
    }
}

/// A lost write is sent again after so long.
const RESENT_IN: Duration = Duration::from_millis(20);

fn is_unknown(answer: &Result<Vec<Answer>, Lost>) -> bool {
    let of_item = |answer: &Answer| matches!(answer, Answer::Outcome(Outcome::Unknown));
    match answer {
        Err(Lost::Unknown) => true,
        Err(Lost::Refused(failure)) => failure.is(code::UNKNOWN_OUTCOME),
        Err(Lost::NotSent) => false,
        Ok(answers) => answers.iter().any(of_item),
    }
}

fn or_unknown(answer: Answer) -> Answer {
    match answer {
        Answer::Outcome(Outcome::Refused) => Answer::Outcome(Outcome::Unknown),
        answer => answer,
    }
}

async fn connect(node: &str) -> Option<Open> {
    let stream = TcpStream::connect((node, PORT)).await.ok()?;
    let (from, to) = stream.into_split();
    Some(Open { from, to, buffer: BytesMut::new() })
}

async fn exchange(open: &mut Open, request: &StreamRequest) -> Option<Response> {
    frames::put(&mut open.to, request).await.ok()?;
    loop {
        let answer: StreamResponse = frames::take(&mut open.from, &mut open.buffer).await.ok()??;
        // A second answer to a read that was served twice.
        if answer.sequence == request.sequence {
            return answer.response;
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a host's runtime shows virtual time")]
fn now() -> Instant {
    Instant::now()
}

fn answers(response: Response) -> Result<Vec<Answer>, Lost> {
    match response {
        Response::Upsert(answer) => Ok(written(&answer.receipts, answer.results)),
        Response::Remove(answer) => Ok(written(&answer.receipts, answer.results)),
        Response::Get(answer) => Ok(read(&answer.receipts, answer.results)),
        // Nobody here asks a machine.
        Response::Apply(_) | Response::Query(_) => Ok(vec![strange("an answer of another kind")]),
        Response::Error(error) => Err(Lost::Refused(Failure::from_wire(error))),
    }
}

/// An answer that no server should give.
fn strange(what: &str) -> Answer {
    Answer::Strange(Bytes::copy_from_slice(what.as_bytes()))
}

fn written(receipts: &[common::Receipt], results: Vec<proto::data::ItemResult>) -> Vec<Answer> {
    let one = |result: proto::data::ItemResult| {
        Answer::Outcome(match result.outcome {
            Some(item_result::Outcome::Applied(applied)) => {
                let receipt = receipts.get(applied.receipt as usize).map(receipt_from_wire);
                match receipt {
                    Some(Ok(receipt)) => wrote(&receipt, applied.revision, !applied.not_found),
                    _ => return strange("a receipt that is not there"),
                }
            }
            Some(item_result::Outcome::Error(error)) => refused(&Failure::from_wire(error), false),
            None => return strange("an item without an outcome"),
        })
    };
    results.into_iter().map(one).collect()
}

fn read(receipts: &[common::Receipt], results: Vec<proto::data::RowResult>) -> Vec<Answer> {
    let one = |result: proto::data::RowResult| {
        let Some(row_result::Outcome::Row(row)) = result.outcome else {
            let is_refused = matches!(result.outcome, Some(row_result::Outcome::Error(_)));
            return if is_refused { Answer::Outcome(Outcome::Refused) } else { strange("no outcome") };
        };
        let Some(Ok(receipt)) = receipts.get(row.receipt as usize).map(receipt_from_wire) else {
            return strange("a receipt that is not there");
        };
        let found = row.found.then_some((row.revision, row.value));
        seen(receipt.partition.0, receipt.epoch, receipt.index, found)
    };
    results.into_iter().map(one).collect()
}

fn seen(partition: u64, epoch: Epoch, applied: u64, found: Option<(u64, Bytes)>) -> Answer {
    let row = match found {
        None => None,
        Some((revision, bytes)) => match value_of(&bytes) {
            Some(value) => Some(Row { revision, value }),
            None => return Answer::Strange(bytes),
        },
    };
    Answer::Outcome(Outcome::Read { partition, epoch, applied, row })
}

async fn grpc_ask(table: &Table, ask: Ask) -> Result<Vec<Answer>, Lost> {
    Ok(match ask {
        Ask::Put(rows) => {
            let items = rows.into_iter().map(|(key, value)| WireItem { key, value, ..WireItem::default() });
            let written = table
                .upsert(items)
                .await
                .into_iter()
                .map(|written| written.map(|one| wrote(&one.receipt, one.revision, true)));
            written.map(|one| Answer::Outcome(one.unwrap_or_else(|error| lost(&error)))).collect()
        }
        Ask::PutFor(key, value, ttl_ms) => {
            let put = client::Change::put_for(key, value, Duration::from_millis(ttl_ms));
            let changed = table.change(put).await.map(|one| wrote(&one.receipt, one.revision, true));
            vec![Answer::Outcome(changed.unwrap_or_else(|error| lost(&error)))]
        }
        Ask::Remove(keys) => {
            let removed = table
                .remove_many(keys)
                .await
                .into_iter()
                .map(|removed| removed.map(|one| wrote(&one.receipt, one.revision, one.found)));
            removed.map(|one| Answer::Outcome(one.unwrap_or_else(|error| lost(&error)))).collect()
        }
        Ask::Get(keys) => {
            let rows = table.get_many(keys).await.into_iter().map(|row| match row {
                Ok(Some(row)) => {
                    let receipt = row.receipt;
                    seen(receipt.partition.0, receipt.epoch, receipt.index, Some((row.revision, row.value)))
                }
                // Which partition said so is not told.
                Ok(None) => Answer::Absent,
                Err(_) => Answer::Outcome(Outcome::Refused),
            });
            rows.collect()
        }
    })
}

fn wrote(receipt: &proto::convert::Receipt, index: u64, found: bool) -> Outcome {
    Outcome::Wrote { partition: receipt.partition.0, epoch: receipt.epoch, index, found }
}

fn lost(error: &Error) -> Outcome {
    if error.is(code::UNKNOWN_OUTCOME) { Outcome::Unknown } else { Outcome::Refused }
}
