//! A replica that leads brings its group to what is wanted.

use super::group::Handle;
use super::kind::LogId;
use super::kind::{Kind, Members, Seat};
use super::plan::{Standing, Step, Wanted, next};
use super::runtime::ShardRuntime;
use super::site::Site;
use env::Plant;
use model::ReplicaId;
use openraft::async_runtime::watch::WatchReceiver;
use openraft::metrics::RaftMetrics;
use openraft::{ChangeMembers, ServerState};
use openraft_rt::AsyncRuntime;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Goes on until the library or whoever wants something has ended.
pub(crate) async fn strive(
    site: Arc<Site>,
    handle: Handle,
    mut wanted: watch::Receiver<Wanted>,
    pace: Duration,
) {
    let mut server = handle.server_metrics();
    while !site.is_closed() {
        let mut wish = wanted.borrow_and_update().clone();
        let seen = handle.metrics().borrow_watched().clone();
        let leads = seen.state == ServerState::Leader && seen.vote.committed;
        if site.plants.has(Plant::StaleWish) {
            let members = Members(seen.membership_config.membership().clone());
            wish.generation = wish.generation.max(members.generation());
        }
        let rests = !leads || rests(&seen, &wish);
        if leads && let Some(step) = next(&standing(&site, &seen), &wish) {
            // What has failed is decided anew.
            take(&handle, step, wish.generation).await;
            ShardRuntime::sleep(pace).await;
        } else if rests {
            let changes = ShardRuntime::select2(Box::pin(wanted.changed()), Box::pin(server.changed())).await;
            let goes_on = match changes {
                openraft_rt::Select2::First(more) => more.is_ok(),
                openraft_rt::Select2::Second(more) => more.is_ok(),
            };
            if !goes_on {
                return;
            }
        } else {
            // Somebody has to catch up.
            ShardRuntime::sleep(pace).await;
        }
    }
}

/// Is it as it is wanted?
fn rests(seen: &RaftMetrics<Kind>, wish: &Wanted) -> bool {
    let members = Members(seen.membership_config.membership().clone());
    let is_wanted = members.everybody() == wish.seats && members.who_votes().iter().eq(wish.seats.keys());
    wish.seats.is_empty() || (!members.is_joint() && is_wanted && members.generation() >= wish.generation)
}

fn standing(site: &Site, seen: &RaftMetrics<Kind>) -> Standing {
    let members = Members(seen.membership_config.membership().clone());
    let settled = seen.cluster_committed.as_ref() >= seen.membership_config.log_id().as_ref();
    let end = seen.last_log_index.map_or(0, |last| last + 1);
    let has = |matched: &Option<LogId>| matched.map_or(0, |matched| matched.index + 1);
    let followers = seen.replication.iter().flatten();
    let lags = followers.map(|(replica, matched)| (ReplicaId(*replica), end.saturating_sub(has(matched))));
    Standing { leader: site.replica, members, settled, lags: lags.collect() }
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
