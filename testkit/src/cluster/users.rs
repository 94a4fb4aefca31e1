//! Users who ask any of the nodes.

use super::run::NODES;
use crate::world::{Crowd, TABLE, Wire, grpc, one, pause};
use client::Client;
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

/// All clients that users have, for what they have sent again.
pub type Clients = Rc<RefCell<Vec<Client>>>;

/// The host's program: one user, with so many lanes.
pub async fn run(crowd: Rc<Crowd>, user: u32, clients: Clients) -> turmoil::Result {
    for lane in 0..crowd.knobs.lanes {
        tokio::task::spawn_local(work(crowd.clone(), user, lane, clients.clone()));
    }
    std::future::pending().await
}

/// Whoever is asked, the answers are of one history.
async fn work(crowd: Rc<Crowd>, user: u32, lane: u32, clients: Clients) {
    let mut draws = crowd.rng.stream(&format!("user {user} lane {lane}"));
    let patience = Duration::from_millis(crowd.knobs.patience_ms);
    let client = |node: u32| grpc(&format!("node-{node}"), patience, true, draws.next_u64());
    let own: Result<Vec<Client>, _> = (1..=NODES).map(client).collect();
    let Ok(own) = own else { return };
    let mut wires: Vec<Wire> = own.iter().map(|client| Wire::Grpc(client.table(TABLE))).collect();
    clients.borrow_mut().extend(own);
    let mut at = draws.below(NODES.into()) as usize;
    loop {
        pause(Duration::from_millis(1 + draws.below(crowd.knobs.think_ms * 2 + 1))).await;
        if crowd.rests.get() {
            continue;
        }
        // Mostly the one that was asked before.
        if draws.chance(20) {
            at = draws.below(NODES.into()) as usize;
        }
        one(&crowd, user, &mut wires[at], &mut draws).await;
    }
}
