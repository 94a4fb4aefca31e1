//! How a client is set up. Nothing is sent before its first call.

use crate::connections::Connections;
use crate::endpoint::Endpoints;
use crate::error::Error;
use crate::map::Whereabouts;
use crate::ops::Operations;
use crate::retrying::Retrying;
use crate::transport::Transport;
use crate::{Client, Inner};
use env::real::OsClock;
use env::{Clock, Net, Rng};
use model::code;
use std::sync::Arc;
use std::time::Duration;

/// What a client may wait for an answer, unless told.
const DEADLINE: Duration = Duration::from_secs(10);
/// Beyond this a deadline is as good as none.
const DEADLINE_MAX: Duration = Duration::from_secs(600);

/// Settings of a client to be.
#[derive(Clone)]
#[must_use]
pub struct Builder {
    endpoint: String,
    control: Option<String>,
    namespace: String,
    connections: Option<usize>,
    deadline: Duration,
    transport: Transport,
    rng: Option<Rng>,
    retries: bool,
    exactly_once: bool,
    clock: Option<Arc<dyn Clock>>,
    map: bool,
}

impl Builder {
    pub(crate) fn new(endpoint: String) -> Builder {
        Builder {
            endpoint,
            control: None,
            namespace: String::new(),
            connections: None,
            deadline: DEADLINE,
            transport: Transport::default(),
            rng: None,
            retries: true,
            exactly_once: true,
            clock: None,
            map: false,
        }
    }

    /// Does the client find its way to whoever leads a key by itself? It has a node tell
    /// it who leads what and what changes, and has connections to the nodes at the
    /// addresses that they give for themselves. It does not unless told: any node is
    /// asked, which passes requests on.
    pub fn map(mut self, enabled: bool) -> Builder {
        self.map = enabled;
        self
    }

    /// Whose tables are meant; `default` unless told.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Builder {
        self.namespace = namespace.into();
        self
    }

    /// How many connections to open, as they are needed; one for each core
    /// unless told.
    pub fn connections(mut self, count: usize) -> Builder {
        self.connections = Some(count);
        self
    }

    /// How long a call may take, retries and all; 10 s unless told.
    pub fn deadline(mut self, deadline: Duration) -> Builder {
        self.deadline = deadline;
        self
    }

    /// How long one attempt to connect may take; 3 s unless told.
    pub fn connect_timeout(mut self, timeout: Duration) -> Builder {
        self.transport.connect_timeout = timeout;
        self
    }

    /// A server that is silent for `every` is asked whether it is there, while
    /// calls are under way, and given up when it has not said so for `wait`;
    /// 20 s and 10 s unless told.
    pub fn keep_alive(mut self, every: Duration, wait: Duration) -> Builder {
        self.transport.keep_alive = every;
        self.transport.keep_alive_timeout = wait;
        self
    }

    /// How long the transport remembers calls that were broken off on this
    /// side; 1 s unless told. It is the one time that is measured by the
    /// machine and not by the runtime: in simulated time, say a day.
    pub fn resets_remembered(mut self, time: Duration) -> Builder {
        self.transport.resets_remembered = Some(time);
        self
    }

    /// The network; the operating system's unless told.
    pub fn net(mut self, net: Arc<dyn Net>) -> Builder {
        self.transport.net = net;
        self
    }

    /// What is random in it (the pauses before it sends again) is drawn from
    /// here; from the operating system unless told.
    pub fn rng(mut self, rng: &Rng) -> Builder {
        self.rng = Some(rng.clone());
        self
    }

    /// The address of the control plane; the same host, one port up, unless
    /// told.
    pub fn control(mut self, endpoint: impl Into<String>) -> Builder {
        self.control = Some(endpoint.into());
        self
    }

    /// Are requests of which nothing was applied, and reads, sent again? They
    /// are unless told.
    pub fn retries(mut self, enabled: bool) -> Builder {
        self.retries = enabled;
        self
    }

    /// Are writes named, so that they are done once although they are sent
    /// again? They are unless told; without that, and without retries, a write
    /// costs a node a little less.
    pub fn exactly_once(mut self, enabled: bool) -> Builder {
        self.exactly_once = enabled;
        self
    }

    /// What time it is; the operating system's unless told.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Builder {
        self.clock = Some(clock);
        self
    }

    /// Checks the settings. No connection is made.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint: Endpoints = self.endpoint.parse()?;
        // A data port of 65535 has no neighbour; that is of no concern to who
        // does not ask for control.
        let control = match &self.control {
            Some(control) => control.parse(),
            None => endpoint.next_port(),
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let count = self.connections.unwrap_or_else(cores);
        let os = |error| Error::new(code::INTERNAL, format!("the system gives no random numbers: {error}"));
        let rng = self.rng.map_or_else(Rng::from_os, Ok).map_err(os)?;
        let control = match control {
            Ok(control) => Ok(Connections::new(control, 1, self.transport.clone())?),
            Err(refused) if self.control.is_some() => return Err(refused),
            Err(refused) => Err(refused),
        };
        let clock = self.clock.unwrap_or_else(|| Arc::new(OsClock::new()));
        let own = Operations::new(clock.clone(), rng.stream("callers' client ids"));
        let operations = self.exactly_once.then(|| Operations::new(clock, rng.stream("client ids")));
        let has_map = self.map;
        let data = Arc::new(Connections::new(endpoint, count, self.transport.clone())?);
        let map = || Whereabouts::new(data.clone(), self.transport, self.namespace.clone());
        let map = has_map.then(map);
        let inner = Inner {
            data,
            map,
            control,
            namespace: self.namespace,
            deadline: self.deadline.min(DEADLINE_MAX),
            retrying: Retrying::new(self.retries, rng.stream("client retries")),
            operations,
            own,
        };
        Ok(Client { inner: Arc::new(inner) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_make_no_sense_are_refused_by_name() {
        let built = |builder: Builder| builder.build().map(|_| ());
        assert_eq!(built(Client::builder("127.0.0.1:7400")), Ok(()));
        assert_eq!(built(Client::builder("http://localhost:7400").control("localhost:9")), Ok(()));
        for builder in [Client::builder("localhost"), Client::builder("localhost:1").control("x")] {
            assert!(built(builder).is_err_and(|error| error.is(code::MALFORMED)));
        }
    }

    #[test]
    fn control_without_an_address_fails_when_it_is_asked_for() {
        let client = Client::builder("localhost:65535").build().expect("data alone is well");
        assert!(client.inner.control.is_err());
    }

    #[test]
    fn one_seed_makes_the_same_pauses() {
        let pauses = |seed| {
            let client = Client::builder("localhost:1").rng(&Rng::from_seed(seed)).build().expect("settings");
            [1, 2, 3].map(|attempts| client.inner.retrying.pause(attempts))
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
