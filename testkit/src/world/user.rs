//! A simulated host with users: lanes that ask, wait, and ask again.

use super::content::content_of;
use super::knobs::Knobs;
use super::ledger::Ledger;
use super::node::TABLE;
use super::pause;
use super::rotten::Rotten;
use super::wire::{Ask, Wire};
use bytes::Bytes;
use env::Rng;
use env::rng::Stream;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;
use verify::history::{Call, Epoch};

/// What all users of a world share.
pub struct Crowd {
    /// What the seed decided.
    pub knobs: Knobs,
    /// Where everything is written down.
    pub ledger: Rc<RefCell<Ledger>>,
    /// They ask for nothing more: all becomes well, and the closing user looks at
    /// everything.
    pub rests: Cell<bool>,
    /// What a disk has really lost, at the end.
    pub rotten: RefCell<Rotten>,
    /// The node that they ask.
    pub node: String,
    /// The seed's streams.
    pub rng: Rng,
}

impl Crowd {
    /// May the key's row be refused for good? Then nobody waits for it.
    pub fn may_be_lost(&self, key: u32) -> bool {
        let partition = self.ledger.borrow().partition_of(key);
        partition.is_none_or(|partition| self.rotten.borrow().may_cost(partition))
            && self.rotten.borrow().any()
    }
}

/// The bytes of a key.
pub fn key_bytes(key: u32) -> Bytes {
    Bytes::from(format!("key-{key}"))
}

/// The host's program: one user, with so many lanes.
pub async fn run(crowd: Rc<Crowd>, user: u32) -> turmoil::Result {
    for lane in 0..crowd.knobs.lanes {
        tokio::task::spawn_local(work(crowd.clone(), user, lane));
    }
    std::future::pending().await
}

async fn work(crowd: Rc<Crowd>, user: u32, lane: u32) {
    let name = format!("user {user} lane {lane}");
    let mut draws = crowd.rng.stream(&name);
    let knobs = &crowd.knobs;
    let patience = Duration::from_millis(knobs.patience_ms);
    let wire = Wire::new(knobs.transport, &crowd.node, TABLE, patience, true, draws.next_u64());
    let Ok(mut wire) = wire.map(Wire::in_session) else { return };
    loop {
        pause(think(&mut draws, knobs.think_ms)).await;
        if !crowd.rests.get() {
            one(&crowd, user, &mut wire, &mut draws).await;
        }
    }
}

/// One request, and what came of it.
pub async fn one(crowd: &Crowd, user: u32, wire: &mut Wire, draws: &mut Stream) {
    let (items, ask) = draw(crowd, draws);
    // Now and then only an answer of the owner that was met last is wanted.
    let wants_owner = items.len() == 1 && draws.chance(10) && matches!(wire, Wire::Frames(_));
    let expected = if wants_owner { crowd.ledger.borrow().epoch_of(items[0].0) } else { None };
    // Half of the time one who has never been.
    let wrong = u64::from(draws.chance(50));
    let expected = expected.map(|epoch| Epoch { generation: epoch.generation + wrong, ..epoch });
    let ids = crowd.ledger.borrow_mut().begin(user, &items, expected);
    let answers = wire.ask(ask, expected).await;
    let mut ledger = crowd.ledger.borrow_mut();
    for ((id, (key, _)), answer) in ids.into_iter().zip(items).zip(answers) {
        ledger.end(id, key, answer);
    }
}

fn draw(crowd: &Crowd, draws: &mut Stream) -> (Vec<(u32, Call)>, Ask) {
    let knobs = &crowd.knobs;
    let count = if draws.chance(knobs.batches_percent) { 2 + draws.below(5) } else { 1 };
    let mut keys: Vec<u32> = (0..count).map(|_| draws.below(knobs.keys.into()) as u32).collect();
    keys.sort_unstable();
    keys.dedup();
    let kind = draws.below(100);
    if kind < knobs.reads_percent {
        let items = keys.iter().map(|key| (*key, Call::Get)).collect();
        return (items, Ask::Get(keys.into_iter().map(key_bytes).collect()));
    }
    if draws.chance(20) {
        let items = keys.iter().map(|key| (*key, Call::Remove)).collect();
        return (items, Ask::Remove(keys.into_iter().map(key_bytes).collect()));
    }
    put(crowd, &keys, draws)
}

fn put(crowd: &Crowd, keys: &[u32], draws: &mut Stream) -> (Vec<(u32, Call)>, Ask) {
    let bytes_max = u64::from(crowd.knobs.value_bytes);
    let mut ledger = crowd.ledger.borrow_mut();
    let values: Vec<(u32, u64)> = keys.iter().map(|key| (*key, ledger.new_value())).collect();
    let rows = values.iter().map(|(key, value)| {
        let bytes = 8 + draws.below(bytes_max + 1) as usize;
        (key_bytes(*key), content_of(*value, bytes))
    });
    let rows = rows.collect();
    (values.into_iter().map(|(key, value)| (key, Call::Put { value })).collect(), Ask::Put(rows))
}

/// Mostly short, now and then long.
fn think(draws: &mut Stream, mean_ms: u64) -> Duration {
    let spread = 1 + draws.below(4);
    Duration::from_millis(draws.below(mean_ms * spread + 1) / 2 + 1)
}
