//! `lease`: who may, for a while. A lease that is not renewed in time is anybody's;
//! its token rises with every new holder, so that what the last one still has
//! under way can be told apart. See `docs/formats/machines.md`.

mod command;
mod held;

pub use command::{LeaseCommand, LeaseReply, Standing, TTL_MS_MAX};

use crate::keyed::{Keyed, Rows};
use crate::machine::{At, Nonsense, ViewError};
use bytes::Bytes;
use held::Held;
use model::Stamp;

/// The machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lease;

impl Keyed for Lease {
    fn name(&self) -> &'static str {
        "lease"
    }

    /// Who holds it could not renew it while nobody could be asked.
    fn pauses(&self) -> bool {
        true
    }

    fn check(&self, body: &Bytes) -> Result<(), Nonsense> {
        LeaseCommand::decode(body).map(drop).ok_or_else(|| Nonsense("it is no command of a lease".into()))
    }

    fn apply(&self, rows: &mut Rows<'_>, body: &Bytes, at: At) -> Result<Bytes, ViewError> {
        let Some(command) = LeaseCommand::decode(body) else { return Ok(LeaseReply::Unreadable.encode()) };
        let before = Held::of(rows.own()?)?;
        let held = before.clone().filter(|held| held.expires > at.stamp);
        let reply = match (command, held) {
            (LeaseCommand::Acquire { holder, .. }, Some(held)) if held.holder != holder => {
                held.said(at.stamp, LeaseReply::Taken)
            }
            (LeaseCommand::Acquire { holder, ttl_ms }, held) => {
                // Whoever has it and asks again goes on under the same token.
                let token = held.map_or(at.index, |held| held.token);
                hold(rows, before, Held { token, expires: after(at.stamp, ttl_ms), holder }, at)
            }
            (LeaseCommand::Renew { token, ttl_ms }, Some(held)) if held.token == token => {
                hold(rows, before, Held { expires: after(at.stamp, ttl_ms), ..held }, at)
            }
            (LeaseCommand::Release { token }, Some(held)) if held.token == token => {
                let_go(rows, &held);
                LeaseReply::Free
            }
            (LeaseCommand::Renew { .. } | LeaseCommand::Release { .. }, held) => match held {
                Some(held) => held.said(at.stamp, LeaseReply::Lost),
                None => LeaseReply::LostAndFree,
            },
        };
        Ok(reply.encode())
    }

    fn expire(&self, rows: &mut Rows<'_>, at: At) -> Result<(), ViewError> {
        if let Some(held) = Held::of(rows.own()?)?.filter(|held| held.expires <= at.stamp) {
            let_go(rows, &held);
        }
        Ok(())
    }

    /// The body of a question is empty.
    fn query(&self, rows: &Rows<'_>, body: &Bytes, at: At) -> Result<Result<Bytes, Nonsense>, ViewError> {
        if !body.is_empty() {
            return Ok(Err(Nonsense("a question to a lease has no body".into())));
        }
        let held = Held::of(rows.own()?)?.filter(|held| held.expires > at.stamp);
        Ok(Ok(held.map_or(LeaseReply::Free, |held| held.said(at.stamp, LeaseReply::Held)).encode()))
    }
}

/// A new holder is told of; one that goes on is not.
fn hold(rows: &mut Rows<'_>, before: Option<Held>, held: Held, at: At) -> LeaseReply {
    if let Some(before) = &before {
        rows.not_due(before.expires);
    }
    rows.set_own(held.encode());
    rows.due(held.expires);
    let is_new = before.is_none_or(|before| before.token != held.token);
    let reply = held.said(at.stamp, LeaseReply::Held);
    if is_new {
        rows.tell(reply.encode());
    }
    reply
}

fn let_go(rows: &mut Rows<'_>, held: &Held) {
    rows.not_due(held.expires);
    rows.remove_own();
    rows.tell(LeaseReply::Free.encode());
}

fn after(now: Stamp, ttl_ms: u64) -> Stamp {
    Stamp(now.0.saturating_add(ttl_ms.saturating_mul(1_000_000)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::rig::Rig;

    const MS: u64 = 1_000_000;

    struct World(Rig<Lease>);

    impl World {
        fn new() -> World {
            World(Rig::new(Lease))
        }

        fn ask(&mut self, ms: u64, command: &LeaseCommand) -> LeaseReply {
            LeaseReply::decode(&self.0.apply("k", &command.encode(), Stamp(ms * MS)))
        }

        fn acquire(&mut self, ms: u64, holder: &'static str) -> LeaseReply {
            self.ask(ms, &LeaseCommand::Acquire { holder: Bytes::from(holder), ttl_ms: 100 })
        }
    }

    fn standing(token: u64, remaining_ms: u64, holder: &'static str) -> Standing {
        Standing { token, remaining_ms, holder: Bytes::from(holder) }
    }

    #[test]
    fn one_holds_it_until_it_expires() {
        let mut world = World::new();
        assert_eq!(world.acquire(0, "a"), LeaseReply::Held(standing(1, 100, "a")));
        assert_eq!(world.acquire(40, "b"), LeaseReply::Taken(standing(1, 60, "a")));
        assert_eq!(world.acquire(60, "a"), LeaseReply::Held(standing(1, 100, "a")), "the same token");
        assert_eq!(world.acquire(159, "b"), LeaseReply::Taken(standing(1, 1, "a")));
        assert_eq!(world.acquire(160, "b"), LeaseReply::Held(standing(5, 100, "b")));
        let renew = |token| LeaseCommand::Renew { token, ttl_ms: 50 };
        assert_eq!(world.ask(161, &renew(1)), LeaseReply::Lost(standing(5, 99, "b")));
        assert_eq!(world.ask(200, &renew(5)), LeaseReply::Held(standing(5, 50, "b")));
        assert_eq!(world.ask(250, &renew(5)), LeaseReply::LostAndFree, "nothing comes back to life");
    }

    #[test]
    fn who_gave_it_back_does_not_have_it() {
        let mut world = World::new();
        world.acquire(0, "a");
        assert_eq!(world.ask(1, &LeaseCommand::Release { token: 1 }), LeaseReply::Free);
        assert_eq!(world.ask(2, &LeaseCommand::Release { token: 1 }), LeaseReply::LostAndFree);
        assert_eq!(world.acquire(3, "b"), LeaseReply::Held(standing(4, 100, "b")));
        assert_eq!(world.ask(4, &LeaseCommand::Release { token: 1 }), LeaseReply::Lost(standing(4, 99, "b")));
    }

    #[test]
    fn who_does_not_renew_has_it_taken_and_that_is_told() {
        let mut world = World::new();
        world.acquire(0, "a");
        world.ask(50, &LeaseCommand::Renew { token: 1, ttl_ms: 100 });
        assert_eq!(world.0.tick(Stamp(149 * MS)), []);
        let told = world.0.tick(Stamp(150 * MS));
        assert_eq!(told.iter().map(|event| event.kind).collect::<Vec<_>>(), [model::EventKind::Expired]);
        assert_eq!(LeaseReply::decode(&told[0].body), LeaseReply::Free);
        assert!(world.0.rows.is_empty(), "neither row nor deadline is left");
    }

    #[test]
    fn a_question_is_answered_by_the_last_stamp() {
        let mut world = World::new();
        let said = |world: &World, ms: u64| {
            LeaseReply::decode(&world.0.query("k", b"", Stamp(ms * MS)).expect("sense"))
        };
        assert_eq!(said(&world, 0), LeaseReply::Free);
        world.acquire(0, "a");
        assert_eq!(said(&world, 1), LeaseReply::Held(standing(1, 99, "a")));
        assert_eq!(said(&world, 100), LeaseReply::Free);
        assert!(world.0.query("k", b"?", Stamp(0)).is_err());
    }
}
