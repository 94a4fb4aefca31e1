//! How a client is set up. Nothing is sent before its first call.

use crate::connections::Connections;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::retrying::Retrying;
use crate::{Client, Inner};
use env::Rng;
use model::code;
use std::sync::Arc;
use std::time::Duration;

/// What a client may wait for an answer, unless told.
const DEADLINE: Duration = Duration::from_secs(10);
/// What it may wait for a connection, unless told.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Beyond this a deadline is as good as none.
const DEADLINE_MAX: Duration = Duration::from_secs(600);

/// Settings of a client to be.
#[derive(Clone, Debug)]
#[must_use]
pub struct Builder {
    endpoint: String,
    control: Option<String>,
    namespace: String,
    connections: Option<usize>,
    deadline: Duration,
    connect_timeout: Duration,
    retries: bool,
}

impl Builder {
    pub(crate) fn new(endpoint: String) -> Builder {
        Builder {
            endpoint,
            control: None,
            namespace: String::new(),
            connections: None,
            deadline: DEADLINE,
            connect_timeout: CONNECT_TIMEOUT,
            retries: true,
        }
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
        self.connect_timeout = timeout;
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

    /// Checks the settings. No connection is made.
    pub fn build(self) -> Result<Client, Error> {
        let endpoint: Endpoint = self.endpoint.parse()?;
        // A data port of 65535 has no neighbour; that is of no concern to who
        // does not ask for control.
        let control = match &self.control {
            Some(control) => control.parse(),
            None => endpoint.next_port(),
        };
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let count = self.connections.unwrap_or_else(cores);
        let os = |error| Error::new(code::INTERNAL, format!("the system gives no random numbers: {error}"));
        let jitter = Rng::from_os().map_err(os)?.stream("client retries");
        let control = match control {
            Ok(control) => Ok(Connections::new(control, 1, self.connect_timeout)?),
            Err(refused) if self.control.is_some() => return Err(refused),
            Err(refused) => Err(refused),
        };
        let inner = Inner {
            data: Connections::new(endpoint, count, self.connect_timeout)?,
            control,
            namespace: self.namespace,
            deadline: self.deadline.min(DEADLINE_MAX),
            retrying: Retrying::new(self.retries, jitter),
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
}
