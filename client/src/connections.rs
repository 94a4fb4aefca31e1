//! Connections to a server, or to servers any of which will do: made when they are
//! first used, taken in turn.

use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::transport::Transport;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tonic::transport::Channel;

/// A fixed number of connections. Those to several servers are spread over them, and
/// go to another one when theirs is gone.
#[derive(Debug)]
pub(crate) struct Connections {
    server: Arc<Endpoints>,
    transport: Transport,
    recipe: tonic::transport::Endpoint,
    /// A channel needs a runtime around it when it is made, so not before the
    /// first call. It reconnects by itself.
    channels: Box<[OnceLock<Channel>]>,
    turn: AtomicUsize,
}

impl Connections {
    pub fn new(server: Endpoints, count: usize, transport: Transport) -> Result<Connections, Error> {
        let recipe = transport.recipe(server.first())?;
        let server = Arc::new(server);
        let channels = (0..count.max(1)).map(|_| OnceLock::new()).collect();
        Ok(Connections { server, transport, recipe, channels, turn: AtomicUsize::new(0) })
    }

    pub fn server(&self) -> &Endpoints {
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
        let place = place % self.channels.len();
        self.channels[place].get_or_init(|| self.transport.open(&self.recipe, &self.server, place)).clone()
    }
}
