//! `Stream`: many requests on one call, answered in any order.
//!
//! A request on the stream is served as if it had come alone. So many may be
//! unanswered; then no more are read, and the transport's flow control holds
//! the client back.
#![allow(clippy::disallowed_methods, reason = "a task and a timer of the serving thread's own runtime")]

use super::{DataPlane, apply, query, read, write};
use crate::door::{Arrival, Line, full, in_our_words};
use crate::house::{Place, Weight};
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, FuturesUnordered};
use model::code;
use proto::Failure;
use proto::data::stream_request::Request as Asked;
use proto::data::stream_response::Response as Answered;
use proto::data::{StreamRequest, StreamResponse};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{self, error::TrySendError};
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Requests of one call that may be unanswered; then no more are read.
const UNANSWERED_MAX: usize = 4096;
/// Answers that wait for the connection, beyond what the transport holds.
const ANSWERS_MAX: usize = 64;
/// How long requests are still refused, before a call ends.
const REFUSING: Duration = Duration::from_secs(1);
/// A client that takes no answer for so long is gone.
const TAKE_WAIT: Duration = Duration::from_secs(30);

/// The answers to whatever comes in.
pub(super) fn serve(
    plane: Arc<DataPlane>,
    arrival: Arrival,
    line: Arc<Line>,
    requests: Streaming<StreamRequest>,
) -> BoxStream<'static, Result<StreamResponse, Status>> {
    let serving =
        Serving { plane, arrival, requests, under_way: FuturesUnordered::new(), intake: Intake::Open };
    let (answers, out) = mpsc::channel(ANSWERS_MAX);
    // A task of its own: requests go on although their answers are not taken.
    tokio::spawn(serving.run(line, answers));
    // An answer keeps its room until the connection asks for the next one.
    let mut last = Weight::default();
    let answers = ReceiverStream::new(out).map(move |(answer, weight)| {
        drop(std::mem::replace(&mut last, weight));
        answer
    });
    answers.boxed()
}

type One = std::pin::Pin<Box<dyn Future<Output = (StreamResponse, Weight)> + Send>>;
type Answer = (Result<StreamResponse, Status>, Weight);

struct Serving {
    plane: Arc<DataPlane>,
    arrival: Arrival,
    requests: Streaming<StreamRequest>,
    under_way: FuturesUnordered<One>,
    intake: Intake,
}

/// What becomes of requests that come in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    /// They are served.
    Open,
    /// The call is about to end. They are told that nothing was done; left
    /// unread, nobody would know.
    Refusing,
    /// None come any more.
    Over,
}

impl Serving {
    async fn run(mut self, line: Arc<Line>, answers: mpsc::Sender<Answer>) {
        let mut ends = pin!(line.ends());
        let mut over = pin!(tokio::time::sleep(Duration::ZERO));
        loop {
            let takes = self.intake != Intake::Over && self.under_way.len() < UNANSWERED_MAX;
            tokio::select! {
                // Requests before answers: what is read together goes to the log together.
                biased;
                () = ends.as_mut(), if self.intake == Intake::Open => {
                    self.intake = Intake::Refusing;
                    over.as_mut().reset(Instant::now() + REFUSING);
                }
                () = over.as_mut(), if self.intake == Intake::Refusing => self.intake = Intake::Over,
                request = self.requests.message(), if takes => match request {
                    Ok(Some(request)) => self.take(request),
                    Ok(None) => self.intake = Intake::Over,
                    // What cannot be read, or a client that broke off: its requests go on,
                    // nobody hears of them.
                    Err(status) => {
                        give(&answers, (Err(in_our_words(status)), Weight::default())).await;
                        return;
                    }
                },
                Some((response, weight)) = self.under_way.next() => {
                    if !give(&answers, (Ok(response), weight)).await {
                        return;
                    }
                }
                else => return,
            }
        }
    }

    fn take(&mut self, request: StreamRequest) {
        let house = &self.plane.house;
        let arrival = self.arrival.of_message(house.clock.mono());
        let place = match self.intake {
            Intake::Open => house.place_on_stream().ok_or_else(full),
            _ => Err(Failure::new(code::STOPPING, "the node or this connection is ending")),
        };
        self.under_way.push(Box::pin(one(self.plane.clone(), arrival, request, place)));
    }
}

/// One request, in its place or refused one, and the room that its answer takes.
pub(super) async fn one(
    plane: Arc<DataPlane>,
    arrival: Arrival,
    StreamRequest { sequence, request }: StreamRequest,
    place: Result<Place, Failure>,
) -> (StreamResponse, Weight) {
    let answer = match place {
        Ok(_place) => answer(&plane, arrival, request).await,
        Err(failure) => Err(failure),
    };
    let response = answer.unwrap_or_else(|failure| Answered::Error(failure.to_wire()));
    let response = StreamResponse { sequence, response: Some(response) };
    // Whether there is room or not: what was asked is done.
    let weight = plane.house.burden(proto::encoded_len(&response), true);
    (response, weight)
}

/// False when nobody takes answers any more.
async fn give(answers: &mpsc::Sender<Answer>, answer: Answer) -> bool {
    match answers.try_send(answer) {
        Ok(()) => true,
        Err(TrySendError::Closed(_)) => false,
        Err(TrySendError::Full(answer)) => {
            matches!(tokio::time::timeout(TAKE_WAIT, answers.send(answer)).await, Ok(Ok(())))
        }
    }
}

async fn answer(plane: &DataPlane, arrival: Arrival, request: Option<Asked>) -> Result<Answered, Failure> {
    match request {
        Some(Asked::Upsert(request)) => write::upsert(plane, arrival, request).await.map(Answered::Upsert),
        Some(Asked::Get(request)) => read::get(plane, arrival, request).await.map(Answered::Get),
        Some(Asked::Remove(request)) => write::remove(plane, arrival, request).await.map(Answered::Remove),
        Some(Asked::Apply(request)) => apply::apply(plane, arrival, request).await.map(Answered::Apply),
        Some(Asked::Query(request)) => query::query(plane, arrival, request).await.map(Answered::Query),
        None => Err(Failure::new(code::MALFORMED, "the message holds no request that this build knows")),
    }
}
