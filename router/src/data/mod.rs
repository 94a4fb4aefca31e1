//! The data plane: what clients of a table call.

mod account;
mod lookup;
mod read;
mod stream;
mod write;

use crate::desk::Desk;
use crate::door::Arrival;
use crate::house::House;
use futures_util::stream::BoxStream;
use model::code;
use partition_mgr::directory::Directory;
use proto::Failure;
use proto::data::data_server::Data;
use proto::data::{
    ApplyRequest, ApplyResponse, GetRequest, GetResponse, OutcomeRequest, OutcomeResponse, QueryRequest,
    QueryResponse, RemoveRequest, RemoveResponse, ScanRequest, ScanResponse, StreamRequest, StreamResponse,
    TailRequest, TailResponse, UpsertRequest, UpsertResponse, WatchMapRequest, WatchMapResponse,
    WatchRequest, WatchResponse,
};
use std::sync::Arc;
use tonic::{Request, Response, Status, Streaming};

/// The service, as one serving thread has it.
#[derive(Clone)]
pub struct DataPlane {
    house: Arc<House>,
    directory: Arc<Directory>,
    desk: Arc<Desk>,
}

impl DataPlane {
    /// The service of the thread that runs this desk.
    pub fn new(house: Arc<House>, desk: Arc<Desk>) -> DataPlane {
        let directory = house.node.directory();
        DataPlane { house, directory, desk }
    }
}

type Answers<T> = BoxStream<'static, Result<T, Status>>;

#[tonic::async_trait]
impl Data for DataPlane {
    async fn upsert(&self, request: Request<UpsertRequest>) -> Result<Response<UpsertResponse>, Status> {
        let arrival = arrival(&request)?;
        Ok(Response::new(write::upsert(self, arrival, request.into_inner()).await?))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        let arrival = arrival(&request)?;
        let (answer, weight) = read::get(self, arrival, request.into_inner()).await?;
        let mut response = Response::new(answer);
        response.extensions_mut().insert(weight);
        Ok(response)
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Result<Response<RemoveResponse>, Status> {
        let arrival = arrival(&request)?;
        Ok(Response::new(write::remove(self, arrival, request.into_inner()).await?))
    }

    type StreamStream = Answers<StreamResponse>;

    async fn stream(
        &self,
        request: Request<Streaming<StreamRequest>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        let arrival = arrival(&request)?;
        Ok(Response::new(stream::serve(self.clone(), arrival, request.into_inner())))
    }

    type ScanStream = Answers<ScanResponse>;

    async fn scan(&self, _: Request<ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        Err(not_yet("Scan"))
    }

    type TailStream = Answers<TailResponse>;

    async fn tail(&self, _: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        Err(not_yet("Tail"))
    }

    type WatchStream = Answers<WatchResponse>;

    async fn watch(&self, _: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(not_yet("Watch"))
    }

    async fn apply(&self, _: Request<ApplyRequest>) -> Result<Response<ApplyResponse>, Status> {
        Err(not_yet("Apply"))
    }

    async fn query(&self, _: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        Err(not_yet("Query"))
    }

    async fn outcome(&self, _: Request<OutcomeRequest>) -> Result<Response<OutcomeResponse>, Status> {
        Err(not_yet("Outcome"))
    }

    type WatchMapStream = Answers<WatchMapResponse>;

    async fn watch_map(&self, _: Request<WatchMapRequest>) -> Result<Response<Self::WatchMapStream>, Status> {
        Err(not_yet("WatchMap"))
    }
}

fn arrival<T>(request: &Request<T>) -> Result<Arrival, Failure> {
    let arrival = request.extensions().get::<Arrival>().copied();
    arrival.ok_or_else(|| Failure::new(code::INTERNAL, "the call came in by no door"))
}

fn not_yet(method: &str) -> Status {
    Failure::new(code::UNIMPLEMENTED, format!("`{method}` is in the schema and not in this build")).into()
}
