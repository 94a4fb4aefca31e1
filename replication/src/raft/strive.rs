//! A replica that leads brings its group to what is wanted.

use super::group::Handle;
use super::kind::{Kind, LogId, Members, Seat};
use super::plan::{Standing, Step, next};
use super::runtime::{Moment, ShardRuntime};
use super::site::Site;
use env::Plant;
use model::{ReplicaId, ReplicaSet};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::metrics::RaftMetrics;
use openraft::{ChangeMembers, ServerState};
use openraft_rt::{AsyncRuntime, Instant, Select2};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// A replica that has not answered for so long is not given a vote, nor the lead: at
/// least, and in heartbeats.
const SILENT: Duration = Duration::from_secs(2);
const SILENT_BEATS: u32 = 4;

/// Who has been silent for so long may be gone.
pub(crate) fn silence(pace: Duration) -> Duration {
    SILENT.max(pace * SILENT_BEATS)
}

/// Goes on until the library or whoever wants something has ended.
pub(crate) async fn strive(
    site: Arc<Site>,
    handle: Handle,
    mut wanted: watch::Receiver<ReplicaSet>,
    pace: Duration,
) {
    let mut server = handle.server_metrics();
    while !site.is_closed() {
        let mut wish = wanted.borrow_and_update().clone();
        let seen = handle.metrics().borrow_watched().clone();
        let leads = seen.state == ServerState::Leader && seen.vote.committed;
        let standing = leads.then(|| Standing::seen(&site, &seen, silence(pace)));
        if let Some(standing) = standing.as_ref().filter(|_| site.plants.has(Plant::StaleWish)) {
            wish.generation = wish.generation.max(standing.members.generation());
        }
        if let Some(step) = standing.as_ref().and_then(|standing| next(standing, &wish)) {
            // What has failed is decided anew.
            take(&handle, step, wish.generation).await;
            ShardRuntime::sleep(pace).await;
        } else if standing.is_none_or(|standing| rests(&standing.members, &wish)) {
            let changes = ShardRuntime::select2(Box::pin(wanted.changed()), Box::pin(server.changed())).await;
            if matches!(changes, Select2::First(Err(_)) | Select2::Second(Err(_))) {
                return;
            }
        } else {
            // Somebody has to catch up.
            ShardRuntime::sleep(pace).await;
        }
    }
}

/// Is it as it is wanted, or is nothing wanted that would be followed?
fn rests(members: &Members, wish: &ReplicaSet) -> bool {
    let is_wanted = members.everybody() == wish.seats && members.who_votes().iter().eq(wish.seats.keys());
    let generation = members.generation();
    let is_idle = wish.seats.is_empty() || wish.generation < generation;
    !members.is_joint() && (is_idle || (is_wanted && wish.generation == generation))
}

impl Standing {
    /// As its leader sees it. Who has been silent for so long has not been heard of.
    pub fn seen(site: &Site, seen: &RaftMetrics<Kind>, silent: Duration) -> Standing {
        let members = Members(seen.membership_config.membership().clone());
        let settled = seen.cluster_committed.as_ref() >= seen.membership_config.log_id().as_ref();
        let end = seen.last_log_index.map_or(0, |last| last + 1);
        let has = |matched: &Option<LogId>| matched.map_or(0, |matched| matched.index + 1);
        let now = Moment::now();
        // One that has never said what it has may be nowhere, however little that is.
        let answers = |replica: &u64| {
            let heard = seen.heartbeat.as_ref().and_then(|heard| heard.get(replica).copied().flatten());
            heard.is_some_and(|at| *at + silent >= now)
        };
        let followers = seen.replication.iter().flatten();
        let followers = followers.filter(|(replica, matched)| matched.is_some() && answers(replica));
        let lags =
            followers.map(|(replica, matched)| (ReplicaId(*replica), end.saturating_sub(has(matched))));
        Standing { leader: site.replica, members, settled, lags: lags.collect() }
    }
}

async fn take(handle: &Handle, step: Step, generation: u64) {
    match step {
        Step::Mark(replica, node) => {
            let seats = [(replica.0, Seat { node: node.0, generation })].into();
            let _ = handle.change_membership(ChangeMembers::SetNodes(seats), true).await;
        }
        Step::Learn(replica, node) => {
            let _ = handle.add_learner(replica.0, Seat { node: node.0, generation }, false).await;
        }
        Step::Finish(set) => vote(handle, set, true).await,
        Step::Vote(set) => vote(handle, set, false).await,
        Step::Drop(set) => {
            let idle = ChangeMembers::RemoveNodes(set.into_iter().map(|replica| replica.0).collect());
            let _ = handle.change_membership(idle, true).await;
        }
        Step::HandOver(heir) => {
            let _ = handle.trigger().transfer_leader(heir.0).await;
        }
    }
}

async fn vote(handle: &Handle, set: BTreeSet<ReplicaId>, others_stay: bool) {
    let all = ChangeMembers::ReplaceAllVoters(set.into_iter().map(|replica| replica.0).collect());
    let _ = handle.change_membership(all, others_stay).await;
}
