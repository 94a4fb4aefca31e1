//! Calls that no gRPC library would make: any path, any headers, any bytes.

use bytes::Bytes;
use h2::SendStream;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Method, Request};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tonic::{Code, Status};

/// One HTTP/2 connection.
pub struct Raw {
    requests: SendRequest<Bytes>,
    driver: JoinHandle<()>,
}

/// How a call ended.
#[derive(Debug)]
pub struct Reply {
    /// What gRPC makes of it, if it is gRPC.
    pub status: Option<Status>,
}

impl Reply {
    pub fn code(&self) -> Option<Code> {
        self.status.as_ref().map(Status::code)
    }
}

/// A message in its gRPC frame.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("no message is so long");
    let mut bytes = vec![0];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

impl Raw {
    pub async fn connect(address: SocketAddr) -> Raw {
        let stream = TcpStream::connect(address).await.expect("a node that listens");
        Raw::on(stream).await.expect("HTTP/2")
    }

    /// On a connection that is there.
    pub async fn on(stream: TcpStream) -> Result<Raw, h2::Error> {
        let (requests, connection) = h2::client::handshake(stream).await?;
        // Who calls sees what breaks the connection.
        let driver = tokio::spawn(async move { drop(connection.await) });
        Ok(Raw { requests, driver })
    }

    /// Begins a call with these headers beside the usual ones; its body is still
    /// to come.
    pub async fn begin(&self, path: &str, headers: &[(&str, &[u8])]) -> Result<Call, h2::Error> {
        let mut request = Request::builder().method(Method::POST).uri(format!("http://node{path}"));
        request = request.header("content-type", "application/grpc").header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("headers that HTTP can carry");
        let (answer, body) = self.requests.clone().ready().await?.send_request(request, false)?;
        Ok(Call { answer, body })
    }

    /// One call with this body.
    pub async fn call(&self, path: &str, headers: &[(&str, &[u8])], body: Bytes) -> Result<Reply, h2::Error> {
        let mut call = self.begin(path, headers).await?;
        // It may be answered before all of it is read.
        let _ = call.body.send_data(body, true);
        call.end().await
    }
}

/// A call under way.
pub struct Call {
    pub body: SendStream<Bytes>,
    pub answer: ResponseFuture,
}

impl Call {
    /// Waits for the answer, all of it; the body stays as it is.
    pub async fn end(self) -> Result<Reply, h2::Error> {
        Call::answer(self.answer).await
    }

    /// The same for who still sends.
    pub async fn answer(answer: ResponseFuture) -> Result<Reply, h2::Error> {
        let answer = answer.await?;
        let head = Status::from_header_map(answer.headers());
        let mut incoming = answer.into_body();
        while let Some(bytes) = incoming.data().await {
            let length = bytes?.len();
            incoming.flow_control().release_capacity(length)?;
        }
        let trailers: Option<HeaderMap> = incoming.trailers().await?;
        let status = head.or_else(|| trailers.as_ref().and_then(Status::from_header_map));
        Ok(Reply { status })
    }
}

/// Sends it again and again, with a pause or as fast as it is taken, until
/// nobody takes it.
pub async fn repeat(body: &mut SendStream<Bytes>, bytes: Bytes, pause: Duration) {
    loop {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
        body.reserve_capacity(bytes.len());
        let room = std::future::poll_fn(|context| body.poll_capacity(context)).await;
        if !matches!(room, Some(Ok(_))) || body.send_data(bytes.clone(), false).is_err() {
            return;
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.driver.abort();
    }
}
