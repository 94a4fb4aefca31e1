//! The methods of the data plane, and what serves each.

use super::{DataPlane, apply, follow, map, outcome, query, read, scan, stream, write};
use crate::desk::Desk;
use crate::door::{self, Arrival, Call, Caller, Leaving, Line, full};
use crate::house::House;
use futures_util::stream::BoxStream;
use http::Response;
use model::code;
use proto::data::{StreamRequest, StreamResponse};
use proto::{Failure, MESSAGE_BYTES_MAX, Message};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::server::{Grpc, StreamingService};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;
use tower::Service;

type Answering = Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

/// The data plane as the door calls it.
#[derive(Clone)]
pub struct DataService(Arc<DataPlane>);

impl DataService {
    /// Of the serving thread that runs this desk.
    pub fn new(house: Arc<House>, desk: Arc<Desk>) -> DataService {
        let directory = house.node.directory();
        DataService(Arc::new(DataPlane { house, directory, desk }))
    }

    /// Answers one message of `Stream` that came another way than gRPC. Its
    /// answer's room is given back at once.
    pub async fn ask(&self, caller: Caller, request: StreamRequest) -> StreamResponse {
        let DataService(plane) = self;
        let arrival = Arrival::alone(caller, plane.house.clock.mono());
        let place = arrival.authorize().and_then(|()| plane.house.place_on_stream().ok_or_else(full));
        let (response, _weight) = stream::one(plane.clone(), arrival, request, place).await;
        response
    }
}

impl Service<Call> for DataService {
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, Call { arrival, line, request }: Call) -> Answering {
        let plane = self.0.clone();
        let (head, body) = request.into_parts();
        match head.uri.path() {
            "/statehouse.data.v1.Data/Upsert" => answering(self.0.clone(), async move {
                let (request, _) = door::request(&plane.house, body).await?;
                write::upsert(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Get" => answering(self.0.clone(), async move {
                // Its keys are parts of the body.
                let (request, _weight) = door::request(&plane.house, body).await?;
                read::get(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Remove" => answering(self.0.clone(), async move {
                let (request, _) = door::request(&plane.house, body).await?;
                write::remove(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Apply" => answering(self.0.clone(), async move {
                let (request, _) = door::request(&plane.house, body).await?;
                apply::apply(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Query" => answering(self.0.clone(), async move {
                let (request, _) = door::request(&plane.house, body).await?;
                query::query(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Outcome" => answering(self.0.clone(), async move {
                let (request, _) = door::request(&plane.house, body).await?;
                outcome::outcome(&plane, arrival, request).await
            }),
            "/statehouse.data.v1.Data/Scan" => Box::pin(async move {
                let begun = match door::request(&plane.house, body).await {
                    Ok((request, _)) => scan::begin(plane, arrival, line, request),
                    Err(failure) => Err(failure),
                };
                Ok(begun.map_or_else(door::refusal, door::paged))
            }),
            "/statehouse.data.v1.Data/Tail" => Box::pin(async move {
                let begun = match door::request(&plane.house, body).await {
                    Ok((request, _)) => follow::tail(plane, arrival, line, request),
                    Err(failure) => Err(failure),
                };
                Ok(begun.map_or_else(door::refusal, door::paged))
            }),
            "/statehouse.data.v1.Data/Watch" => Box::pin(async move {
                let begun = match door::request(&plane.house, body).await {
                    Ok((request, _)) => follow::watch(plane, arrival, line, request),
                    Err(failure) => Err(failure),
                };
                Ok(begun.map_or_else(door::refusal, door::paged))
            }),
            "/statehouse.data.v1.Data/WatchMap" => Box::pin(async move {
                let begun = match door::request(&plane.house, body).await {
                    Ok((request, _)) => map::watch(plane, &arrival, line, request),
                    Err(failure) => Err(failure),
                };
                Ok(begun.map_or_else(door::refusal, door::paged))
            }),
            "/statehouse.data.v1.Data/Stream" => Box::pin(async move {
                let codec = ProstCodec::<StreamResponse, StreamRequest>::default();
                let mut library = Grpc::new(codec)
                    .max_decoding_message_size(MESSAGE_BYTES_MAX)
                    .max_encoding_message_size(usize::MAX);
                let request = http::Request::from_parts(head, body);
                Ok(door::translated(library.streaming(Streamed { plane, arrival, line }, request).await))
            }),
            _ => {
                let what = format!("`{}` is in the schema and not in this build", arrival.rpc.name());
                Box::pin(ready(Ok(door::refusal(Failure::new(code::UNIMPLEMENTED, what)))))
            }
        }
    }
}

fn answering<A: Message + 'static>(
    plane: Arc<DataPlane>,
    serve: impl Future<Output = Result<A, Failure>> + Send + 'static,
) -> Answering {
    Box::pin(async move { Ok(door::response(&plane.house, serve.await)) })
}

/// A `Stream` call.
struct Streamed {
    plane: Arc<DataPlane>,
    arrival: Arrival,
    line: Arc<Line>,
}

impl StreamingService<StreamRequest> for Streamed {
    type Response = StreamResponse;
    type ResponseStream = BoxStream<'static, Result<StreamResponse, Status>>;
    type Future = Ready<Result<tonic::Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<StreamRequest>>) -> Self::Future {
        let answers =
            stream::serve(self.plane.clone(), self.arrival, self.line.clone(), request.into_inner());
        ready(Ok(tonic::Response::new(answers)))
    }
}
