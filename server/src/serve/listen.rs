//! Listening: the sockets, and the loop that takes connections in.
#![allow(clippy::disallowed_methods, reason = "the sockets of a real node, and the wait before trying again")]

use super::admission::{Admission, Admitted};
use crate::failure::Failure;
use model::code;
use prometheus_client::metrics::counter::Counter;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::watch;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// After an error that will not go away by itself: descriptors are out.
const PAUSE: Duration = Duration::from_millis(100);

/// A socket that listens.
pub fn bind(what: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = || -> io::Result<TcpListener> {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        // A restart does not wait for what the last process left in TIME_WAIT.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error| {
        Failure::new(code::LISTEN_FAILED, format!("{what} cannot listen on {address}: {error}"))
    })
}

/// What a listener does with connections.
pub struct Intake {
    /// Who gets in.
    pub admission: Arc<Admission>,
    /// Those who did not.
    pub turned_away: Counter,
    /// Takes one that did.
    pub take: Box<dyn FnMut(TcpStream, Admitted) + Send>,
}

/// Takes connections in until told to stop; then the socket is closed.
pub async fn accept(listener: TcpListener, mut intake: Intake, mut stop: watch::Receiver<bool>) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((stream, address)) => match intake.admission.admit(address.ip()) {
                Some(place) => {
                    // Answers are small and somebody waits for each.
                    let _ = stream.set_nodelay(true);
                    (intake.take)(stream, place);
                }
                // Closed at once: whoever tries again finds room, or does not.
                None => drop(intake.turned_away.inc()),
            },
            // This one is gone; the next may be fine.
            Err(error) if is_of_the_other_end(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted; trying again");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn is_of_the_other_end(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
