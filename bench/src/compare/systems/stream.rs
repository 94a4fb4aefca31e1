//! Clients of `statehouse.data.v1` that share one bidirectional call for each
//! connection.

use super::names::Names;
use super::unary::{add, added, found, get, upsert, written};
use super::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::rows::Item;
use crate::compare::scenario::Shape;
use bytes::Bytes;
use proto::data::data_client::DataClient;
use proto::data::{
    ApplyRequest, StreamRequest, StreamResponse, UpsertRequest, stream_request, stream_response,
};
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};
use tokio::sync::mpsc;
use tonic::Streaming;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};

/// The answers of a call, by the sequence that they bear. Each client has one
/// request under way, so its number can be the sequence of all of them.
struct Answers {
    slots: RefCell<Vec<Slot>>,
}

#[derive(Default)]
struct Slot {
    waiting: Option<Waker>,
    answer: Option<Result<stream_response::Response, String>>,
}

impl Answers {
    fn deliver(&self, sequence: u64, answer: Result<stream_response::Response, String>) {
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = usize::try_from(sequence).ok().and_then(|at| slots.get_mut(at)) else { return };
        slot.answer = Some(answer);
        if let Some(waiting) = slot.waiting.take() {
            waiting.wake();
        }
    }

    fn fail(&self, why: &str) {
        let count = self.slots.borrow().len() as u64;
        (0..count).for_each(|sequence| self.deliver(sequence, Err(why.to_owned())));
    }

    async fn take(&self, at: usize) -> Result<stream_response::Response, String> {
        poll_fn(|context| {
            let slot = &mut self.slots.borrow_mut()[at];
            match slot.answer.take() {
                Some(answer) => Poll::Ready(answer),
                None => {
                    slot.waiting = Some(context.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

/// Reads until the call ends.
async fn listen(mut inbound: Streaming<StreamResponse>, answers: Rc<Answers>) {
    loop {
        match inbound.message().await {
            Ok(Some(message)) => {
                let answer = message.response.ok_or_else(|| "an answer says nothing".to_owned());
                answers.deliver(message.sequence, answer);
            }
            Ok(None) => return answers.fail("the server ended the stream"),
            Err(status) => return answers.fail(&status.to_string()),
        }
    }
}

/// A client with one request under way.
pub struct Shared {
    requests: mpsc::Sender<StreamRequest>,
    answers: Rc<Answers>,
    sequence: usize,
    names: Names,
}

/// One client for each request under way.
pub async fn connect(addresses: &str, shape: Shape, names: Names) -> Result<Vec<Shared>, Failure> {
    let mut clients = Vec::new();
    for address in addresses.split(',').cycle().take(shape.connections) {
        let (requests, outbound) = mpsc::channel(shape.in_flight);
        let mut client = DataClient::new(channel(address).await?);
        let inbound = client.stream(ReceiverStream::new(outbound)).await?.into_inner();
        let slots = RefCell::new((0..shape.in_flight).map(|_| Slot::default()).collect());
        let answers = Rc::new(Answers { slots });
        tokio::task::spawn_local(listen(inbound, answers.clone()));
        clients.extend((0..shape.in_flight).map(|sequence| Shared {
            requests: requests.clone(),
            answers: answers.clone(),
            sequence,
            names: names.clone(),
        }));
    }
    Ok(clients)
}

/// A connection.
async fn channel(address: &str) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    Ok(endpoint.connect().await?)
}

impl Shared {
    async fn call(&mut self, request: stream_request::Request) -> Result<stream_response::Response, Failure> {
        let request = StreamRequest { sequence: self.sequence as u64, request: Some(request) };
        // When the call is over, the slot has the reason.
        let _ = self.requests.send(request).await;
        match self.answers.take(self.sequence).await? {
            stream_response::Response::Error(error) => {
                Err(format!("{} {}", error.code, error.message).into())
            }
            answer => Ok(answer),
        }
    }

    async fn upsert(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        let items = rows.len();
        let (header, name) = self.names.begin(items);
        let request = UpsertRequest { header: Some(header), ..upsert(rows) };
        let answer = self.call(stream_request::Request::Upsert(request)).await?;
        self.names.end(name);
        match answer {
            stream_response::Response::Upsert(answer) => written(&answer, items),
            _ => Err("the answer is of another kind".into()),
        }
    }
}

impl Client for Shared {
    async fn add(&mut self, times: usize) -> Result<(), Failure> {
        let (header, name) = self.names.begin(times);
        let request = ApplyRequest { header: Some(header), ..add(times) };
        let answer = self.call(stream_request::Request::Apply(request)).await?;
        self.names.end(name);
        match answer {
            stream_response::Response::Apply(answer) => added(&answer, times),
            _ => Err("the answer is of another kind".into()),
        }
    }

    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        self.upsert(vec![row]).await
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        match self.call(stream_request::Request::Get(get(key))).await? {
            stream_response::Response::Get(answer) => found(&answer),
            _ => Err("the answer is of another kind".into()),
        }
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        self.upsert(rows).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::Context;

    fn upserted(items: usize) -> stream_response::Response {
        let results = vec![proto::data::ItemResult::default(); items];
        stream_response::Response::Upsert(proto::data::UpsertResponse { receipts: vec![], results })
    }

    #[test]
    fn answers_reach_who_asked_in_any_order() {
        let slots = RefCell::new((0..3).map(|_| Slot::default()).collect());
        let answers = Answers { slots };
        let mut context = Context::from_waker(Waker::noop());
        let (mut first, mut second, mut third) =
            (pin!(answers.take(0)), pin!(answers.take(1)), pin!(answers.take(2)));
        assert!(first.as_mut().poll(&mut context).is_pending());
        answers.deliver(1, Ok(upserted(7)));
        // Nobody asked under these.
        answers.deliver(3, Ok(upserted(8)));
        answers.deliver(u64::MAX, Ok(upserted(8)));
        assert!(first.as_mut().poll(&mut context).is_pending());
        assert_eq!(second.as_mut().poll(&mut context), Poll::Ready(Ok(upserted(7))));
        answers.deliver(0, Ok(upserted(6)));
        assert_eq!(first.as_mut().poll(&mut context), Poll::Ready(Ok(upserted(6))));
        answers.fail("over");
        assert_eq!(third.as_mut().poll(&mut context), Poll::Ready(Err("over".to_owned())));
    }
}
