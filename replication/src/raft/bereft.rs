//! Who leads next: whoever does is to end and knows it, or its process has ended. Then
//! another leads at once, and not when all have waited as long as for one that may only
//! be slow.
//!
//! Whoever finds out about an end asks the others, in the order of their names, to lead, if they
//! have as much as it has itself. So the first of them need not find out itself, and
//! is asked by one that will vote for it. Who is not right about the end takes the
//! lead away from somebody, and nothing else: reads ask a quorum, and no lease is
//! relied upon.

use super::group::Handle;
use super::kind::{Ballot, Members, Timing};
use super::network::Peer;
use super::plan::Standing;
use super::runtime::ShardRuntime;
use super::site::Site;
use super::strive::silence;
use model::{NodeId, ReplicaId};
use openraft::ServerState;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::network::RPCOption;
use openraft::raft::TransferLeaderRequest;
use openraft_rt::AsyncRuntime;
use std::sync::Arc;
use std::time::Duration;

/// An heir that is asked has so many heartbeats to answer: one that lacks something
/// waits for it until then.
const BEATS: u32 = 2;
/// The first has so many to be asked before it leads unasked. Others may have more
/// than it has, and need its vote in the meantime.
const UNASKED_BEATS: u32 = 5;
/// An heir that has not answered for so many heartbeats is none.
const SILENT_BEATS: u32 = 3;

/// The lead that a node's end has left without its holder.
#[derive(Clone, Copy)]
struct Bereft {
    /// Of whoever led.
    ballot: Ballot,
    leader: u64,
}

/// The process on this node has ended. Somebody else leads soon, if it led. To be told
/// again does no harm: who has been asked to lead holds to the former leader no more.
pub(crate) async fn inherit(site: Arc<Site>, handle: Handle, timing: Timing, node: NodeId) {
    let Some(bereft) = Bereft::seen(&handle, node) else { return };
    let beat = Duration::from_millis(timing.heartbeat_ms);
    for (nth, (heir, seat)) in bereft.heirs(&handle, node).into_iter().enumerate() {
        if heir == site.replica {
            if nth == 0 {
                ShardRuntime::sleep(beat * UNASKED_BEATS).await;
            }
            // Unless another leads by now.
            let lead = TransferLeaderRequest::new(bereft.ballot, heir.0, None);
            let _ = handle.handle_transfer_leader(lead).await;
            return;
        }
        let last = handle.data_metrics().borrow_watched().last_log;
        let (peer, option) = (Peer::at(&site, timing, seat, heir), RPCOption::new(beat * BEATS));
        if peer.lead(bereft.ballot, heir, last, &option).await.unwrap_or(false) {
            return;
        }
    }
}

/// Whom a leader asks to lead in its place.
#[derive(Clone, Copy)]
pub(crate) enum Heir {
    /// This one.
    Is(ReplicaId),
    /// The nearest; or, when so many have been asked in vain, the next.
    Nearest(usize),
}

/// Lets another lead.
pub(crate) async fn hand_over(site: Arc<Site>, handle: Handle, timing: Timing, heir: Heir) {
    let heir = match heir {
        Heir::Is(heir) => Some(heir),
        Heir::Nearest(nth) => {
            let seen = handle.metrics().borrow_watched().clone();
            let beat = Duration::from_millis(timing.heartbeat_ms);
            // A leader that has asked somebody says no more that it leads, and so hears
            // less and less of late.
            let heirs = [beat * SILENT_BEATS, silence(beat)]
                .into_iter()
                .map(|silent| Standing::seen(&site, &seen, silent).heirs())
                .find(|heirs| !heirs.is_empty())
                .unwrap_or_default();
            heirs.get(nth % heirs.len().max(1)).copied()
        }
    };
    if let Some(heir) = heir {
        let _ = handle.trigger().transfer_leader(heir.0).await;
    }
}

impl Bereft {
    /// Does it lead here, as far as is known?
    fn seen(handle: &Handle, node: NodeId) -> Option<Bereft> {
        let metrics = handle.server_metrics();
        let seen = metrics.borrow_watched();
        let leader = seen.current_leader.filter(|_| seen.state == ServerState::Follower)?;
        let seat = seen.membership_config.get_node(&leader)?;
        let is_it = seat.node() == node && seen.vote.committed;
        is_it.then_some(Bereft { ballot: seen.vote, leader })
    }

    /// Who may lead instead, in the order in which everybody asks them.
    fn heirs(self, handle: &Handle, node: NodeId) -> Vec<(ReplicaId, NodeId)> {
        let metrics = handle.server_metrics();
        let members = Members(metrics.borrow_watched().membership_config.membership().clone());
        let seats = members.everybody();
        let votes = members.who_votes().into_iter().filter(|replica| replica.0 != self.leader);
        votes.filter_map(|heir| Some((heir, *seats.get(&heir)?))).filter(|(_, at)| *at != node).collect()
    }
}
