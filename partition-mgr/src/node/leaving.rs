//! Before a planned end: whatever is led here is led elsewhere.

use super::{Core, Node};
use crate::directory::Handle;
use crate::shard::{Message, Order};
use env::sometimes;
use model::PartitionId;
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
        let mut led = self.led_with_others();
        while !led.is_empty() && self.env.clock.mono() < until {
            for id in led.keys() {
                let _ = self.inbox_of(*id).send(Message::Order(Order::HandOver(*id, None)));
            }
            let next = self.env.clock.mono().plus_ms(HEIR_MS);
            while !led.is_empty() && self.env.clock.mono() < next {
                self.env.pause_ms(LOOK_MS);
                led.retain(|_, handle| !matches!(handle.published.leader(), Leader::On(_)));
            }
        }
        sometimes!("what a node led was handed over");
    }

    /// What is led here together with others.
    fn led_with_others(&self) -> BTreeMap<PartitionId, Handle> {
        let (state, own) = (self.state(), self.data_dir.node());
        let has_others = |id: &PartitionId| {
            let placement = state.desired.partitions.get(id).and_then(|one| one.placement.as_ref());
            placement.is_some_and(|placement| placement.wanted.seats.values().any(|node| *node != own))
        };
        let led = state.handles.iter().filter(|(id, handle)| {
            handle.published.is_replicated() && handle.leads().is_ok() && has_others(id)
        });
        led.map(|(id, handle)| (*id, handle.clone())).collect()
    }
}
