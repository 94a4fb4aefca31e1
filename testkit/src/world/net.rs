//! The network seam over the simulated network.

use env::net::{Accepted, Listener, Net, Promised, Stream};
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use turmoil::net::{TcpListener, TcpStream};

/// The network of a simulated host.
pub struct SimNet;

impl Net for SimNet {
    fn listen(&self, at: SocketAddr) -> Promised<'_, Box<dyn Listener>> {
        Box::pin(async move { Ok(Box::new(SimListener(TcpListener::bind(at).await?)) as Box<dyn Listener>) })
    }

    fn connect<'a>(&'a self, to: &'a str) -> Promised<'a, Box<dyn Stream>> {
        Box::pin(async move { Ok(Box::new(SimStream(TcpStream::connect(to).await?)) as Box<dyn Stream>) })
    }
}

struct SimListener(TcpListener);

impl Listener for SimListener {
    fn accept(&mut self) -> Promised<'_, (Box<dyn Accepted>, SocketAddr)> {
        Box::pin(async {
            let (stream, from) = self.0.accept().await?;
            Ok((Box::new(SimStream(stream)) as Box<dyn Accepted>, from))
        })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

struct SimStream(TcpStream);

impl Accepted for SimStream {
    fn attend(self: Box<Self>) -> io::Result<Box<dyn Stream>> {
        Ok(self)
    }
}

impl Stream for SimStream {
    fn peer(&self) -> Option<SocketAddr> {
        self.0.peer_addr().ok()
    }
}

impl AsyncRead for SimStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, buf)
    }
}

impl AsyncWrite for SimStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
