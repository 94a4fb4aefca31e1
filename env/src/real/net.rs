//! The operating system's sockets, in tokio's hands.
#![allow(clippy::disallowed_methods)] // this is the seam

use crate::net::{Accepted, Listener, Net, Promised, Stream};
use std::collections::VecDeque;
use std::io;
use std::net::{SocketAddr, TcpStream as StdStream};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream, lookup_host};
use tokio::task::JoinSet;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 1024;
/// A name's next address is tried beside those that have not answered by then:
/// some lead nowhere, and say nothing.
const NEXT_AFTER: Duration = Duration::from_millis(300);

/// TCP.
pub struct OsNet;

impl Net for OsNet {
    fn listen(&self, at: SocketAddr) -> Promised<'_, Box<dyn Listener>> {
        Box::pin(async move {
            let socket = if at.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
            // A restart does not wait for what the last process left in TIME_WAIT.
            socket.set_reuseaddr(true)?;
            socket.bind(at)?;
            Ok(Box::new(socket.listen(BACKLOG)?) as Box<dyn Listener>)
        })
    }

    fn connect<'a>(&'a self, to: &'a str) -> Promised<'a, Box<dyn Stream>> {
        Box::pin(async move {
            let (host, port) = host_and_port(to)?;
            let stream = first_of(lookup_host((host, port)).await?.collect()).await?;
            // Requests are small and somebody waits for each.
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Stream>)
        })
    }
}

/// The brackets of an IPv6 address are not part of its name.
fn host_and_port(to: &str) -> io::Result<(&str, u16)> {
    let refused = || io::Error::new(io::ErrorKind::InvalidInput, "it is not written as host:port");
    let (host, port) = to.rsplit_once(':').ok_or_else(refused)?;
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok((bare, port.parse().map_err(|_| refused())?))
}

/// A connection to whichever address answers first, tried in their order.
async fn first_of(mut addresses: VecDeque<SocketAddr>) -> io::Result<TcpStream> {
    let mut refused = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    // Dropped with those that are still trying.
    let mut attempts = JoinSet::new();
    loop {
        if let Some(address) = addresses.pop_front() {
            attempts.spawn(TcpStream::connect(address));
        }
        let next = tokio::time::sleep(NEXT_AFTER);
        tokio::select! {
            ended = attempts.join_next() => match ended {
                Some(Ok(Ok(stream))) => return Ok(stream),
                Some(Ok(Err(error))) => refused = error,
                Some(Err(error)) => refused = error.into(),
                None => return Err(refused),
            },
            () = next, if !addresses.is_empty() => {}
        }
    }
}

impl Listener for TcpListener {
    fn accept(&mut self) -> Promised<'_, (Box<dyn Accepted>, SocketAddr)> {
        Box::pin(async {
            let (stream, from) = TcpListener::accept(self).await?;
            Ok((Box::new(OsAccepted(stream.into_std())) as Box<dyn Accepted>, from))
        })
    }

    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }
}

/// What was taken from the runtime that accepted it. What went wrong there
/// concerns whoever attends to it: the listener is well.
struct OsAccepted(io::Result<StdStream>);

impl Accepted for OsAccepted {
    fn attend(self: Box<Self>) -> io::Result<Box<dyn Stream>> {
        let stream = TcpStream::from_std(self.0?)?;
        // Answers are small and somebody waits for each. What is gone already
        // says so when it is read.
        let _ = stream.set_nodelay(true);
        Ok(Box::new(stream))
    }
}

impl Stream for TcpStream {
    fn peer(&self) -> Option<SocketAddr> {
        self.peer_addr().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::NoNet;
    use std::future::poll_fn;
    use std::io::IoSlice;
    use std::pin::Pin;
    use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
    use tokio::runtime::{Builder, Runtime};

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().expect("a runtime")
    }

    fn somewhere() -> SocketAddr {
        ([127, 0, 0, 1], 0).into()
    }

    #[test]
    fn one_runtime_accepts_and_another_serves() {
        let (accepting, serving) = (runtime(), runtime());
        let (accepted, mut near, from) = accepting.block_on(async {
            let mut listener = OsNet.listen(somewhere()).await.expect("a free port");
            // By name, as clients do.
            let to = format!("localhost:{}", listener.address().expect("an address").port());
            let near = OsNet.connect(&to).await.expect("somebody listens");
            let (accepted, from) = listener.accept().await.expect("a connection");
            (accepted, near, from)
        });
        serving.block_on(async {
            let mut far = accepted.attend().expect("a connection");
            assert_eq!(far.peer(), Some(from));
            assert!(far.is_write_vectored(), "several pieces leave in one call");
            let pieces = [IoSlice::new(b"he"), IoSlice::new(b"llo")];
            let wrote = poll_fn(|context| Pin::new(&mut far).poll_write_vectored(context, &pieces)).await;
            assert_eq!(wrote.expect("somebody reads"), 5);
            far.shutdown().await.expect("somebody reads");
        });
        let mut said = String::new();
        accepting.block_on(near.read_to_string(&mut said)).expect("its end");
        assert_eq!(said, "hello");
    }

    #[test]
    fn who_is_not_there_refuses_and_other_addresses_are_tried() {
        runtime().block_on(async {
            let gone = OsNet.listen(somewhere()).await.expect("a free port");
            let nobody = gone.address().expect("an address");
            drop(gone);
            let refused = OsNet.connect(&nobody.to_string()).await.map(|_| ());
            assert_eq!(refused.expect_err("nobody").kind(), io::ErrorKind::ConnectionRefused);
            let listener = OsNet.listen(somewhere()).await.expect("a free port");
            let somebody = listener.address().expect("an address");
            let stream = first_of([nobody, somebody].into()).await.expect("the second");
            assert_eq!(stream.peer(), Some(somebody));
            assert!(first_of(VecDeque::new()).await.is_err());
        });
    }

    #[test]
    fn a_world_without_a_network_says_so() {
        runtime().block_on(async {
            let listened = NoNet.listen(somewhere()).await.map(|_| ());
            let connected = NoNet.connect("localhost:1").await.map(|_| ());
            for refused in [listened, connected] {
                assert_eq!(refused.expect_err("no network").kind(), io::ErrorKind::Unsupported);
            }
        });
    }
}
