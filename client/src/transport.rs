//! How connections are made, and watched.

use crate::endpoint::{Endpoint, Endpoints};
use crate::error::Error;
use crate::runtime;
use env::real::OsNet;
use env::{Net, Stream};
use hyper_util::rt::TokioIo;
use model::code;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tonic::transport::{Channel, Uri};
use tower::service_fn;

/// Receive windows. The defaults of HTTP/2 let a single large answer stall
/// everything that shares its connection.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// What a builder was told of connections, or what holds unless told.
#[derive(Clone)]
pub(crate) struct Transport {
    pub net: Arc<dyn Net>,
    /// How long one attempt to connect may take.
    pub connect_timeout: Duration,
    /// A peer that is silent for so long is asked whether it is there …
    pub keep_alive: Duration,
    /// … and given up after so long without a word.
    pub keep_alive_timeout: Duration,
    /// How long HTTP/2 remembers calls that were broken off here, on the
    /// machine's own clock.
    pub resets_remembered: Option<Duration>,
}

impl Default for Transport {
    fn default() -> Transport {
        Transport {
            net: Arc::new(OsNet),
            connect_timeout: Duration::from_secs(3),
            keep_alive: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(10),
            resets_remembered: None,
        }
    }
}

impl Transport {
    /// Everything about a connection to this server but the way there.
    pub fn recipe(&self, server: &Endpoint) -> Result<tonic::transport::Endpoint, Error> {
        let refused = |error| Error::new(code::MALFORMED, format!("`{server}` is no endpoint: {error}"));
        let recipe = tonic::transport::Endpoint::from_shared(server.uri())
            .map_err(refused)?
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(self.keep_alive)
            .keep_alive_timeout(self.keep_alive_timeout);
        Ok(match self.resets_remembered {
            Some(time) => recipe.http2_reset_stream_duration(time),
            None => recipe,
        })
    }

    /// A connection that is made when it is needed, and made again: to this one of the
    /// servers, or to the next that answers. It needs a runtime around it.
    pub fn open(
        &self,
        recipe: &tonic::transport::Endpoint,
        servers: &Arc<Endpoints>,
        first: usize,
    ) -> Channel {
        let (net, timeout, servers) = (self.net.clone(), self.connect_timeout, servers.clone());
        let last = Arc::new(AtomicUsize::new(first));
        // The library's own timeout would look like a connection that broke.
        let connect = move |_: Uri| connect(net.clone(), servers.clone(), last.clone(), timeout);
        recipe.connect_with_connector_lazy(service_fn(connect))
    }
}

async fn connect(
    net: Arc<dyn Net>,
    servers: Arc<Endpoints>,
    last: Arc<AtomicUsize>,
    timeout: Duration,
) -> io::Result<TokioIo<Box<dyn Stream>>> {
    let mut refused = io::Error::from(io::ErrorKind::NotFound);
    for (at, server) in servers.from(last.load(Ordering::Relaxed)) {
        let to = server.to_string();
        let connected = runtime::before(runtime::now() + timeout, net.connect(&to)).await;
        let silent = || io::Error::new(io::ErrorKind::TimedOut, "it did not answer in time");
        match connected.unwrap_or_else(|| Err(silent())) {
            Ok(stream) => {
                last.store(at, Ordering::Relaxed);
                return Ok(TokioIo::new(stream));
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("connect_timeout", &self.connect_timeout).finish_non_exhaustive()
    }
}
