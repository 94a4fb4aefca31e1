//! Connections.

use std::future::{Future, ready};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use tokio::io::{AsyncRead, AsyncWrite};

/// What the network will have said.
pub type Promised<'a, T> = Pin<Box<dyn Future<Output = io::Result<T>> + Send + 'a>>;

/// Listens and connects, on the runtime that polls.
pub trait Net: Send + Sync {
    /// Listens at an address; where it names port 0, at a free port.
    fn listen(&self, at: SocketAddr) -> Promised<'_, Box<dyn Listener>>;

    /// Connects to `host:port`, where the host is a name or an address.
    fn connect<'a>(&'a self, to: &'a str) -> Promised<'a, Box<dyn Stream>>;
}

/// A socket that listens, until it is dropped.
pub trait Listener: Send {
    /// The next connection, and who is at its other end. Nothing is lost when
    /// the wait is given up.
    fn accept(&mut self) -> Promised<'_, (Box<dyn Accepted>, SocketAddr)>;

    /// Where it listens.
    fn address(&self) -> io::Result<SocketAddr>;
}

/// A connection that came in and belongs to no runtime yet: one may accept it
/// and another serve it. Dropped, it is closed.
pub trait Accepted: Send {
    /// Makes it one of the runtime on which this is called.
    fn attend(self: Box<Self>) -> io::Result<Box<dyn Stream>>;
}

/// An open connection. Small writes leave at once.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {
    /// The other end, while there is one.
    fn peer(&self) -> Option<SocketAddr>;
}

/// For a world without a network.
pub struct NoNet;

fn none<T: Send + 'static>() -> Promised<'static, T> {
    let error = io::Error::new(io::ErrorKind::Unsupported, "this world has no network");
    Box::pin(ready(Err(error)))
}

impl Net for NoNet {
    fn listen(&self, _: SocketAddr) -> Promised<'_, Box<dyn Listener>> {
        none()
    }

    fn connect<'a>(&'a self, _: &'a str) -> Promised<'a, Box<dyn Stream>> {
        none()
    }
}
