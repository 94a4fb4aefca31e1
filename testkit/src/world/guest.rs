//! A user whose rows last for a while: nobody reads them, and when they go is
//! told by events alone.

use super::node::TABLE;
use super::pause;
use super::user::Crowd;
use super::wire::{Ask, Wire};
use bytes::Bytes;
use std::rc::Rc;
use std::time::Duration;

/// What its keys begin with.
const PREFIX: &[u8] = b"guest-";
const ROWS: u64 = 30;

/// Is this a guest's key?
pub fn is_guest(key: &[u8]) -> bool {
    key.starts_with(PREFIX)
}

/// For how long a guest's row was to last.
pub fn ttl_of(key: &[u8], value: &[u8]) -> Option<u64> {
    value.first_chunk().filter(|_| is_guest(key)).map(|ttl_ms| u64::from_le_bytes(*ttl_ms))
}

/// The host's program.
pub async fn run(crowd: Rc<Crowd>) -> turmoil::Result {
    let mut draws = crowd.rng.stream("guest");
    let knobs = &crowd.knobs;
    let patience = Duration::from_millis(knobs.patience_ms);
    let mut wire = Wire::new(knobs.transport, &crowd.node, TABLE, patience, true, draws.next_u64())
        .map_err(|error| error.to_string())?;
    loop {
        pause(Duration::from_millis(1 + draws.below(knobs.think_ms * 4 + 1))).await;
        if crowd.rests.get() {
            continue;
        }
        let key = Bytes::from(format!("guest-{}", draws.below(ROWS)));
        let most = if draws.chance(20) { 10_000 } else { 500 };
        let ttl_ms = 1 + draws.below(most);
        let value = Bytes::copy_from_slice(&ttl_ms.to_le_bytes());
        // Whatever comes of it is told by the partition itself.
        wire.ask(Ask::PutFor(key, value, ttl_ms), None).await;
    }
}
