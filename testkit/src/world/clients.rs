//! Our client, as users of the simulated world have it.

use client::{Client, Error};
use std::sync::Arc;
use std::time::Duration;

/// Our client, on its way to a node.
pub fn grpc(node: &str, patience: Duration, resends: bool, seed: u64) -> Result<Client, Error> {
    Client::builder(format!("{node}:7400"))
        .connections(1)
        .deadline(patience)
        .exactly_once(resends)
        .connect_timeout(Duration::from_millis(300))
        .rng(&env::Rng::from_seed(seed))
        .net(Arc::new(super::net::SimNet))
        .clock(Arc::new(super::HostClock::new(super::now(), 100, 0)))
        .keep_alive(Duration::from_millis(500), Duration::from_millis(500))
        .resets_remembered(Duration::from_secs(86_400))
        .build()
}
