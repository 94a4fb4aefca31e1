//! What a leader does next so that its group comes to be the one that is wanted.
//!
//! It is: one step at a time, each decided anew from what is there, so that a
//! leader that is lost in between is followed by one that goes on.
//! It is not: the wish. That is the coordinator's, and may change at any time.
//!
//! ```text
//! mark ─► learn ─► caught up ─► vote, the others leave ─► (lead elsewhere) ─► drop
//! ```

use super::kind::Members;
use model::{NodeId, ReplicaId, ReplicaSet};
use std::collections::{BTreeMap, BTreeSet};

/// Entries that a replica may lack and still be given a vote: those behind it are
/// on their way by then.
const LAG_MAX: u64 = 256;

/// A group as its leader sees it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Standing {
    pub leader: ReplicaId,
    pub members: Members,
    /// Is that settled?
    pub settled: bool,
    /// Entries that each lacks; who is not in it has not been heard of, or not of late.
    pub lags: BTreeMap<ReplicaId, u64>,
}

impl Standing {
    /// Who can lead at once: of those who vote, those who lack least first.
    pub fn heirs(&self) -> Vec<ReplicaId> {
        let mut votes = self.members.who_votes();
        votes.remove(&self.leader);
        let near = self.lags.iter().filter(|(replica, lag)| votes.contains(replica) && **lag <= LAG_MAX);
        let mut heirs: Vec<(u64, ReplicaId)> = near.map(|(replica, lag)| (*lag, *replica)).collect();
        heirs.sort();
        heirs.into_iter().map(|(_, replica)| replica).collect()
    }
}

/// A step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The leader's seat says that this wish is followed from now on.
    Mark(ReplicaId, NodeId),
    /// It is sent what the others have, and has no vote.
    Learn(ReplicaId, NodeId),
    /// The change that another leader has begun comes to an end: these vote. Nobody
    /// leaves, since with a seat goes what it says of wishes.
    Finish(BTreeSet<ReplicaId>),
    /// These and no others vote; who has voted and does not any more leaves.
    Vote(BTreeSet<ReplicaId>),
    /// They are sent nothing any more. They have no vote.
    Drop(BTreeSet<ReplicaId>),
    /// This one leads instead.
    HandOver(ReplicaId),
}

/// The next step; `None`: nothing is left, or what has to come before is under way.
pub(crate) fn next(standing: &Standing, wanted: &ReplicaSet) -> Option<Step> {
    let Standing { leader, members, settled, .. } = standing;
    let (votes, everybody) = (members.who_votes(), members.everybody());
    if members.is_joint() {
        // Whoever was to finish it does not lead any more. Whoever does stays until
        // another leads: a leader that has left can change nothing.
        return settled.then(|| Step::Finish(votes.into_iter().chain([*leader]).collect()));
    }
    if wanted.seats.is_empty() || !settled || wanted.generation < members.generation() {
        return None;
    }
    // Its own: seats leave, and what they say of wishes with them.
    if members.generation_of(*leader) < wanted.generation {
        return everybody.get(leader).map(|node| Step::Mark(*leader, *node));
    }
    if let Some((replica, node)) = wanted.seats.iter().find(|(replica, _)| !everybody.contains_key(replica)) {
        return Some(Step::Learn(*replica, *node));
    }
    let near = |replica: &ReplicaId| standing.lags.get(replica).is_some_and(|lag| *lag <= LAG_MAX);
    let wished: BTreeSet<ReplicaId> = wanted.seats.keys().copied().collect();
    if wished != votes {
        // All at once: a group between two sizes stands worse than either.
        let ready = wished.iter().all(|replica| votes.contains(replica) || near(replica));
        let next =
            if wished.contains(leader) { wished } else { wished.into_iter().chain([*leader]).collect() };
        let next = Some(next).filter(|next| ready && *next != votes);
        // Only the leader itself is too many.
        let heir = || wanted.seats.keys().copied().find(near).filter(|_| ready);
        return next.map(Step::Vote).or_else(|| heir().map(Step::HandOver));
    }
    let idle: BTreeSet<ReplicaId> =
        everybody.into_keys().filter(|replica| !wished.contains(replica)).collect();
    (!idle.is_empty()).then_some(Step::Drop(idle))
}

#[cfg(test)]
mod tests;
