//! `Stream`: many requests on one call, answered in any order.
//!
//! A request on the stream is served as if it had come alone. So many may be
//! unanswered; then no more are read, and the transport's flow control holds
//! the client back.

use super::{DataPlane, read, write};
use crate::door::{Arrival, full, in_our_words};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream, FuturesUnordered};
use model::code;
use proto::Failure;
use proto::data::stream_request::Request as Asked;
use proto::data::stream_response::Response as Answered;
use proto::data::{StreamRequest, StreamResponse};
use tonic::{Status, Streaming};

/// The answers to whatever comes in.
pub(super) fn serve(
    plane: DataPlane,
    arrival: Arrival,
    requests: Streaming<StreamRequest>,
) -> BoxStream<'static, Result<StreamResponse, Status>> {
    let most = plane.house.settings.stream_requests_max.max(1);
    let state =
        Some(Serving { plane, arrival, requests, under_way: FuturesUnordered::new(), open: true, most });
    let answers = stream::unfold(state, |state| async move {
        let mut serving = state?;
        match serving.next().await {
            Some(Ok(response)) => Some((Ok(response), Some(serving))),
            // The client broke off; its requests go on, nobody hears of them.
            Some(Err(status)) => Some((Err(status), None)),
            None => None,
        }
    });
    answers.boxed()
}

type One = std::pin::Pin<Box<dyn Future<Output = StreamResponse> + Send>>;

struct Serving {
    plane: DataPlane,
    arrival: Arrival,
    requests: Streaming<StreamRequest>,
    under_way: FuturesUnordered<One>,
    /// More requests may come.
    open: bool,
    most: usize,
}

impl Serving {
    /// The next answer; takes requests in meanwhile.
    async fn next(&mut self) -> Option<Result<StreamResponse, Status>> {
        loop {
            let takes = self.open && self.under_way.len() < self.most;
            tokio::select! {
                // Requests first: what is read together goes to the log together.
                biased;
                request = self.requests.message(), if takes => match request {
                    Ok(Some(request)) => self.take(request),
                    Ok(None) => self.open = false,
                    // What cannot be read, or a client that broke off.
                    Err(status) => return Some(Err(in_our_words(status))),
                },
                Some(response) = self.under_way.next() => return Some(Ok(response)),
                else => return None,
            }
        }
    }

    fn take(&mut self, StreamRequest { sequence, request }: StreamRequest) {
        let house = self.plane.house.clone();
        let arrival = self.arrival.of_message(house.clock.mono());
        let plane = self.plane.clone();
        let place = house.place();
        self.under_way.push(Box::pin(async move {
            let answer = match place {
                Some(_place) => answer(&plane, arrival, request).await,
                None => Err(full()),
            };
            let response = answer.unwrap_or_else(|failure| Answered::Error(failure.to_wire()));
            StreamResponse { sequence, response: Some(response) }
        }));
    }
}

async fn answer(plane: &DataPlane, arrival: Arrival, request: Option<Asked>) -> Result<Answered, Failure> {
    match request {
        Some(Asked::Upsert(request)) => write::upsert(plane, arrival, request).await.map(Answered::Upsert),
        Some(Asked::Get(request)) => read::get(plane, arrival, request).await.map(Answered::Get),
        Some(Asked::Remove(request)) => write::remove(plane, arrival, request).await.map(Answered::Remove),
        None => Err(Failure::new(code::MALFORMED, "the message holds no request that this build knows")),
    }
}
