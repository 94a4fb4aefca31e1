//! Connections to one server: made when they are first used, taken in turn.

use crate::endpoint::Endpoint;
use crate::error::Error;
use model::code;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tonic::transport::Channel;

/// Receive windows. The defaults of HTTP/2 let a single large answer stall
/// everything that shares its connection.
const STREAM_WINDOW_BYTES: u32 = 2 << 20;
const CONNECTION_WINDOW_BYTES: u32 = 8 << 20;

/// A peer that is silent for so long is asked whether it is there …
const KEEPALIVE: Duration = Duration::from_secs(20);
/// … and given up after so long without a word.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// A fixed number of connections to one server.
#[derive(Debug)]
pub(crate) struct Connections {
    server: Endpoint,
    recipe: tonic::transport::Endpoint,
    /// A channel needs a runtime around it when it is made, so not before the
    /// first call. It reconnects by itself.
    channels: Box<[OnceLock<Channel>]>,
    turn: AtomicUsize,
}

impl Connections {
    pub fn new(server: Endpoint, count: usize, connect_timeout: Duration) -> Result<Connections, Error> {
        let refused = |error| Error::new(code::MALFORMED, format!("`{server}` is no endpoint: {error}"));
        let recipe = tonic::transport::Endpoint::from_shared(server.uri())
            .map_err(refused)?
            .connect_timeout(connect_timeout)
            .tcp_nodelay(true)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .http2_keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        let channels = (0..count.max(1)).map(|_| OnceLock::new()).collect();
        Ok(Connections { server, recipe, channels, turn: AtomicUsize::new(0) })
    }

    pub fn server(&self) -> &Endpoint {
        &self.server
    }

    pub fn count(&self) -> usize {
        self.channels.len()
    }

    /// The connection whose turn it is.
    pub fn next(&self) -> Channel {
        self.at(self.turn.fetch_add(1, Ordering::Relaxed))
    }

    /// A certain one, counted round.
    pub fn at(&self, place: usize) -> Channel {
        let slot = &self.channels[place % self.channels.len()];
        slot.get_or_init(|| self.recipe.connect_lazy()).clone()
    }
}
