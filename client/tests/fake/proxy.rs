//! A wire that can be cut: connections pass through it until it is.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

/// Passes bytes on to a server.
pub struct Proxy {
    pub address: SocketAddr,
    connections: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Proxy {
    pub async fn before(server: SocketAddr) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections: Arc<Mutex<Vec<AbortHandle>>> = Arc::default();
        let all = connections.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let pass = tokio::spawn(async move {
                    let mut far = TcpStream::connect(server).await.expect("the server listens");
                    let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
                });
                all.lock().expect("no panic").push(pass.abort_handle());
            }
        });
        Proxy { address, connections }
    }

    /// Cuts what is connected now; returns how many that were. Whoever connects
    /// anew gets through.
    pub fn cut(&self) -> usize {
        let cut = std::mem::take(&mut *self.connections.lock().expect("no panic"));
        cut.iter().for_each(AbortHandle::abort);
        cut.len()
    }
}
