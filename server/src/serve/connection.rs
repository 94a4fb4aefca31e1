//! One connection: its place, its caller, and the patience of this side.
//!
//! Whoever connects and says nothing that makes sense, or goes silent, is let
//! go. A client that is there answers the transport's pings, and those count.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use super::admission::Admitted;
use super::listen::Arrived;
use crate::config::Connections;
use env::Stream;
use router::door::Caller;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// The least that an HTTP/2 client begins with: preface and the head of its
/// settings.
const HANDSHAKE_BYTES: usize = 33;
/// How long somebody may take nothing of what is written.
const DEAF: Duration = Duration::from_secs(30);
/// How long a closed connection is still read, and how much of it.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES_MAX: usize = 4 << 20;
/// Thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

/// A connection that was let in.
pub struct Connection {
    stream: Box<dyn Stream>,
    caller: Caller,
    patience: Patience,
    /// Since it takes nothing we write, until it does.
    deaf: Option<Pin<Box<Sleep>>>,
    /// Shut on this side, until the other has closed.
    lingering: Option<Lingering>,
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
    /// A stream in its place, on the runtime that is running; none when it was
    /// reset meanwhile.
    pub fn new((accepted, place): Arrived, bounds: &Connections) -> Option<Connection> {
        let stream = accepted.attend().ok()?;
        let caller = Caller { address: stream.peer() };
        let patience = Patience {
            handshake: HANDSHAKE_BYTES,
            idle: bounds.idle_timeout.unwrap_or(NEVER),
            silent_since: Instant::now(),
            limit: bounds.handshake_timeout,
            timer: Box::pin(tokio::time::sleep(bounds.handshake_timeout)),
        };
        Some(Connection { stream, caller, patience, deaf: None, lingering: None, _place: place })
    }

    /// Who is at its other end.
    pub fn caller(&self) -> Caller {
        self.caller
    }
}

impl Connection {
    /// What became of a write; an error when nothing is taken for too long. The
    /// pings of HTTP/2 do not end such a connection: they wait to be written.
    fn poll_taken(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if written.is_ready() {
            self.deaf = None;
            return written;
        }
        let deaf = self.deaf.get_or_insert_with(|| Box::pin(tokio::time::sleep(DEAF)));
        deaf.as_mut().poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

/// Of a connection that is shut on this side.
struct Lingering {
    timer: Pin<Box<Sleep>>,
    /// Read and thrown away.
    bytes: usize,
}

impl Lingering {
    fn new() -> Lingering {
        Lingering { timer: Box::pin(tokio::time::sleep(LINGER)), bytes: 0 }
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
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.poll_taken(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.poll_taken(context, written)
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
        let lingering = this.lingering.get_or_insert_with(Lingering::new);
        // First, because whoever sends without end leaves no time for it later.
        if lingering.timer.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        let mut scrap = [0; 4096];
        while lingering.bytes < LINGER_BYTES_MAX {
            let mut buffer = ReadBuf::new(&mut scrap);
            match ready!(Pin::new(&mut this.stream).poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => lingering.bytes += buffer.filled().len(),
                // Its end, or its reset: nobody is there to lose anything.
                _ => break,
            }
        }
        Poll::Ready(Ok(()))
    }
}
