//! Holders who take leases, hold them longer and give them back while everything
//! goes wrong. What they are told is all that is held against the node.

use super::clients::grpc;
use super::pause;
use super::user::Crowd;
use client::{Error, Held, Leases};
use env::rng::Stream;
use model::code;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;
use verify::leases::{LeaseBook, LeaseKey};

/// The table.
pub const LEASES: &str = "leases";
const KEYS: u64 = 2;
const HOLDERS: usize = 3;
/// As long as anybody may have one: it ends in no world.
const FOR_SURE: Duration = Duration::from_secs(30 * 86_400);
const SHORT_MS_MAX: u64 = 800;

/// One who takes leases, now one and then another.
struct Holder {
    number: usize,
    /// Who does not know what became of something goes on as somebody else: what is
    /// still under way then concerns nobody.
    lives: u32,
    /// Its tokens, by lease.
    tokens: BTreeMap<LeaseKey, u64>,
}

impl Holder {
    fn name(&self) -> String {
        format!("holder-{}-{}", self.number, self.lives)
    }
}

/// The host's program.
pub async fn run(crowd: Rc<Crowd>, book: Rc<RefCell<LeaseBook>>) -> turmoil::Result {
    let mut draws = crowd.rng.stream("leasing");
    let knobs = &crowd.knobs;
    let patience = Duration::from_millis(knobs.patience_ms);
    let client = grpc(&crowd.node, patience, true, draws.next_u64()).map_err(|error| error.to_string())?;
    let leases = client.leases(LEASES);
    let mut holders: Vec<Holder> =
        (0..HOLDERS).map(|number| Holder { number, lives: 0, tokens: BTreeMap::new() }).collect();
    while !crowd.rests.get() {
        pause(Duration::from_millis(1 + draws.below(knobs.think_ms * 4 + 1))).await;
        let holder = &mut holders[draws.below(HOLDERS as u64) as usize];
        one(&leases, holder, &mut draws, &book).await;
    }
    std::future::pending().await
}

async fn one(leases: &Leases, holder: &mut Holder, draws: &mut Stream, book: &RefCell<LeaseBook>) {
    let for_sure = draws.chance(30);
    let short = Duration::from_millis(1 + draws.below(SHORT_MS_MAX));
    let ttl = if for_sure { FOR_SURE } else { short };
    let key = draws.below(KEYS);
    let result = match holder.tokens.get(&key).copied().filter(|_| draws.chance(60)) {
        Some(token) if draws.chance(50) => release(leases, key, &holder.name(), token, book).await,
        Some(token) => hold(key, holder, for_sure, book, leases.renew(name(key), token, ttl)).await,
        None => {
            let acquire = leases.acquire(name(key), holder.name(), ttl);
            let taken = hold(key, holder, for_sure, book, acquire).await;
            match taken {
                // Of some nobody knows that they have it.
                Err(error) if error.is(code::LEASE_TAKEN) && draws.chance(30) => {
                    free(leases, key, book).await
                }
                taken => taken,
            }
        }
    };
    match result {
        Err(error) if error.is(code::UNKNOWN_OUTCOME) => {
            (holder.lives, holder.tokens) = (holder.lives + 1, BTreeMap::new());
        }
        Err(error) if error.is(code::LEASE_LOST) => drop(holder.tokens.remove(&key)),
        _ => {}
    }
}

/// Takes it, or holds it longer.
async fn hold(
    key: LeaseKey,
    holder: &mut Holder,
    for_sure: bool,
    book: &RefCell<LeaseBook>,
    asking: impl Future<Output = Result<Held, Error>>,
) -> Result<(), Error> {
    if !for_sure {
        book.borrow_mut().lets_go(key, &holder.name());
    }
    let asked = book.borrow_mut().asks(key);
    let held = asking.await?;
    book.borrow_mut().has(&asked, &holder.name(), held.token, for_sure);
    holder.tokens.insert(key, held.token);
    Ok(())
}

async fn release(
    leases: &Leases,
    key: LeaseKey,
    holder: &str,
    token: u64,
    book: &RefCell<LeaseBook>,
) -> Result<(), Error> {
    book.borrow_mut().lets_go(key, holder);
    leases.release(name(key), token).await
}

/// Takes it from whoever has it.
async fn free(leases: &Leases, key: LeaseKey, book: &RefCell<LeaseBook>) -> Result<(), Error> {
    match leases.get(name(key)).await? {
        Some(held) => {
            let holder = String::from_utf8_lossy(&held.holder);
            release(leases, key, &holder, held.token, book).await
        }
        None => Ok(()),
    }
}

fn name(key: LeaseKey) -> String {
    format!("lease-{key}")
}
