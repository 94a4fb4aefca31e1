//! Counters against a model: a list of reservations, looked through each time.

use super::*;
use crate::keyed::rig::Rig;
use proptest::prelude::*;

const MS: u64 = 1_000_000;

struct World(Rig<Counter>);

impl World {
    fn new() -> World {
        World(Rig::new(Counter))
    }

    fn ask(&mut self, ms: u64, command: CounterCommand) -> CounterReply {
        CounterReply::decode(&self.0.apply("k", &command.encode(), Stamp(ms * MS)))
    }

    fn stands(&self, ms: u64) -> CounterReply {
        CounterReply::decode(&self.0.query("k", b"", Stamp(ms * MS)).expect("a question"))
    }
}

fn counted(value: i64, reserved: i64) -> Counted {
    Counted { value, reserved }
}

fn add(amount: i64, least: i64, most: i64) -> CounterCommand {
    CounterCommand::Add { amount, within: Within { least, most } }
}

fn reserve(id: u128, amount: i64, most: i64) -> CounterCommand {
    CounterCommand::Reserve { id, amount, most, ttl_ms: 100 }
}

#[test]
fn a_sum_stays_within_its_limits() {
    let mut world = World::new();
    let rows = [
        (add(5, 0, 10), CounterReply::Done(counted(5, 0))),
        (add(6, 0, 10), CounterReply::Limit(counted(5, 0))),
        (add(5, 0, 10), CounterReply::Done(counted(10, 0))),
        (add(-11, 0, 10), CounterReply::Limit(counted(10, 0))),
        // Who lowers what is above a limit that was lowered is not refused for it.
        (add(-1, 0, 3), CounterReply::Done(counted(9, 0))),
        (add(0, 20, 3), CounterReply::Done(counted(9, 0))),
        (
            CounterCommand::Add { amount: i64::MAX, within: Within::ANY },
            CounterReply::Overflow(counted(9, 0)),
        ),
        (
            CounterCommand::Add { amount: i64::MIN, within: Within::ANY },
            CounterReply::Done(counted(i64::MIN + 9, 0)),
        ),
        (add(-10, i64::MIN, 0), CounterReply::Overflow(counted(i64::MIN + 9, 0))),
    ];
    for (command, expected) in rows {
        assert_eq!(world.ask(1, command), expected, "{command:?}");
    }
}

#[test]
fn what_is_reserved_counts_until_it_is_committed_released_or_expired() {
    let mut world = World::new();
    let commit = |id, amount| CounterCommand::Commit { id, amount };
    assert_eq!(world.ask(0, reserve(1, 6, 10)), CounterReply::Done(counted(0, 6)));
    assert_eq!(world.ask(0, reserve(1, 1, 10)), CounterReply::Taken(counted(0, 6)));
    assert_eq!(world.ask(0, reserve(2, 5, 10)), CounterReply::Limit(counted(0, 6)));
    assert_eq!(world.ask(0, add(5, 0, 10)), CounterReply::Limit(counted(0, 6)));
    assert_eq!(world.ask(1, reserve(2, 4, 10)), CounterReply::Done(counted(0, 10)));
    assert_eq!(world.ask(2, commit(1, Some(7))), CounterReply::Limit(counted(0, 10)));
    assert_eq!(world.ask(2, commit(1, Some(5))), CounterReply::Done(counted(5, 4)));
    assert_eq!(world.ask(2, commit(1, None)), CounterReply::NoReservation(counted(5, 4)));
    assert_eq!(world.ask(3, reserve(3, 1, 10)), CounterReply::Done(counted(5, 5)));
    assert_eq!(world.ask(3, CounterCommand::Release { id: 3 }), CounterReply::Done(counted(5, 4)));
    // The second expires at 101, and is seen to be gone before anybody says so.
    assert_eq!(world.stands(100), CounterReply::Done(counted(5, 4)));
    assert_eq!(world.stands(101), CounterReply::Done(counted(5, 0)));
    assert_eq!(world.ask(101, commit(2, None)), CounterReply::NoReservation(counted(5, 0)));
    assert_eq!(world.0.rows.len(), 1, "nothing is left but the sum");
    let most = CounterCommand::Reserve { id: 4, amount: i64::MAX, most: i64::MAX, ttl_ms: u64::MAX };
    assert_eq!(world.ask(102, most), CounterReply::Overflow(counted(5, 0)));
    assert_eq!(world.ask(102, CounterCommand::Release { id: 4 }), CounterReply::NoReservation(counted(5, 0)));
}

#[test]
fn however_many_are_due_all_are_free_at_once() {
    let mut world = World::new();
    let count = 3 * DUE_AT_ONCE as i64 + 1;
    for id in 0..count {
        assert_eq!(world.ask(0, reserve(id as u128, 1, count)), CounterReply::Done(counted(0, id + 1)));
    }
    assert_eq!(world.ask(99, add(1, 0, count)), CounterReply::Limit(counted(0, count)));
    assert_eq!(world.stands(100), CounterReply::Done(counted(0, 0)));
    assert_eq!(world.ask(100, add(count, 0, count)), CounterReply::Done(counted(count, 0)));
    assert_eq!(world.0.rows.len(), 1);
}

/// A counter as anybody would write it who has time.
#[derive(Default)]
struct Model {
    value: i64,
    open: Vec<(u128, i64, u64)>,
}

impl Model {
    fn stands(&self) -> Counted {
        counted(self.value, self.open.iter().map(|(_, amount, _)| amount).sum())
    }

    fn ask(&mut self, ms: u64, command: CounterCommand) -> CounterReply {
        self.open.retain(|(_, _, expires)| *expires > ms);
        let reserved = self.stands().reserved;
        let at = |id: u128, open: &[(u128, i64, u64)]| open.iter().position(|(one, ..)| *one == id);
        let reply: fn(Counted) -> CounterReply = match command {
            CounterCommand::Add { amount, within } => {
                let value = self.value + amount;
                let is_over = amount > 0 && value + reserved > within.most;
                if is_over || (amount < 0 && value < within.least) {
                    CounterReply::Limit
                } else {
                    self.value = value;
                    CounterReply::Done
                }
            }
            CounterCommand::Reserve { id, .. } if at(id, &self.open).is_some() => CounterReply::Taken,
            CounterCommand::Reserve { amount, most, .. } if self.value + reserved + amount > most => {
                CounterReply::Limit
            }
            CounterCommand::Reserve { id, amount, ttl_ms, .. } => {
                self.open.push((id, amount, ms + ttl_ms));
                CounterReply::Done
            }
            CounterCommand::Commit { id, amount } => match at(id, &self.open) {
                None => CounterReply::NoReservation,
                Some(at) if amount.is_some_and(|amount| amount > self.open[at].1) => CounterReply::Limit,
                Some(at) => {
                    let (_, reserved, _) = self.open.remove(at);
                    self.value += amount.unwrap_or(reserved);
                    CounterReply::Done
                }
            },
            CounterCommand::Release { id } => match at(id, &self.open) {
                None => CounterReply::NoReservation,
                Some(at) => {
                    self.open.remove(at);
                    CounterReply::Done
                }
            },
        };
        reply(self.stands())
    }
}

fn a_command() -> impl Strategy<Value = CounterCommand> {
    let id = || (0u128..6).boxed();
    prop_oneof![
        (-5i64..8, -3i64..3, 5i64..20).prop_map(|(amount, least, most)| add(amount, least, most)),
        (id(), 0i64..6, 5i64..20, 0u64..30).prop_map(|(id, amount, most, ttl_ms)| CounterCommand::Reserve {
            id,
            amount,
            most,
            ttl_ms
        }),
        (id(), proptest::option::of(0i64..6)).prop_map(|(id, amount)| CounterCommand::Commit { id, amount }),
        id().prop_map(|id| CounterCommand::Release { id }),
    ]
}

proptest! {
    #[test]
    fn it_counts_as_the_model_does(commands in proptest::collection::vec((0u64..12, a_command()), 1..120)) {
        let (mut world, mut model, mut now) = (World::new(), Model::default(), 0);
        for (later, command) in commands {
            now += later;
            prop_assert_eq!(world.ask(now, command), model.ask(now, command), "{:?} at {}", command, now);
            let later = now + 7;
            let open = model.open.iter().filter(|(_, _, expires)| *expires > later);
            let expected = counted(model.value, open.map(|(_, amount, _)| amount).sum());
            prop_assert_eq!(world.stands(later), CounterReply::Done(expected));
        }
        let parts = model.open.len() * 2;
        // The sum, and when it is to be looked at.
        prop_assert!(world.0.rows.len() <= parts + 2);
        world.0.tick(Stamp((now + 100) * MS));
        prop_assert!(world.0.rows.len() <= 1, "nothing is open, and nobody has asked");
        prop_assert_eq!(world.stands(now), CounterReply::Done(counted(model.value, 0)));
    }
}
