//! The gRPC library's settings, each said: its own defaults leave much without
//! a bound.

use super::connection::Connection;
use super::options::Connections;
use http::{Request, Response};
use std::convert::Infallible;
use std::io;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::transport::Server;
use tower::Service;

/// What may be under way to us on one call, and on one connection.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 4 << 20;
/// A frame's size: large requests in few pieces.
const FRAME_BYTES: u32 = 64 << 10;
/// All headers of a call.
const HEADER_BYTES_MAX: u32 = 16 << 10;
/// A silent client is asked whether it is there, and has so long to say so. One
/// that does not read its answers does not say so.
const PING_EVERY: Duration = Duration::from_secs(20);
const PING_WAIT: Duration = Duration::from_secs(20);
/// Calls that a client began and broke off before they were looked at.
const RESETS_MAX: usize = 64;
/// Calls that were ended for the client's mistakes, before it is cut off.
const OWN_RESETS_MAX: usize = 1024;
/// A connection that has reached its age may finish its calls so long.
const AGE_GRACE: Duration = Duration::from_secs(30);

fn server(connections: &Connections) -> Server {
    let server = Server::builder()
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .http2_max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(connections.streams)
        .http2_keepalive_interval(Some(PING_EVERY))
        .http2_keepalive_timeout(Some(PING_WAIT))
        .http2_max_pending_accept_reset_streams(Some(RESETS_MAX))
        .http2_max_local_error_reset_streams(Some(OWN_RESETS_MAX));
    match connections.age {
        Some(age) => server.max_connection_age(age).max_connection_age_grace(AGE_GRACE),
        None => server,
    }
}

/// Serves connections until told to stop; then no more are taken, and it
/// returns when those that are open have ended.
pub async fn serve<S>(
    services: S,
    incoming: mpsc::Receiver<Connection>,
    connections: &Connections,
    mut stop: watch::Receiver<bool>,
) where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    let incoming = tokio_stream::StreamExt::map(ReceiverStream::new(incoming), Ok::<_, io::Error>);
    let told = async move {
        // An error means that whoever would tell is gone.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    if let Err(error) = server(connections).serve_with_incoming_shutdown(services, incoming, told).await {
        tracing::error!(%error, "serving ended");
    }
}
