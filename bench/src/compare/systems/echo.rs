//! A gRPC server that does nothing: what is left when a server has no work but
//! HTTP/2 and the messages. It takes the requests of `statehouse.data.v1`, and
//! its answers measure what Statehouse's would.

use super::statehouse::address;
use super::{CONNECTION_WINDOW, Grpc, STREAM_WINDOW};
use crate::Failure;
use crate::compare::process::Process;
use crate::compare::rows::VALUE_BYTES;
use bytes::Bytes;
use proto::common::{Epoch, Receipt};
use proto::data::{
    Applied, GetRequest, GetResponse, ItemResult, Row, RowResult, StreamRequest, StreamResponse,
    UpsertRequest, UpsertResponse, item_result, row_result, stream_request, stream_response,
};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::Path;
use std::process::Command;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::tokio_stream::StreamExt;
use tonic::codegen::{BoxFuture, BoxStream, Service, http};
use tonic::server::{Grpc as Calls, StreamingService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

/// The server as a process.
pub struct Echo;

impl Echo {
    /// Starts this binary again, as the server.
    pub async fn start(dir: &Path) -> Result<Grpc, Failure> {
        let ports = dir.join("ports.toml");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("echo-server").arg("--ports-file").arg(&ports);
        let mut process = Process::start("echo", command, dir)?;
        let probe = async || address(&std::fs::read_to_string(&ports).ok()?, "data");
        let data = process.ready(probe).await?;
        Ok(Grpc { data, processes: vec![process] })
    }
}

/// Serves on one thread until the process is killed; writes where it listens.
pub fn serve(ports: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?;
        std::fs::write(ports, format!("data = \"{}\"\n", listener.local_addr()?))?;
        answer(listener).await
    })
}

/// Without tonic's router, as Statehouse serves: what is compared is the floor.
async fn answer(listener: TcpIncoming) -> Result<(), Failure> {
    Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .serve_with_incoming(Nothing, listener.with_nodelay(Some(true)))
        .await?;
    Ok(())
}

/// The service, and each of its methods.
#[derive(Clone, Copy)]
struct Nothing;

impl Service<http::Request<Body>> for Nothing {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/statehouse.data.v1.Data/Upsert" => {
                    let codec = ProstCodec::<UpsertResponse, UpsertRequest>::default();
                    Calls::new(codec).unary(Nothing, request).await
                }
                "/statehouse.data.v1.Data/Get" => {
                    let codec = ProstCodec::<GetResponse, GetRequest>::default();
                    Calls::new(codec).unary(Nothing, request).await
                }
                "/statehouse.data.v1.Data/Stream" => {
                    let codec = ProstCodec::<StreamResponse, StreamRequest>::default();
                    Calls::new(codec).streaming(Nothing, request).await
                }
                _ => Status::unimplemented("an echo").into_http(),
            })
        })
    }
}

impl UnaryService<UpsertRequest> for Nothing {
    type Response = UpsertResponse;
    type Future = Ready<Result<Response<UpsertResponse>, Status>>;

    fn call(&mut self, request: Request<UpsertRequest>) -> Self::Future {
        ready(Ok(Response::new(written(request.get_ref()))))
    }
}

impl UnaryService<GetRequest> for Nothing {
    type Response = GetResponse;
    type Future = Ready<Result<Response<GetResponse>, Status>>;

    fn call(&mut self, request: Request<GetRequest>) -> Self::Future {
        ready(Ok(Response::new(read(request.get_ref()))))
    }
}

impl StreamingService<StreamRequest> for Nothing {
    type Response = StreamResponse;
    type ResponseStream = BoxStream<StreamResponse>;
    type Future = Ready<Result<Response<Self::ResponseStream>, Status>>;

    fn call(&mut self, request: Request<Streaming<StreamRequest>>) -> Self::Future {
        let answers = request.into_inner().map(|message| message.map(answered));
        ready(Ok(Response::new(Box::pin(answers))))
    }
}

fn answered(message: StreamRequest) -> StreamResponse {
    let response = message.request.and_then(|request| match request {
        stream_request::Request::Upsert(request) => {
            Some(stream_response::Response::Upsert(written(&request)))
        }
        stream_request::Request::Get(request) => Some(stream_response::Response::Get(read(&request))),
        _ => None,
    });
    StreamResponse { sequence: message.sequence, response }
}

fn written(request: &UpsertRequest) -> UpsertResponse {
    let applied = Applied { receipt: 0, revision: INDEX, not_found: false };
    let result = ItemResult { outcome: Some(item_result::Outcome::Applied(applied)) };
    UpsertResponse { receipts: vec![receipt()], results: vec![result; request.items.len()] }
}

fn read(request: &GetRequest) -> GetResponse {
    let row =
        Row { receipt: 0, found: true, revision: INDEX, value: Bytes::from_static(&VALUE), expires_ms: 0 };
    let result = RowResult { outcome: Some(row_result::Outcome::Row(row)) };
    GetResponse { receipts: vec![receipt()], results: vec![result; request.keys.len()] }
}

static VALUE: [u8; VALUE_BYTES] = [7; VALUE_BYTES];
/// As long on the wire as those of a table that has been in use.
const INDEX: u64 = 1_000_000;

fn receipt() -> Receipt {
    let epoch = Some(Epoch { generation: 1, term: 0 });
    Receipt { partition: 1, epoch, index: INDEX, durability: 3, stale: false, age_ms: 0, boot: 1 << 63 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::load::{Client, pour};
    use crate::compare::rows::Rows;
    use crate::compare::scenario::Shape;
    use crate::compare::systems::names::Names;
    use crate::compare::systems::{stream, unary};
    use std::rc::Rc;

    const SHAPE: Shape = Shape { connections: 2, in_flight: 8, items: 10 };

    /// Batches, single rows and reads of many clients at once.
    async fn all_is_answered<C: Client>(clients: Vec<C>, more: Vec<C>) {
        let rows = Rc::new(Rows::new());
        pour(clients, SHAPE, &rows, 1003).await.unwrap();
        for mut client in more {
            client
                .write(rows.cycle(1, 1, &mut crate::compare::rows::Random::new(1)).remove(0))
                .await
                .unwrap();
            client.read(rows.key(1)).await.unwrap();
        }
    }

    #[test]
    fn both_ways_of_calling_reach_a_server() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        tokio::task::LocalSet::new().block_on(&runtime, async {
            let listener = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).unwrap();
            let at = listener.local_addr().unwrap().to_string();
            let server = tokio::task::spawn_local(answer(listener));
            let connect = || unary::connect(&at, SHAPE, None);
            all_is_answered(connect().await.unwrap(), connect().await.unwrap()).await;
            let connect = || stream::connect(&at, SHAPE, Names::new());
            all_is_answered(connect().await.unwrap(), connect().await.unwrap()).await;
            server.abort();
        });
    }
}
