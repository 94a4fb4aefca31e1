//! The way between users and the node: a proxy that can be cut.
#![allow(clippy::disallowed_methods, reason = "real sockets")]

use cli::verify::rim;
use std::io;
use std::sync::Arc;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// An address that leads to wherever the node listens now.
pub struct Link {
    address: String,
    state: Arc<watch::Sender<State>>,
}

#[derive(Clone, Debug, Default)]
struct State {
    to: String,
    cut: bool,
}

impl Link {
    /// Leads nowhere yet.
    pub async fn lay() -> io::Result<Link> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let state = Arc::new(watch::Sender::new(State::default()));
        let shared = state.clone();
        rim::spawn(async move {
            while let Ok((user, _)) = listener.accept().await {
                rim::spawn(pass(user, shared.subscribe()));
            }
        });
        Ok(Link { address, state })
    }

    /// What users connect to.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Leads there from now on.
    pub fn lead_to(&self, to: &str) {
        self.state.send_modify(|state| to.clone_into(&mut state.to));
    }

    /// Connections break, and none comes about until the cut ends.
    pub fn cut(&self, cut: bool) {
        self.state.send_modify(|state| state.cut = cut);
    }
}

/// Carries one connection until an end closes it or the link is cut.
async fn pass(mut user: TcpStream, mut state: watch::Receiver<State>) {
    let now = state.borrow_and_update().clone();
    if now.cut {
        return;
    }
    let Ok(mut node) = TcpStream::connect(&now.to).await else { return };
    tokio::select! {
        _ = copy_bidirectional(&mut user, &mut node) => {}
        _ = state.wait_for(|state| state.cut) => {}
    }
}
