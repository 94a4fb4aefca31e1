//! Changes of what a whole cluster goes by: made by whoever was asked, taken by the
//! catalog if nobody was faster, then followed here and by the others.

use super::catalog::CatalogError;
use super::change::refused_if_own;
use super::{ChangeError, Core, State};
use crate::calls::Tidings;
use coordinator::{Desired, Refused, step};
use env::{Mono, Plant, sometimes};
use machine::KvReply;
use model::{NodeId, OpId, PartitionId};
use partition::Leader;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

/// A change is tried for so long.
const CHANGE_MS: u64 = 10_000;
/// Other nodes have so long to follow before whoever asked is answered.
const FOLLOW_MS: u64 = 3_000;
/// A node that has not been heard of for so long is not waited for.
const SILENT_MS: u64 = 2_500;
/// Between two looks.
const LOOK_MS: u64 = 2;
/// Somebody who is further is asked again after so long.
const ASK_AGAIN_MS: u64 = 200;
/// Names of operations are made as if so long ago.
const BACK_MS: u64 = 60_000;

/// A change of the desired state: which partitions it concerns.
pub(super) type Change<'a> =
    &'a mut dyn FnMut(&mut Desired, &BTreeSet<PartitionId>) -> Result<Vec<PartitionId>, Refused>;

impl Core {
    /// The same as a change of what this node goes by alone; other nodes get some time to
    /// follow.
    pub(super) fn change_together(&self, change: Change<'_>) -> Result<Vec<PartitionId>, ChangeError> {
        let until = self.env.clock.mono().plus_ms(CHANGE_MS);
        let before = self.state().desired.clone();
        let (concerned, next) = self.make_change(change, true, until)?;
        let mut state = self.state();
        let followed = self.follow(&mut state, &concerned);
        drop(state);
        self.wait_for_others(&concerned, &before, &next);
        followed.map(|()| concerned)
    }

    /// Makes a change, unless there is nothing to change. `is_asked` by somebody: then a
    /// refusal is one of what there is now, and not of what was known here.
    pub(super) fn make_change(
        &self,
        change: Change<'_>,
        is_asked: bool,
        until: Mono,
    ) -> Result<(Vec<PartitionId>, Desired), ChangeError> {
        loop {
            let (base, here) = {
                let state = self.state();
                (state.desired.clone().shared(), state.here())
            };
            let mut next = base.clone();
            let changed = change(&mut next, &here).and_then(|concerned| {
                if is_asked {
                    refused_if_own(&base, &next)?;
                }
                Ok(concerned)
            });
            match changed {
                Ok(concerned) if next.version == base.version => return Ok((concerned, next)),
                Ok(concerned) if self.is_taken(&base, &next, until)? => {
                    // It is made, whether this node can follow or not: that is tried again,
                    // and who is concerned is told.
                    if let Err(error) = self.adopt(next.clone()) {
                        tracing::error!(code = %error.code(), %error, "a change that the cluster has made");
                    }
                    self.peers.neighbours().ring();
                    return Ok((concerned, next));
                }
                Err(refused) if !is_asked || self.is_taken(&base, &base, until)? => {
                    return Err(refused.into());
                }
                Ok(_) | Err(_) => {
                    sometimes!("a change of a cluster came second");
                    self.await_later(base.version, until)?;
                }
            }
        }
    }

    /// Does the catalog take it, as the one that was put down behind this one?
    fn is_taken(&self, base: &Desired, next: &Desired, until: Mono) -> Result<bool, ChangeError> {
        let reply =
            self.ask_catalog(self.new_op(), &step(base, next), until).map_err(ChangeError::Catalog)?;
        match reply {
            KvReply::Done => Ok(true),
            KvReply::NotFoundIn(rows) => {
                tracing::error!(
                    ?rows,
                    version = base.version,
                    "the catalog lacked rows that were to be removed"
                );
                Ok(true)
            }
            KvReply::Refused { .. } => Ok(self.rig.plants.has(Plant::SecondChangeMade)),
            reply => Err(ChangeError::Unable(format!("the catalog does not take the change: {reply:?}"))),
        }
    }

    /// Each is a client's only operation.
    pub(super) fn new_op(&self) -> OpId {
        // A stream's label decides what it gives.
        let label = format!("catalog {}", self.catalog_ops.fetch_add(1, Ordering::Relaxed));
        let random = self.env.rng.stream(&label).next_u128() ^ (u128::from(self.boots.current().0) << 16);
        // Those from the future are refused, and the clocks of nodes differ.
        OpId { client: OpId::new_client(self.now_ms().saturating_sub(BACK_MS), random), sequence: 1 }
    }

    /// Waits until something later than this is desired here.
    fn await_later(&self, version: u64, until: Mono) -> Result<(), ChangeError> {
        let mut asked = self.env.clock.mono();
        let mut turn = 0;
        loop {
            self.keep_up()?;
            if self.state().desired.version > version {
                return Ok(());
            }
            let now = self.env.clock.mono();
            if now >= until || self.ends.load(Ordering::Acquire) {
                let why = "what has changed meanwhile has not come here".to_owned();
                return Err(ChangeError::Catalog(CatalogError::Away(why)));
            }
            if now >= asked {
                self.ask_for_map(turn);
                (asked, turn) = (now.plus_ms(ASK_AGAIN_MS), turn + 1);
            }
            self.env.pause_ms(LOOK_MS);
        }
    }

    /// Those whom a change concerns go by it soon; who does not is not waited for longer.
    fn wait_for_others(&self, concerned: &[PartitionId], before: &Desired, next: &Desired) {
        let nodes = nodes_of_change(before, next);
        let until = self.env.clock.mono().plus_ms(FOLLOW_MS);
        while self.env.clock.mono() < until && !self.ends.load(Ordering::Acquire) {
            let tidings = self.peers.neighbours().tidings();
            let is_behind = |node: &NodeId| {
                tidings.get(node).is_some_and(|(Tidings { version, .. }, ago_ms)| {
                    *version < next.version && *ago_ms < SILENT_MS
                })
            };
            if !nodes.iter().any(is_behind) && self.are_led(concerned) {
                return;
            }
            self.env.pause_ms(LOOK_MS);
        }
        sometimes!("nodes were slow to follow");
    }

    /// Is it known here of each replica here who leads its group?
    fn are_led(&self, concerned: &[PartitionId]) -> bool {
        let state: &State = &self.state();
        let mut handles = concerned.iter().filter_map(|id| state.handles.get(id));
        handles.all(|handle| handle.published.leader() != Leader::Unknown)
    }
}

/// Where the partitions are, or were, that are not what they were.
fn nodes_of_change(before: &Desired, next: &Desired) -> BTreeSet<NodeId> {
    let differ = |one: &Desired, other: &Desired| {
        let of = one.partitions.iter().filter(|(id, spec)| {
            let other = other.partitions.get(id);
            other.is_none_or(|other| (&other.table, &other.range) != (&spec.table, &spec.range))
        });
        of.flat_map(|(_, spec)| spec.nodes()).collect::<Vec<_>>()
    };
    differ(before, next).into_iter().chain(differ(next, before)).collect()
}
