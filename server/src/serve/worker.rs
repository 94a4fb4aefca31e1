//! A serving thread: a runtime of its own, the desk where its requests wait,
//! and the connections that were handed to it.

use super::admission::Admitted;
use super::connection::Connection;
use super::{grpc, services};
use crate::config::Config;
use env::{Env, Joiner};
use router::{Desk, House, door};
use std::io;
use std::net::TcpStream as StdStream;
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::{mpsc, watch};
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::HealthService;

/// Connections that wait to be picked up by a serving thread.
const HANDED_OVER_MAX: usize = 1024;

/// What all serving threads are given.
#[derive(Clone)]
pub struct Outfit {
    /// The node.
    pub house: Arc<House>,
    /// How everything is set.
    pub config: Arc<Config>,
    /// What health says.
    pub health: HealthServer<HealthService>,
    /// Turns true when no more connections come and those that are open end.
    pub stop: watch::Receiver<bool>,
    /// Turns true when those that would not end are cut.
    pub cut: watch::Receiver<bool>,
}

/// A serving thread, from outside.
pub struct Worker {
    streams: mpsc::Sender<(StdStream, Admitted)>,
    thread: Box<dyn Joiner>,
}

impl Worker {
    /// Starts one.
    pub fn start(env: &Env, number: usize, outfit: Outfit) -> io::Result<Worker> {
        let (streams, handed) = mpsc::channel(HANDED_OVER_MAX);
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let run = move || {
            runtime.block_on(serve(outfit, handed));
            // What would not end is cut here, and lets go of the node.
            drop(runtime);
        };
        let thread = env.spawn.thread(&format!("io-{number}"), Box::new(run))?;
        Ok(Worker { streams, thread })
    }

    /// Hands a connection over; one that finds no room is closed.
    pub fn hand_over(&self, stream: TcpStream, place: Admitted) {
        if let Ok(stream) = stream.into_std() {
            // Dropping it closes it.
            let _ = self.streams.try_send((stream, place));
        }
    }

    /// Has it served its last connection?
    pub fn is_finished(&self) -> bool {
        self.streams.is_closed()
    }

    /// Waits for its end.
    pub fn join(self) {
        drop(self.streams);
        // A panic there has already been reported by the thread itself.
        let _ = self.thread.join();
    }
}

#[allow(clippy::disallowed_methods, reason = "tasks of this thread's own runtime")]
async fn serve(outfit: Outfit, mut handed: mpsc::Receiver<(StdStream, Admitted)>) {
    let Outfit { house, config, health, stop, mut cut } = outfit;
    let desk = Desk::new(house.clock.clone(), house.meters.deliveries.clone());
    let sorting = tokio::spawn(desk.clone().run());
    let services = door::stack(house.clone(), services::data(&house, desk, health));
    let (streams, incoming) = mpsc::channel(1);
    let bounds = config.connections.clone();
    let registering = tokio::spawn(async move {
        while let Some((stream, place)) = handed.recv().await {
            // A stream that cannot be registered has been reset meanwhile.
            let Ok(stream) = TcpStream::from_std(stream) else { continue };
            // At the end nobody takes it, and it is closed.
            let _ = streams.send(Connection::new(stream, place, &bounds)).await;
        }
    });
    tokio::select! {
        () = grpc::serve(services, incoming, &config, stop) => {}
        _ = cut.wait_for(|cut| *cut) => {}
    }
    registering.abort();
    sorting.abort();
}
