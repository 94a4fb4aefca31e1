//! Calls with one message each way, straight on HTTP/2: the load shares the
//! machine with the server, and what it uses itself is measured as if the server
//! were slower. Of a gRPC library's call more than half is layers that a load
//! has no use for.

use super::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::Failure;
use bytes::Bytes;
use h2::client::{Builder, SendRequest};
use prost::Message;
use proto::{Gathering, framed};
use tokio::net::TcpStream;
use tonic::Status;
use tonic::codegen::http::{HeaderMap, HeaderValue, Method, Request, Uri, header};

/// A connection, and a call at a time on it; clones share the connection.
#[derive(Clone)]
pub struct Caller {
    requests: SendRequest<Bytes>,
    /// Every call's.
    headers: HeaderMap,
    address: String,
}

/// A method of a server.
#[derive(Clone)]
pub struct Path(Uri);

impl Caller {
    /// Connects. To be called on a thread of local tasks: one drives the
    /// connection.
    pub async fn connect(address: &str) -> Result<Caller, Failure> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let mut builder = Builder::new();
        builder.initial_window_size(STREAM_WINDOW).initial_connection_window_size(CONNECTION_WINDOW);
        let (requests, connection) = builder.handshake(stream).await?;
        // Calls see what breaks the connection.
        tokio::task::spawn_local(async move { drop(connection.await) });
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        Ok(Caller { requests, headers, address: address.to_owned() })
    }

    /// A method, by its path.
    pub fn path(&self, path: &str) -> Result<Path, Failure> {
        Ok(Path(format!("http://{}{path}", self.address).parse()?))
    }

    /// Calls it and waits for the answer.
    pub async fn call<O: Message + Default>(
        &mut self,
        path: &Path,
        message: &impl Message,
    ) -> Result<O, Failure> {
        let mut request = Request::new(());
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.0.clone();
        *request.headers_mut() = self.headers.clone();
        let mut requests = self.requests.clone().ready().await?;
        let (answer, mut body) = requests.send_request(request, false)?;
        body.send_data(framed(message).map_err(Status::from)?, true)?;
        let (head, mut body) = answer.await?.into_parts();
        let mut gathering = Gathering::default();
        while let Some(bytes) = body.data().await {
            let bytes = bytes?;
            body.flow_control().release_capacity(bytes.len())?;
            gathering.add(bytes).map_err(Status::from)?;
        }
        let trailers = body.trailers().await?;
        refused(trailers.as_ref().unwrap_or(&head.headers))?;
        Ok(gathering.message().map_err(Status::from)?)
    }
}

fn refused(said: &HeaderMap) -> Result<(), Failure> {
    if said.get("grpc-status").is_some_and(|status| status == "0") {
        return Ok(());
    }
    let status = Status::from_header_map(said);
    Err(status.unwrap_or_else(|| Status::internal("the answer ends without a status")).into())
}
