//! What a replica promises its peers, as the node's log keeps it. The bytes are
//! on disk for ever; `docs/formats/log.md` lays them out.

use super::kind::{Ballot, LogId, Membership, Seat, StoredMembership, log_id};
use bytes::Bytes;
use model::Index;
use model::wire::Cursor;
use openraft::impls::leader_id_std::LeaderId;
use std::collections::{BTreeMap, BTreeSet};

/// What a record of kind `Committed` says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Settled {
    /// Entries follow.
    Placed(Placed),
    /// What was before is not needed any more.
    Base(Base),
}

/// What stands before the entries of an append: where the first of them goes,
/// and how far the replica knows history to be settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Placed {
    pub next: u64,
    /// The entry before it: another one there is a history with a part missing.
    pub before: Option<LogId>,
    pub committed: Option<LogId>,
}

/// What the log remembers of a replica when its records are gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Carried {
    pub ballot: Option<Ballot>,
    pub base: Base,
}

/// Where a replica's history begins here: all before it is in the store.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Base {
    /// The last entry that is not needed any more.
    pub purged: Option<LogId>,
    /// The last command up to there.
    pub index: Index,
    /// Who belonged to the group there.
    pub members: StoredMembership,
}

const CARRIED_VERSION: u8 = 1;

const PLACED: u8 = 1;
const BASE: u8 = 2;

impl Settled {
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(43);
        match self {
            Settled::Placed(placed) => {
                out.push(PLACED);
                out.extend_from_slice(&placed.next.to_le_bytes());
                put_log_id(&mut out, placed.before);
                put_log_id(&mut out, placed.committed);
            }
            Settled::Base(base) => {
                out.push(BASE);
                base.put(&mut out);
            }
        }
        Bytes::from(out)
    }

    pub fn decode(payload: &[u8]) -> Option<Settled> {
        let mut at = Cursor::new(payload);
        match at.u8()? {
            PLACED => {
                let (next, before) = (at.u64()?, take_log_id(&mut at)?);
                let placed = Placed { next, before, committed: take_log_id(&mut at)? };
                at.is_empty().then_some(Settled::Placed(placed))
            }
            BASE => Base::take(at).map(Settled::Base),
            _ => None,
        }
    }
}

impl Base {
    /// As an export carries it along.
    pub fn encode(&self) -> Bytes {
        let mut out = vec![CARRIED_VERSION];
        self.put(&mut out);
        Bytes::from(out)
    }

    /// What an export has brought along.
    pub fn decode(bytes: &[u8]) -> Option<Base> {
        let mut at = Cursor::new(bytes);
        if at.u8()? != CARRIED_VERSION {
            return None;
        }
        Base::take(at)
    }

    /// Up to which command a store has to have come that rests on these bytes.
    pub fn index_of(bytes: &[u8]) -> Option<Index> {
        Base::decode(bytes).map(|base| base.index)
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_log_id(out, self.purged);
        out.extend_from_slice(&self.index.to_le_bytes());
        put_log_id(out, *self.members.log_id());
        out.extend_from_slice(&encode_members(self.members.membership()));
    }

    /// Takes all that is left.
    fn take(mut at: Cursor<'_>) -> Option<Base> {
        let (purged, index, since) = (take_log_id(&mut at)?, at.u64()?, take_log_id(&mut at)?);
        let members = StoredMembership::new(since, decode_members(at.rest())?);
        Some(Base { purged, index, members })
    }
}

impl Carried {
    pub fn encode(&self) -> Bytes {
        let mut out = vec![CARRIED_VERSION, u8::from(self.ballot.is_some())];
        if let Some(ballot) = &self.ballot {
            out.extend_from_slice(&encode_ballot(ballot));
        }
        self.base.put(&mut out);
        Bytes::from(out)
    }

    pub fn decode(bytes: &[u8]) -> Option<Carried> {
        let mut at = Cursor::new(bytes);
        if at.u8()? != CARRIED_VERSION {
            return None;
        }
        let ballot = match at.u8()? {
            0 => None,
            1 => Some(decode_ballot(at.take(BALLOT_BYTES)?)?),
            _ => return None,
        };
        Some(Carried { ballot, base: Base::take(at)? })
    }
}

const BALLOT_BYTES: usize = 17;

pub(crate) fn encode_ballot(ballot: &Ballot) -> Bytes {
    let mut out = Vec::with_capacity(BALLOT_BYTES);
    out.extend_from_slice(&ballot.leader_id.term.to_le_bytes());
    out.extend_from_slice(&ballot.leader_id.voted_for.to_le_bytes());
    out.push(u8::from(ballot.committed));
    Bytes::from(out)
}

pub(crate) fn decode_ballot(payload: &[u8]) -> Option<Ballot> {
    let mut at = Cursor::new(payload);
    let leader_id = LeaderId { term: at.u64()?, voted_for: at.u64()? };
    let committed = at.u8()?;
    (at.is_empty() && committed < 2).then_some(Ballot { leader_id, committed: committed == 1 })
}

pub(crate) fn encode_position(position: u64) -> Bytes {
    Bytes::copy_from_slice(&position.to_le_bytes())
}

pub(crate) fn decode_position(payload: &[u8]) -> Option<u64> {
    payload.try_into().ok().map(u64::from_le_bytes)
}

/// Configurations, then seats; two configurations while one gives way to another.
pub(crate) fn encode_members(members: &Membership) -> Bytes {
    let configs = members.get_joint_config();
    let mut out = vec![u8::try_from(configs.len()).expect("two at most")];
    for config in configs {
        out.extend_from_slice(&short(config.len()));
        config.iter().for_each(|replica| out.extend_from_slice(&replica.to_le_bytes()));
    }
    out.extend_from_slice(&short(members.nodes().count()));
    for (replica, seat) in members.nodes() {
        out.extend_from_slice(&replica.to_le_bytes());
        out.extend_from_slice(&seat.node.to_le_bytes());
        out.extend_from_slice(&seat.generation.to_le_bytes());
    }
    Bytes::from(out)
}

fn short(count: usize) -> [u8; 2] {
    u16::try_from(count).expect("a group is small").to_le_bytes()
}

pub(crate) fn decode_members(bytes: &[u8]) -> Option<Membership> {
    let mut at = Cursor::new(bytes);
    let mut configs: Vec<BTreeSet<u64>> = Vec::new();
    for _ in 0..at.u8()? {
        let count = at.u16()?;
        configs.push((0..count).map(|_| at.u64()).collect::<Option<_>>()?);
    }
    let count = at.u16()?;
    let seat = |_| Some((at.u64()?, Seat { node: at.u64()?, generation: at.u64()? }));
    let seats: BTreeMap<u64, Seat> = (0..count).map(seat).collect::<Option<_>>()?;
    if !at.is_empty() {
        return None;
    }
    if configs.is_empty() {
        return seats.is_empty().then(Membership::default);
    }
    Membership::new(configs, seats).ok()
}

fn put_log_id(out: &mut Vec<u8>, id: Option<LogId>) {
    out.push(u8::from(id.is_some()));
    let (term, position) = id.map_or((0, 0), |id| (id.leader_id.term, id.index));
    out.extend_from_slice(&term.to_le_bytes());
    out.extend_from_slice(&position.to_le_bytes());
}

fn take_log_id(at: &mut Cursor<'_>) -> Option<Option<LogId>> {
    let (known, term, position) = (at.u8()?, at.u64()?, at.u64()?);
    match known {
        0 => Some(None),
        1 => Some(Some(log_id(term, position))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id() -> impl Strategy<Value = Option<LogId>> {
        proptest::option::of((any::<u64>(), any::<u64>()).prop_map(|(term, at)| log_id(term, at)))
    }

    fn members() -> impl Strategy<Value = Membership> {
        let seats = proptest::collection::btree_map(1u64..50, (0u64..9, any::<u64>()), 1..6);
        (seats, any::<u8>()).prop_map(|(seats, more)| {
            let voters: BTreeSet<u64> = seats.keys().copied().collect();
            let seat = |(replica, (node, generation))| (replica, Seat { node, generation });
            let seats: BTreeMap<u64, Seat> = seats.into_iter().map(seat).collect();
            let second: BTreeSet<u64> = voters.iter().copied().take(1 + more as usize % 3).collect();
            let configs = if more.is_multiple_of(2) { vec![voters] } else { vec![voters, second] };
            Membership::new(configs, seats).expect("every voter has a seat")
        })
    }

    proptest! {
        #[test]
        fn promises_round_trip(
            next in any::<u64>(), committed in id(), purged in id(), since in id(),
            index in any::<u64>(), members in members(), ballot in any::<Option<(u64, u64, bool)>>(),
        ) {
            let placed = Settled::Placed(Placed { next, before: since, committed });
            prop_assert_eq!(Settled::decode(&placed.encode()), Some(placed));
            let ballot = ballot.map(|(term, voted_for, committed)| {
                Ballot { leader_id: LeaderId { term, voted_for }, committed }
            });
            let base = Base { purged, index, members: StoredMembership::new(since, members) };
            let settled = Settled::Base(base.clone());
            prop_assert_eq!(Settled::decode(&settled.encode()), Some(settled));
            let carried = Carried { ballot, base };
            prop_assert_eq!(Carried::decode(&carried.encode()), Some(carried));
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = (Settled::decode(&bytes), Carried::decode(&bytes));
            let _ = (decode_ballot(&bytes), decode_members(&bytes), decode_position(&bytes));
        }
    }

    #[test]
    fn bytes_are_golden() {
        let placed = Placed { next: 7, before: Some(log_id(3, 6)), committed: Some(log_id(2, 6)) };
        let placed = Settled::Placed(placed);
        let before = b"\x01\x03\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0";
        assert_eq!(&placed.encode()[..9], b"\x01\x07\0\0\0\0\0\0\0");
        assert_eq!(&placed.encode()[9..26], before);
        assert_eq!(&placed.encode()[26..], b"\x01\x02\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0");
        let ballot = Ballot { leader_id: LeaderId { term: 3, voted_for: 9 }, committed: true };
        assert_eq!(&encode_ballot(&ballot)[..], b"\x03\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0\x01");
        let seats: BTreeMap<u64, Seat> = [(4, Seat { node: 1, generation: 3 })].into();
        let members = Membership::new(vec![[4].into()], seats).expect("it has a seat");
        let golden = b"\x01\x01\0\x04\0\0\0\0\0\0\0\
            \x01\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x03\0\0\0\0\0\0\0";
        assert_eq!(&encode_members(&members)[..], golden);
        let members = StoredMembership::new(Some(log_id(1, 2)), members);
        let base = Base { purged: Some(log_id(3, 6)), index: 9, members };
        let rests = [
            &b"\x01\x03\0\0\0\0\0\0\0\x06\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0"[..],
            &b"\x01\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0"[..],
            &golden[..],
        ];
        let rests = rests.concat();
        assert_eq!(Settled::Base(base.clone()).encode(), [&b"\x02"[..], &rests].concat());
        assert_eq!(base.encode(), [&b"\x01"[..], &rests].concat());
        let without = Carried { ballot: None, base: base.clone() };
        assert_eq!(without.encode(), [&b"\x01\x00"[..], &rests].concat());
        let with = Carried { ballot: Some(ballot), base };
        assert_eq!(with.encode(), [&b"\x01\x01"[..], &encode_ballot(&ballot), &rests].concat());
    }
}
