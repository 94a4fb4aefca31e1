//! One connection: its place, its caller, and the patience of this side.
//!
//! Whoever connects and says nothing that makes sense, or goes silent, is let
//! go. A client that is there answers the transport's pings, and those count.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use super::admission::Admitted;
use crate::config::Connections;
use router::door::Caller;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

/// The least that an HTTP/2 client begins with: preface and the head of its
/// settings.
const HANDSHAKE_BYTES: usize = 33;
/// How long a closed connection is still read.
const LINGER: Duration = Duration::from_secs(1);
/// Thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A connection that was let in.
pub struct Connection {
    stream: TcpStream,
    caller: Caller,
    patience: Patience,
    /// Shut on this side, until the other has closed.
    lingering: Option<Pin<Box<Sleep>>>,
    _place: Admitted,
}

struct Patience {
    handshake: usize,
    idle: Duration,
    /// Since when nothing was heard.
    silent_since: Instant,
    limit: Duration,
    timer: Pin<Box<Sleep>>,
}

impl Connection {
    /// A stream in its place. To be called on the runtime that will serve it.
    pub fn new(stream: TcpStream, place: Admitted, bounds: &Connections) -> Connection {
        let caller = Caller { address: stream.peer_addr().ok() };
        let patience = Patience {
            handshake: HANDSHAKE_BYTES,
            idle: bounds.idle_timeout.unwrap_or(NEVER),
            silent_since: Instant::now(),
            limit: bounds.handshake_timeout,
            timer: Box::pin(tokio::time::sleep(bounds.handshake_timeout)),
        };
        Connection { stream, caller, patience, lingering: None, _place: place }
    }

    /// Who is at its other end.
    pub fn caller(&self) -> Caller {
        self.caller
    }
}

impl Patience {
    fn heard(&mut self, bytes: usize) {
        if self.handshake > 0 {
            // Not even a whole beginning: the first deadline stands.
            self.handshake = self.handshake.saturating_sub(bytes);
            if self.handshake > 0 {
                return;
            }
            self.limit = self.idle;
        }
        self.silent_since = Instant::now();
    }

    /// Ready when it is over. The timer is only moved when it rings.
    fn poll_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while self.timer.as_mut().poll(context).is_ready() {
            let until = self.silent_since + self.limit;
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(until);
        }
        Poll::Pending
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if let Poll::Ready(read) = Pin::new(&mut self.stream).poll_read(context, buffer) {
            self.patience.heard(buffer.filled().len() - before);
            return Poll::Ready(read);
        }
        match self.patience.poll_over(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    /// Closed with bytes that nobody has read, a connection is reset, and the
    /// other side loses answers that it has not read yet. So what still comes is
    /// read, for a moment.
    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(context))?;
        }
        let lingering = this.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        let mut scrap = [0; 4096];
        loop {
            let mut buffer = ReadBuf::new(&mut scrap);
            match Pin::new(&mut this.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {}
                // Its end, or its reset: nobody is there to lose anything.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return lingering.as_mut().poll(context).map(Ok),
            }
        }
    }
}
