//! HTTP/2 below the gRPC library, each setting said: the defaults leave much
//! without a bound. The library's own server would put a dozen layers between a
//! connection and the door, and pass a copy of all of them to every call.
#![allow(clippy::disallowed_methods, reason = "tasks and timers of the runtime, which simulation drives too")]

use super::connection::Connection;
use super::listen::Arrived;
use crate::config::Config;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use router::door::{Leaving, Line};
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic::body::Body;
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
/// Calls that were ended for the client's mistakes, before it is cut off. What
/// comes in for a call that was refused before its body had come counts as one.
const OWN_RESETS_MAX: usize = 1024;
/// A connection that has reached its age may finish its calls so long.
const AGE_GRACE: Duration = Duration::from_secs(30);
/// Of one call's answer, in the buffers of this side: two pieces.
const SEND_BYTES_MAX: usize = 128 << 10;

fn protocol(config: &Config) -> http2::Builder<TokioExecutor> {
    let mut protocol = http2::Builder::new(TokioExecutor::new());
    protocol
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_frame_size(FRAME_BYTES)
        .max_header_list_size(HEADER_BYTES_MAX)
        .max_concurrent_streams(config.requests.streams_per_connection)
        .max_send_buf_size(SEND_BYTES_MAX)
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_WAIT)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .max_local_error_reset_streams(OWN_RESETS_MAX)
        // Nobody asks a gRPC server for the date.
        .auto_date_header(false);
    protocol
}

/// The door, with the services behind it.
pub trait Door: Answering<Future: Send> + Clone + Send + 'static {}

impl<S: Answering<Future: Send> + Clone + Send + 'static> Door for S {}

/// See [`Door`].
pub trait Answering:
    Service<(Arc<Line>, Request<Body>), Response = Response<Leaving>, Error = Infallible>
{
}

impl<S: Service<(Arc<Line>, Request<Body>), Response = Response<Leaving>, Error = Infallible>> Answering
    for S
{
}

/// Serves connections until told to stop; then no more are taken, and it
/// returns when those that are open have ended.
pub async fn serve<S: Door>(
    door: S,
    mut incoming: mpsc::Receiver<Arrived>,
    config: &Arc<Config>,
    stop: watch::Receiver<bool>,
) {
    let mut open = JoinSet::new();
    let mut told = stop.clone();
    loop {
        tokio::select! {
            taken = incoming.recv() => {
                let Some(arrived) = taken else { break };
                let Some(connection) = Connection::new(arrived, &config.connections) else { continue };
                open.spawn(attend(door.clone(), connection, config.clone(), stop.clone()));
            }
            // A panic has been reported by whoever reports panics.
            Some(_) = open.join_next() => {}
            // An error means that whoever would tell is gone.
            _ = told.wait_for(|stop| *stop) => break,
        }
    }
    // Who was let in a moment ago is closed, and goes elsewhere.
    incoming.close();
    while incoming.try_recv().is_ok() {}
    while open.join_next().await.is_some() {}
}

/// One connection, to its end.
async fn attend<S: Door>(
    door: S,
    connection: Connection,
    config: Arc<Config>,
    mut stop: watch::Receiver<bool>,
) {
    let (ending, ends) = watch::channel(false);
    let calls = Calls { door, line: Arc::new(Line { caller: connection.caller(), ending: ends }) };
    let mut served = pin!(protocol(&config).serve_connection(TokioIo::new(connection), calls));
    // What breaks a connection concerns nobody else, and its client knows.
    let grace = tokio::select! {
        biased;
        _ = served.as_mut() => return,
        _ = stop.wait_for(|stop| *stop) => None,
        () = pass(config.connections.age_max) => Some(AGE_GRACE),
    };
    // Calls that live on finish what they have, and end by themselves.
    ending.send_replace(true);
    served.as_mut().graceful_shutdown();
    tokio::select! {
        biased;
        _ = served => {}
        () = pass(grace) => {}
    }
}

/// So long; `None` is for ever.
async fn pass(time: Option<Duration>) {
    match time {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// A connection at the door.
struct Calls<S> {
    door: S,
    line: Arc<Line>,
}

impl<S: Door> hyper::service::Service<Request<Incoming>> for Calls<S> {
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = S::Future;

    fn call(&self, request: Request<Incoming>) -> S::Future {
        self.door.clone().call((self.line.clone(), request.map(Body::new)))
    }
}
