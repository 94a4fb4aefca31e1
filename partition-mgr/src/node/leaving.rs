//! Before a planned end: whatever is led here is led elsewhere.

use super::{Core, Node};
use crate::directory::Handle;
use crate::shard::{Message, Order};
use env::sometimes;
use model::{PartitionId, ReplicaId};
use partition::Leader;
use std::collections::BTreeMap;

/// An heir has so long before another one is asked.
const HEIR_MS: u64 = 300;
/// All of it takes so long at most: who cannot be handed over is led anew when it is gone.
const ALL_MS: u64 = 1_500;
/// Between two looks.
const LOOK_MS: u64 = 5;

impl Node {
    /// Lets other replicas lead what is led here, so that nobody has to find out that
    /// this node is gone. Waits for them for a while.
    pub fn hand_over(&self) {
        self.core.hand_over();
    }
}

impl Core {
    fn hand_over(&self) {
        let until = self.env.clock.mono().plus_ms(ALL_MS);
        let mut heirs = self.heirs();
        while !heirs.is_empty() && self.env.clock.mono() < until {
            for (id, (_, heirs)) in &mut heirs {
                if let Some(heir) = heirs.pop() {
                    let _ = self.inbox_of(*id).send(Message::Order(Order::HandOver(*id, heir)));
                }
            }
            let next = self.env.clock.mono().plus_ms(HEIR_MS);
            while !heirs.is_empty() && self.env.clock.mono() < next {
                self.env.pause_ms(LOOK_MS);
                heirs.retain(|_, (handle, _)| !matches!(handle.published.leader(), Leader::On(_)));
            }
            heirs.retain(|_, (_, heirs)| !heirs.is_empty());
        }
        sometimes!("what a node led was handed over");
    }

    /// What is led here together with others, and who may lead it instead.
    fn heirs(&self) -> BTreeMap<PartitionId, (Handle, Vec<ReplicaId>)> {
        let (state, own) = (self.state(), self.data_dir.node());
        let led = state
            .handles
            .iter()
            .filter(|(_, handle)| handle.published.is_replicated() && handle.leads().is_ok());
        let heirs = led.filter_map(|(id, handle)| {
            let placement = state.desired.partitions.get(id)?.placement.as_ref()?;
            let others = placement.wanted.seats.iter().filter(|(_, node)| **node != own);
            let heirs: Vec<ReplicaId> = others.map(|(replica, _)| *replica).collect();
            (!heirs.is_empty()).then(|| (*id, (handle.clone(), heirs)))
        });
        heirs.collect()
    }
}
