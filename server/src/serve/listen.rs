//! Listening: the sockets, and the loop that takes connections in.

use super::admission::{Admission, Admitted};
use crate::failure::Failure;
use env::{Accepted, Listener, Net};
use model::code;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// After an error that will not go away by itself: descriptors are out.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens.
pub async fn bind(net: &dyn Net, what: &str, address: SocketAddr) -> Result<Box<dyn Listener>, Failure> {
    net.listen(address).await.map_err(|error| {
        Failure::new(code::LISTEN_FAILED, format!("{what} cannot listen on {address}: {error}"))
    })
}

/// A connection that got in, and its place.
pub type Arrived = (Box<dyn Accepted>, Admitted);

/// What a listener does with connections.
pub struct Intake {
    /// Who gets in.
    pub admission: Arc<Admission>,
    /// Those who did not.
    pub turned_away: Counter,
    /// Takes one that did.
    pub take: Box<dyn FnMut(Arrived) + Send>,
}

/// Takes connections in until told to stop; then the socket is closed.
pub async fn accept(mut listener: Box<dyn Listener>, mut intake: Intake, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, address)) => match intake.admission.admit(address.ip()) {
                Some(place) => (intake.take)((stream, place)),
                // Closed at once: whoever tries again finds room, or does not.
                None => drop(intake.turned_away.inc()),
            },
            // This one is gone; the next may be fine.
            Err(error) if is_of_the_other_end(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                pause().await;
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]
async fn pause() {
    tokio::time::sleep(PAUSE).await;
}

fn is_of_the_other_end(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
