//! Steps, and where they lead.

use super::*;
use crate::raft::kind::{Membership, Seat};

fn replicas(ids: &[u64]) -> BTreeSet<ReplicaId> {
    ids.iter().copied().map(ReplicaId).collect()
}

/// Each on the node of its number. Everybody is near but those who are `far`.
fn standing(configs: &[&[u64]], learners: &[u64], far: &[u64]) -> Standing {
    let everybody = configs.iter().copied().flatten().chain(learners);
    let seats: BTreeMap<u64, Seat> = everybody.map(|id| (*id, Seat { node: *id, generation: 5 })).collect();
    let lag = |id: &u64| (ReplicaId(*id), if far.contains(id) { 10_000 } else { 0 });
    let lags = seats.keys().map(lag).collect();
    let configs = configs.iter().map(|config| config.iter().copied().collect()).collect::<Vec<_>>();
    let members = Members(Membership::new(configs, seats).expect("everybody has a seat"));
    Standing { leader: ReplicaId(1), members, settled: true, lags }
}

fn wanted(ids: &[u64]) -> ReplicaSet {
    ReplicaSet { generation: 5, seats: ids.iter().map(|id| (ReplicaId(*id), NodeId(*id))).collect() }
}

#[test]
fn steps() {
    let learn = |id| Some(Step::Learn(ReplicaId(id), NodeId(id)));
    let vote = |them: &[u64]| Some(Step::Vote(replicas(them)));
    let finish = |them: &[u64]| Some(Step::Finish(replicas(them)));
    let drop = |them: &[u64]| Some(Step::Drop(replicas(them)));
    let hand_over = |id| Some(Step::HandOver(ReplicaId(id)));
    // Who votes, who learns, who is far behind, who is wanted, and the step.
    type Row<'a> = (&'a [&'a [u64]], &'a [u64], &'a [u64], &'a [u64], Option<Step>);
    let table: &[Row<'_>] = &[
        (&[&[1]], &[], &[], &[1], None),
        (&[&[1]], &[], &[], &[], None),
        (&[&[1]], &[], &[], &[1, 2, 3], learn(2)),
        (&[&[1]], &[2], &[], &[1, 2, 3], learn(3)),
        (&[&[1]], &[2, 3], &[], &[1, 2, 3], vote(&[1, 2, 3])),
        (&[&[1]], &[2, 3], &[3], &[1, 2, 3], None),
        (&[&[1], &[1, 2, 3]], &[], &[], &[1], finish(&[1, 2, 3])),
        (&[&[1, 2, 3], &[2, 3]], &[], &[], &[2, 3], finish(&[1, 2, 3])),
        (&[&[1, 2, 3]], &[4], &[4], &[1, 2, 4], None),
        (&[&[1, 2, 3]], &[4], &[3], &[1, 2, 4], vote(&[1, 2, 4])),
        (&[&[1, 2, 3]], &[], &[2, 3], &[1], vote(&[1])),
        // The leader leaves last, and only when another leads.
        (&[&[1, 2, 3]], &[4], &[], &[2, 3, 4], vote(&[1, 2, 3, 4])),
        (&[&[1, 2, 3, 4]], &[], &[2], &[2, 3, 4], hand_over(3)),
        (&[&[1, 2, 3, 4]], &[], &[2, 3, 4], &[2, 3, 4], None),
        (&[&[1, 2, 3]], &[4, 5], &[], &[1, 2, 3], drop(&[4, 5])),
    ];
    for (number, (configs, learners, far, wishes, expected)) in table.iter().enumerate() {
        let found = next(&standing(configs, learners, far), &wanted(wishes));
        assert_eq!(&found, expected, "row {number}");
    }
    let unsettled = Standing { settled: false, ..standing(&[&[1]], &[2, 3], &[]) };
    assert_eq!(next(&unsettled, &wanted(&[1, 2, 3])), None);
}

#[test]
fn an_earlier_wish_is_followed_by_nobody() {
    let wish = |generation| ReplicaSet { generation, ..wanted(&[1, 2, 3]) };
    let now = standing(&[&[1]], &[], &[]);
    assert_eq!(next(&now, &wish(4)), None);
    assert_eq!(next(&now, &wish(6)), Some(Step::Mark(ReplicaId(1), NodeId(1))));
    // Another seat says that a wish is followed, and may leave.
    let seats = [(1, Seat { node: 1, generation: 5 }), (2, Seat { node: 2, generation: 6 })];
    let members = Membership::new(vec![[1, 2].into()], BTreeMap::from(seats)).expect("both have seats");
    let now = Standing { members: Members(members), ..now };
    assert_eq!(next(&now, &wish(6)), Some(Step::Mark(ReplicaId(1), NodeId(1))));
}

/// What a step leads to.
fn after(now: &Standing, step: Step) -> Standing {
    let ids = |them: BTreeSet<ReplicaId>| them.into_iter().map(|replica| replica.0).collect::<Vec<_>>();
    let (votes, everybody) =
        (ids(now.members.who_votes()), ids(now.members.everybody().into_keys().collect()));
    let next = match step {
        Step::Learn(replica, _) => standing(&[&votes], &[&everybody[..], &[replica.0]].concat(), &[]),
        Step::Vote(set) => {
            let learners: Vec<u64> = everybody.into_iter().filter(|id| !votes.contains(id)).collect();
            standing(&[&ids(set)], &learners, &[])
        }
        Step::Drop(set) => {
            let left: Vec<u64> = everybody.into_iter().filter(|id| !set.contains(&ReplicaId(*id))).collect();
            standing(&[&votes], &left, &[])
        }
        Step::HandOver(heir) => return Standing { leader: heir, ..now.clone() },
        Step::Mark(..) | Step::Finish(_) => unreachable!("it is of this generation, and whole"),
    };
    Standing { leader: now.leader, ..next }
}

#[test]
fn it_comes_to_an_end_from_anywhere() {
    let sets = [&[1u64][..], &[1, 2, 3], &[2, 3, 4], &[1, 2, 3, 4, 5], &[4, 5, 6], &[6]];
    for (from, to) in sets.iter().flat_map(|from| sets.iter().map(move |to| (*from, *to))) {
        let mut now = Standing { leader: ReplicaId(from[0]), ..standing(&[from], &[], &[]) };
        let mut steps = 0;
        while let Some(step) = next(&now, &wanted(to)) {
            steps += 1;
            assert!(steps < 20, "{from:?} to {to:?} does not end: {step:?}");
            now = after(&now, step);
        }
        assert_eq!(now.members.who_votes(), replicas(to), "{from:?} to {to:?}");
        assert_eq!(now.members.everybody(), wanted(to).seats);
    }
}
