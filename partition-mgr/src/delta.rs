//! The difference between what is here and what should be, as a list of ops.
//! Pure: two states in, a list out.

use coordinator::{Desired, Gone};
use model::{Index, NodeId, PartitionId};
use std::collections::{BTreeMap, BTreeSet};

/// A partition as it is found here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What its store has.
    pub applied: Index,
    /// Is it being served?
    pub serving: bool,
    /// Why it must not be, if it must not.
    pub refusal: Option<String>,
}

/// What is to be done. In this order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Op {
    /// Stop serving; the data stays.
    Close(PartitionId),
    /// Delete the data, and have the log forget it: there is a tombstone.
    Delete(PartitionId),
    /// Make an empty one.
    Create(PartitionId),
    /// Begin to serve.
    Open(PartitionId),
    /// It belongs here, was here, and is not: nothing is made in its place.
    Missing(PartitionId),
}

/// What leads from what is here to what should be.
///
/// Absence never deletes: what is here and not desired is closed and stays; so is
/// what belongs on other nodes than `own`. `strangers` are known to the log and held
/// by no store.
pub fn delta(
    own: NodeId,
    desired: &Desired,
    held: &BTreeMap<PartitionId, Held>,
    strangers: &BTreeSet<PartitionId>,
) -> Vec<Op> {
    let is_erased = |id| desired.gone.get(&id) == Some(&Gone::Erased);
    let mut ops = Vec::new();
    for (id, here) in held {
        if !desired.partitions.get(id).is_some_and(|spec| spec.is_on(own)) {
            if here.serving {
                ops.push(Op::Close(*id));
            }
            if is_erased(*id) {
                ops.push(Op::Delete(*id));
            }
        }
    }
    // Its store let go of it and the log did not: it would be kept for ever.
    ops.extend(
        strangers.iter().filter(|id| is_erased(**id) && !held.contains_key(id)).map(|id| Op::Delete(*id)),
    );
    for (id, spec) in desired.partitions.iter().filter(|(_, spec)| spec.is_on(own)) {
        match held.get(id) {
            // Who has written to the log has been born, whatever the list says.
            None if spec.born || strangers.contains(id) => ops.push(Op::Missing(*id)),
            None => ops.extend([Op::Create(*id), Op::Open(*id)]),
            Some(here) if !here.serving && here.refusal.is_none() => ops.push(Op::Open(*id)),
            Some(_) => {}
        }
    }
    ops.sort();
    ops
}

#[cfg(test)]
mod tests {
    use super::*;
    use coordinator::{Due, TableName, TableSpec, equal_ranges};
    use model::Layout;
    use pipeline::Profile;

    fn desired() -> Desired {
        let mut desired = Desired::default();
        let table = TableName::new("default", "t").expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE };
        desired.create_table(table.clone(), spec).expect("new");
        for range in equal_ranges(4) {
            desired.add_partition(&table, range, None).expect("free");
        }
        // 1 unborn, 2 born, 3 removed, 4 erased.
        desired.set_born(PartitionId(2));
        desired.remove_partition(PartitionId(3), None, 0).expect("there");
        desired.remove_partition(PartitionId(4), None, 0).expect("there");
        desired.erase(PartitionId(4), &BTreeSet::new(), Due::Now).expect("quarantined");
        desired
    }

    #[test]
    fn absence_closes_a_tombstone_deletes_and_what_is_lost_is_not_made_anew() {
        let held = |serving| Held { applied: 5, serving, refusal: None };
        let ids = |ids: &[(u64, bool)]| -> BTreeMap<PartitionId, Held> {
            ids.iter().map(|(id, serving)| (PartitionId(*id), held(*serving))).collect()
        };
        let p = PartitionId;
        let table = [
            (ids(&[]), vec![Op::Create(p(1)), Op::Open(p(1)), Op::Missing(p(2))]),
            (ids(&[(1, true), (2, true)]), vec![]),
            (ids(&[(1, false), (2, false)]), vec![Op::Open(p(1)), Op::Open(p(2))]),
            (
                ids(&[(1, true), (2, true), (3, true), (4, true)]),
                vec![Op::Close(p(3)), Op::Close(p(4)), Op::Delete(p(4))],
            ),
            (ids(&[(1, true), (2, true), (3, false), (4, false)]), vec![Op::Delete(p(4))]),
            // Somebody's whom nobody knows: it stays.
            (ids(&[(1, true), (2, true), (9, true)]), vec![Op::Close(p(9))]),
            (ids(&[(1, true), (2, true), (9, false)]), vec![]),
        ];
        for (held, expected) in table {
            assert_eq!(delta(NodeId(1), &desired(), &held, &BTreeSet::new()), expected, "{held:?}");
        }
    }

    #[test]
    fn what_the_log_alone_knows_is_forgotten_by_a_tombstone_and_never_made_anew() {
        let p = PartitionId;
        let here = [(p(2), Held { applied: 5, serving: true, refusal: None })].into();
        let strangers = [p(1), p(3), p(4), p(9)].into();
        assert_eq!(delta(NodeId(1), &desired(), &here, &strangers), [Op::Delete(p(4)), Op::Missing(p(1))]);
    }

    #[test]
    fn what_must_not_be_served_is_not_opened() {
        let refused = Held { applied: 5, serving: false, refusal: Some("damaged".into()) };
        let serving = Held { applied: 0, serving: true, refusal: None };
        let held = [(PartitionId(1), serving), (PartitionId(2), refused)].into();
        assert_eq!(delta(NodeId(1), &desired(), &held, &BTreeSet::new()), []);
    }
}
