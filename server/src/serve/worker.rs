//! A serving thread: a runtime of its own, and the connections that were
//! handed to it.

use super::embedded::{HANDED_OVER_MAX, Outfit};
use super::listen::Arrived;
use env::{Env, Joiner};
use std::io;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};

/// A serving thread, from outside.
pub struct Worker {
    connections: mpsc::Sender<Arrived>,
    /// Its other end is dropped when the last connection was served.
    serving: watch::Receiver<()>,
    thread: Box<dyn Joiner>,
}

impl Worker {
    /// Starts one. Once `cut` is true, connections that would not end are cut.
    pub fn start(env: &Env, number: usize, outfit: Outfit, cut: watch::Receiver<bool>) -> io::Result<Worker> {
        let (connections, handed) = mpsc::channel(HANDED_OVER_MAX);
        let (served, serving) = watch::channel(());
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(serve(outfit, handed, cut));
            drop(served);
            // What would not end is cut here, and lets go of the node.
            drop(runtime);
        };
        let thread = env.spawn.thread(&format!("io-{number}"), Box::new(run))?;
        Ok(Worker { connections, serving, thread })
    }

    /// Hands a connection over; one that finds no room is closed.
    pub fn hand_over(&self, arrived: Arrived) {
        // Dropping it closes it.
        let _ = self.connections.try_send(arrived);
    }

    /// Returns when it has served its last connection.
    pub async fn served(&self) {
        let mut serving = self.serving.clone();
        while serving.changed().await.is_ok() {}
    }

    /// Waits for its end.
    pub fn join(self) {
        drop(self.connections);
        // A panic there has already been reported by the thread itself.
        let _ = self.thread.join();
    }
}

async fn serve(outfit: Outfit, handed: mpsc::Receiver<Arrived>, mut cut: watch::Receiver<bool>) {
    tokio::select! {
        () = outfit.data_of(handed) => {}
        _ = cut.wait_for(|cut| *cut) => {}
    }
}
