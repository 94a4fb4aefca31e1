//! Names of operations, so that a write that is sent again is done once.
//!
//! A client has an id, which says when it was made, and counts its operations.
//! With each it says up to where it needs no answer any more: what is at or
//! below that, a node forgets.

use bytes::Bytes;
use env::rng::Stream;
use env::{Clock, Mono};
use model::OpId;
use proto::common;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// An id is used for so long: nodes forget those that are older than an hour.
const USED_MS: u64 = 20 * 60_000;
/// An id is made as if it were made so long ago: nodes refuse those from their
/// future, and clocks differ.
const BACK_MS: i64 = 60_000;
/// An id that is refused sooner than this was made at the wrong time.
const FRESH_MS: u64 = 60_000;
/// Between too long ago and too short ago lies more than this, or clocks moved.
const GAP_MS: i64 = 1_000;
/// Where a node has refused one, the next is made so much earlier or later, and
/// then eight times that.
const STEP_MS: i64 = 600_000;

/// Makes the names of one client's operations.
pub(crate) struct Operations {
    clock: Arc<dyn Clock>,
    state: Mutex<State>,
}

struct State {
    draws: Stream,
    id: u128,
    made: Mono,
    /// How long ago ids are said to be made, and what is known of that.
    back_ms: i64,
    too_short: Option<i64>,
    too_long: Option<i64>,
    next: u64,
    /// Of this id: what is under way.
    pending: BTreeSet<u64>,
}

/// One operation, or as many as a request has items. Dropped when its answer is
/// there, or nobody waits for it any more.
#[derive(Debug)]
pub(crate) struct Operation {
    operations: Arc<Operations>,
    client: u128,
    sequence: u64,
}

/// What a request is sent under.
#[derive(Clone, Debug)]
pub(crate) enum Name {
    /// An operation of this client, from its first item on, or from a later one.
    Ours(Arc<Operation>, u64),
    /// One that the caller has made.
    Callers(OpId),
}

impl Operations {
    pub fn new(clock: Arc<dyn Clock>, draws: Stream) -> Arc<Operations> {
        let state = State {
            draws,
            id: 0,
            made: clock.mono(),
            back_ms: BACK_MS,
            too_short: None,
            too_long: None,
            next: 1,
            pending: BTreeSet::new(),
        };
        Arc::new(Operations { clock, state: Mutex::new(state) })
    }

    /// A name for so many items.
    pub fn begin(self: &Arc<Operations>, items: usize) -> Name {
        let mut state = self.lock();
        let now = self.clock.mono();
        if now.ms_since(state.made) >= USED_MS {
            // Clocks have moved since then.
            (state.id, state.too_short, state.too_long) = (0, None, None);
        }
        if state.id == 0 {
            state.renew(&*self.clock);
        }
        let sequence = state.next;
        state.next += items as u64;
        state.pending.insert(sequence);
        let operation = Operation { operations: self.clone(), client: state.id, sequence };
        Name::Ours(Arc::new(operation), 0)
    }

    /// A client of one operation.
    pub fn single(&self) -> OpId {
        let mut state = self.lock();
        state.renew(&*self.clock);
        OpId { client: state.id, sequence: 1 }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Between what was too short and what was too long; or further away from
    /// the one that is known.
    fn aim(&mut self, ahead: bool) {
        let known = if ahead { &mut self.too_short } else { &mut self.too_long };
        *known = Some(self.back_ms);
        if let (Some(short), Some(long)) = (self.too_short, self.too_long)
            && long - short < GAP_MS
        {
            (self.too_short, self.too_long) = (None, None);
        }
        let step = |from: i64| (from - BACK_MS).saturating_abs().saturating_mul(8).max(STEP_MS);
        self.back_ms = match (self.too_short, self.too_long) {
            (Some(short), Some(long)) if short < long => short + (long - short) / 2,
            (_, Some(long)) if !ahead => long.saturating_sub(step(long)),
            (Some(short), _) => short.saturating_add(step(short)),
            (None, _) => BACK_MS,
        };
    }

    fn renew(&mut self, clock: &dyn Clock) {
        let ms = (clock.wall().0 / 1_000_000).saturating_add_signed(-self.back_ms);
        let random = u128::from(self.draws.next_u64()) << 64 | u128::from(self.draws.next_u64());
        self.id = OpId::new_client(ms, random);
        (self.made, self.next) = (clock.mono(), 1);
        self.pending.clear();
    }
}

/// As requests have it.
pub(crate) fn on_the_wire(op: OpId) -> common::OpId {
    common::OpId { client: Bytes::copy_from_slice(&op.client.to_be_bytes()), sequence: op.sequence }
}

impl Name {
    /// That of a later item.
    pub fn of(&self, item: usize) -> Name {
        match self {
            Name::Ours(operation, offset) => Name::Ours(operation.clone(), offset + item as u64),
            Name::Callers(op) => Name::Callers(OpId { sequence: op.sequence + item as u64, ..*op }),
        }
    }

    /// What a request says: the name, and up to where no answer is needed.
    pub fn on_the_wire(&self) -> (common::OpId, u64) {
        let (operation, offset) = match self {
            Name::Ours(operation, offset) => (operation, offset),
            Name::Callers(op) => return (on_the_wire(*op), 0),
        };
        let Operation { operations, client, sequence } = &**operation;
        let state = operations.lock();
        let first = state.pending.first().copied().filter(|_| state.id == *client);
        let upto = first.map_or(0, |first| first.min(*sequence) - 1);
        (on_the_wire(OpId { client: *client, sequence: sequence + offset }), upto)
    }

    /// A node refused the id, and has done nothing under it: the next operation
    /// gets another. `ahead`: because it was from the node's future.
    pub fn refused(&self, ahead: bool) {
        let Name::Ours(operation, _) = self else { return };
        let Operation { operations, client, .. } = &**operation;
        let mut state = operations.lock();
        if state.id == *client {
            // One that was good for a while says nothing of clocks.
            if operations.clock.mono().ms_since(state.made) < FRESH_MS {
                state.aim(ahead);
            }
            state.id = 0;
        }
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let mut state = self.operations.lock();
        if state.id == self.client {
            state.pending.remove(&self.sequence);
        }
    }
}

impl fmt::Debug for Operations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Operations").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use env::Rng;
    use env::sim::SimClock;

    fn operations() -> (Arc<SimClock>, Arc<Operations>) {
        let clock = Arc::new(SimClock::default());
        let draws = Rng::from_seed(1).stream("ops");
        (clock.clone(), Operations::new(clock, draws))
    }

    fn client(name: &Name) -> u128 {
        match name {
            Name::Ours(operation, _) => operation.client,
            Name::Callers(op) => op.client,
        }
    }

    fn said(name: &Name) -> (u64, u64) {
        let (op, answered_upto) = name.on_the_wire();
        assert_eq!(op.client[6] >> 4, 7, "a UUID of version 7");
        (op.sequence, answered_upto)
    }

    #[test]
    fn what_is_under_way_holds_back_what_counts_as_answered() {
        let (_, operations) = operations();
        let (first, second, third) = (operations.begin(1), operations.begin(5), operations.begin(1));
        assert_eq!([said(&first), said(&second), said(&third)], [(1, 0), (2, 0), (7, 0)]);
        let fourth_item = second.of(3);
        assert_eq!(said(&fourth_item), (5, 0));
        drop(second);
        assert_eq!(said(&third), (7, 0));
        drop(first);
        assert_eq!(said(&third), (7, 1), "one item of the second is needed still");
        drop(fourth_item);
        assert_eq!(said(&third), (7, 6));
        drop(third);
        assert_eq!(said(&operations.begin(1)), (8, 7));
    }

    #[test]
    fn an_id_is_renewed_in_time_and_when_it_is_refused() {
        let (clock, operations) = operations();
        let old = operations.begin(1);
        clock.advance_ms(USED_MS);
        let new = operations.begin(1);
        assert_ne!(client(&old), client(&new));
        assert_eq!([said(&old), said(&new)], [(1, 0), (1, 0)]);
        old.refused(false);
        assert_eq!(client(&operations.begin(1)), client(&new), "that was an old one");
        new.refused(true);
        let earlier = operations.begin(1);
        assert!(client(&earlier) >> 80 < client(&new) >> 80);
    }

    #[test]
    fn an_id_is_found_that_is_neither_ahead_nor_forgotten() {
        // How far this clock is before the node's, and for how long it forgets.
        for off_ms in [-86_400_000, -7_200_000, -90_000, 0, 90_000, 7_200_000, 86_400_000] {
            let (_, operations) = operations();
            let now = operations.clock.wall().0 as i64 / 1_000_000 - off_ms;
            let mut tries = 0;
            loop {
                let name = operations.begin(1);
                let made = (client(&name) >> 80) as i64;
                if made <= now && made > now - 1_200_000 {
                    break;
                }
                tries += 1;
                assert!(tries < 24, "{off_ms}");
                name.refused(made > now);
            }
        }
    }
}
