//! A gRPC server that does nothing: what is left when a server has no work but
//! HTTP/2 and the messages. It takes the requests of `statehouse.data.v1`, and
//! its answers measure what Statehouse's would.

use super::Grpc;
use super::statehouse::address;
use super::unary::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::Failure;
use crate::compare::process::Process;
use crate::compare::rows::VALUE_BYTES;
use bytes::Bytes;
use proto::common::{Epoch, Receipt};
use proto::data::{
    Applied, GetRequest, GetResponse, ItemResult, Row, RowResult, UpsertRequest, UpsertResponse, item_result,
    row_result,
};
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::path::Path;
use std::process::Command;
use std::task::{Context, Poll};
use tonic::body::Body;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc as Calls, NamedService, UnaryService};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// The server as a process.
pub struct Echo;

impl Echo {
    /// Starts this binary again, as the server.
    pub async fn start(dir: &Path) -> Result<Grpc, Failure> {
        let ports = dir.join("ports.toml");
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("echo-server").arg("--ports-file").arg(&ports);
        let mut process = Process::start("echo", &mut command, dir)?;
        let probe = async || address(&std::fs::read_to_string(&ports).ok()?, "data");
        let data = process.ready(probe).await?;
        Ok(Grpc { data, process: Some(process) })
    }
}

/// Serves on one thread until the process is killed; writes where it listens.
pub fn serve(ports: &Path) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
        std::fs::write(ports, format!("data = \"{}\"\n", listener.local_addr()?))?;
        Server::builder()
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .add_service(Nothing)
            .serve_with_incoming(listener)
            .await?;
        Ok(())
    })
}

/// The service, and each of its methods.
#[derive(Clone, Copy)]
struct Nothing;

impl NamedService for Nothing {
    const NAME: &'static str = "statehouse.data.v1.Data";
}

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
                _ => Status::unimplemented("an echo").into_http(),
            })
        })
    }
}

impl UnaryService<UpsertRequest> for Nothing {
    type Response = UpsertResponse;
    type Future = Ready<Result<Response<UpsertResponse>, Status>>;

    fn call(&mut self, request: Request<UpsertRequest>) -> Self::Future {
        let applied = Applied { receipt: 0, revision: INDEX, not_found: false };
        let result = ItemResult { outcome: Some(item_result::Outcome::Applied(applied)) };
        let results = vec![result; request.get_ref().items.len()];
        ready(Ok(Response::new(UpsertResponse { receipts: vec![receipt()], results })))
    }
}

impl UnaryService<GetRequest> for Nothing {
    type Response = GetResponse;
    type Future = Ready<Result<Response<GetResponse>, Status>>;

    fn call(&mut self, request: Request<GetRequest>) -> Self::Future {
        let row = Row { receipt: 0, found: true, revision: INDEX, value: Bytes::from_static(&VALUE) };
        let result = RowResult { outcome: Some(row_result::Outcome::Row(row)) };
        let results = vec![result; request.get_ref().keys.len()];
        ready(Ok(Response::new(GetResponse { receipts: vec![receipt()], results })))
    }
}

static VALUE: [u8; VALUE_BYTES] = [7; VALUE_BYTES];
/// As long on the wire as those of a table that has been in use.
const INDEX: u64 = 1_000_000;

fn receipt() -> Receipt {
    let epoch = Some(Epoch { generation: 1, term: 0 });
    Receipt { partition: 1, epoch, index: INDEX, durability: 3, stale: false, age_ms: 0 }
}
