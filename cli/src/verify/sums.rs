//! Counters that users add to while the node is killed: at the end of each round
//! every sum is what was acknowledged, and whatever of unknown outcome took effect.

use super::rim;
use super::verdicts::Verdicts;
use client::{Client, Error, Limits};
use env::Rng;
use env::rng::Stream;
use model::code;
use proto::control::{CreateTableRequest, Profile};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedRwLockWriteGuard, RwLock, watch};
use tokio::task::JoinHandle;

const USERS: u32 = 3;
const KEYS: u64 = 4;
const AFTER_REFUSAL: Duration = Duration::from_millis(10);
const RESERVED_FOR: Duration = Duration::from_secs(3600);

/// What is known of one counter.
#[derive(Clone, Copy, Default)]
struct Known {
    /// What acknowledged additions come to.
    sum: i64,
    /// What additions of unknown outcome may add, and take away.
    more: i64,
    less: i64,
}

#[derive(Default)]
struct Notes {
    known: BTreeMap<u64, Known>,
    done: u64,
    unknown: u64,
    strange: Vec<String>,
}

struct Shared {
    table: String,
    clients: watch::Sender<Option<Client>>,
    gate: Arc<RwLock<()>>,
    notes: Mutex<Notes>,
}

/// The users of a table of counters.
pub(super) struct Sums {
    shared: Arc<Shared>,
    users: Vec<JoinHandle<()>>,
}

impl Shared {
    fn notes(&self) -> MutexGuard<'_, Notes> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes the table.
pub(super) async fn create(client: &Client, table: &str, profile: Profile) -> Result<Vec<u64>, Error> {
    let request = CreateTableRequest {
        name: table.to_owned(),
        layout: "hashed".to_owned(),
        machine: "counter".to_owned(),
        profile: Some(profile),
        partitions: 2,
        ..CreateTableRequest::default()
    };
    Ok(client.control().create_table(request).await?.partitions)
}

impl Sums {
    /// Users whom nobody serves yet.
    pub fn gather(table: String, rng: &Rng) -> Sums {
        let (clients, gate, notes) = (watch::Sender::new(None), Arc::default(), Mutex::default());
        let shared = Arc::new(Shared { table, clients, gate, notes });
        let start = |user: u32| {
            let draws = rng.stream(&format!("sums user {user}"));
            rim::spawn(work(shared.clone(), draws))
        };
        let users = (0..USERS).map(start).collect();
        Sums { shared, users }
    }

    /// The table's name.
    pub fn table(&self) -> &str {
        &self.shared.table
    }

    /// Who serves it from now on; none while nobody does.
    pub fn serve(&self, client: Option<&Client>) {
        self.shared.clients.send_replace(client.cloned());
    }

    /// Waits until nobody has a request under way, and keeps it so.
    pub async fn rest(&self) -> OwnedRwLockWriteGuard<()> {
        self.shared.gate.clone().write_owned().await
    }

    /// How many additions were acknowledged, and of how many nobody knows.
    pub fn counts(&self) -> (u64, u64) {
        let notes = self.shared.notes();
        (notes.done, notes.unknown)
    }

    /// Holds every counter against what is known of it. `settled`: what was of
    /// unknown outcome can no more take effect.
    pub async fn judge(&self, client: &Client, settled: bool, verdicts: &mut Verdicts) -> Result<(), Error> {
        let counters = client.counter(self.table());
        for key in 0..KEYS {
            let counted = counters.get(name(key)).await?;
            let mut notes = self.shared.notes();
            let known = notes.known.entry(key).or_default();
            let Known { sum, more, less } = *known;
            if !(sum - less..=sum + more).contains(&counted.value) {
                let what = format!(
                    "counter {key} is {}, and acknowledged additions come to {sum}, unknown ones to -{less} to {more}",
                    counted.value
                );
                verdicts.tell("conservation", what);
            }
            if settled {
                *known = Known { sum: counted.value, more: 0, less: 0 };
            }
        }
        let strange = std::mem::take(&mut self.shared.notes().strange);
        strange.into_iter().for_each(|what| verdicts.tell("conservation", what));
        Ok(())
    }
}

impl Drop for Sums {
    fn drop(&mut self) {
        self.users.iter().for_each(JoinHandle::abort);
    }
}

fn name(key: u64) -> String {
    format!("sum-{key}")
}

async fn work(shared: Arc<Shared>, mut draws: Stream) {
    let mut clients = shared.clients.subscribe();
    while clients.wait_for(Option::is_some).await.is_ok() {
        // Held while a request is under way.
        let gate = shared.gate.read().await;
        let served = clients.borrow().clone();
        let refused = match served {
            Some(client) => one(&shared, &client, &mut draws).await,
            None => false,
        };
        drop(gate);
        if refused {
            rim::pause(AFTER_REFUSAL).await;
        }
    }
}

/// One addition, at once or reserved before; was it refused?
async fn one(shared: &Shared, client: &Client, draws: &mut Stream) -> bool {
    let counters = client.counter(shared.table.as_str());
    let (key, amount) = (draws.below(KEYS), 1 + draws.below(9) as i64);
    if draws.chance(20) {
        let id = u128::from(draws.next_u64()) << 64 | u128::from(draws.next_u64());
        let reserved = counters.reserve(name(key), id, amount, None, RESERVED_FOR).await;
        // What is only reserved counts for nothing.
        if reserved.is_err() {
            return true;
        }
        let committed = counters.commit(name(key), id, None).await;
        return note(shared, key, amount, committed.map(|counted| counted.value));
    }
    let amount = if draws.chance(30) { -amount } else { amount };
    let limits = Limits::least(0);
    let added = counters.add_within(name(key), amount, limits).await.map(|counted| counted.value);
    if let Some(value) = added.as_ref().ok().filter(|value| **value < 0) {
        shared.notes().strange.push(format!("counter {key} was lowered to {value}, below its limit"));
    }
    note(shared, key, amount, added)
}

fn note(shared: &Shared, key: u64, amount: i64, result: Result<i64, Error>) -> bool {
    let mut notes = shared.notes();
    let Notes { known, done, unknown, .. } = &mut *notes;
    let known = known.entry(key).or_default();
    match result {
        Ok(_) => {
            known.sum += amount;
            *done += 1;
            false
        }
        Err(error) if error.is(code::UNKNOWN_OUTCOME) => {
            known.more += amount.max(0);
            known.less += (-amount).max(0);
            *unknown += 1;
            true
        }
        Err(_) => true,
    }
}
