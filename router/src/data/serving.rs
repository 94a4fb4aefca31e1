//! From a partition's place to its handle, and to the right to read it here; or to
//! the node that has it.

use super::asking::Asking;
use super::{DataPlane, lookup};
use env::Mono;
use model::{Epoch, Index, KeyRange, NodeId, code};
use partition_mgr::directory::{Handle, Place, Standing};
use partition_mgr::reading::{ReadError, Right};
use pipeline::Request;
use proto::convert::{Asked, ReadLevel};
use proto::{BadNode, Failure};
use std::time::Duration;

/// Nobody waits longer for a replica to catch up, whatever his deadline is.
const CATCH_UP_MS: u64 = 60_000;
/// Whoever has waited in vain is told why, if that can be found out within this.
const LATE_MS: u64 = 1_000;

/// The partition, if it is served here.
pub(super) fn serving<'p>(plane: &DataPlane, place: &'p Place) -> Result<&'p Handle, Failure> {
    match &place.standing {
        Standing::Serving(handle) => Ok(handle),
        Standing::Failed(why) => Err(Failure::new(code::PARTITION_FAILED, why.clone())),
        Standing::Elsewhere(nodes) => Err(elsewhere(plane, nodes.first().copied(), place.epoch)),
    }
}

/// Another node has it; which one, if that is known.
pub(super) fn elsewhere(plane: &DataPlane, node: Option<NodeId>, epoch: Epoch) -> Failure {
    let map = plane.directory.current();
    let address = node.and_then(|node| map.nodes.get(&node)).cloned().unwrap_or_default();
    Failure::bad_node(BadNode { address, epoch, map_version: map.version })
}

/// Does the replica here lead, as far as it knows?
pub(super) fn leads(plane: &DataPlane, handle: &Handle) -> Result<(), Failure> {
    handle.leads().map_err(|error| match error {
        ReadError::Elsewhere(Some(node)) => elsewhere(plane, Some(node), handle.published.epoch()),
        error => Failure::new(error.code(), error.to_string()),
    })
}

/// The right to read it here what the request wants to see.
pub(super) async fn right(
    plane: &DataPlane,
    place: &Place,
    handle: &Handle,
    asked: &Asked,
    until: Mono,
) -> Result<Right, Failure> {
    if !handle.published.is_replicated() {
        return lookup::has_seen(plane, handle, asked).map(|()| Right::Own);
    }
    match asked.read {
        ReadLevel::Token if asked.after.is_empty() => confirmed(plane, place, handle, asked, until).await,
        ReadLevel::Token | ReadLevel::Stale => {
            let of_it = asked.after.iter().filter(|position| position.partition == handle.id);
            let seen = of_it.map(|position| position.index).max().unwrap_or(0);
            match catch_up(plane, handle, seen, until).await {
                Ok(()) => Ok(Right::AsItIs),
                // It may be that there is no such index, and never will be.
                Err(late) if late.is(code::DEADLINE_EXCEEDED) => {
                    let until = plane.house.clock.mono().plus_ms(LATE_MS);
                    confirmed(plane, place, handle, asked, until)
                        .await
                        .map_err(|failure| if failure.is(code::TOKEN_LOST) { failure } else { late })
                }
                Err(failure) => Err(failure),
            }
        }
        ReadLevel::Linear => confirmed(plane, place, handle, asked, until).await,
    }
}

/// That of a quorum, once what it has agreed on is applied here.
async fn confirmed(
    plane: &DataPlane,
    place: &Place,
    handle: &Handle,
    asked: &Asked,
    until: Mono,
) -> Result<Right, Failure> {
    let (upto, epoch) = confirm(plane, place, asked.forward, until).await?;
    catch_up(plane, handle, upto, until).await?;
    lookup::has_seen(plane, handle, asked).map(|()| Right::Confirmed(epoch))
}

/// The right to read here everything that was answered before.
pub(super) async fn right_here(plane: &DataPlane, handle: &Handle, until: Mono) -> Result<Right, Failure> {
    let (range, epoch, standing) = (KeyRange::all(), handle.published.epoch(), handle.clone());
    let place = Place { id: handle.id, range, epoch, standing: Standing::Serving(standing) };
    let asked = Asked { forward: true, ..Asked::default() };
    right(plane, &place, handle, &asked, until).await
}

/// Asks the group of a partition, through the replica that leads it, what it has agreed
/// on by now: whoever has applied that shows everything that was answered before.
async fn confirm(
    plane: &DataPlane,
    place: &Place,
    forward: bool,
    until: Mono,
) -> Result<(Index, Epoch), Failure> {
    let request = Request {
        payload: bytes::Bytes::new(),
        count: 0,
        rows: 0,
        arrived: plane.house.clock.mono(),
        deadline: Some(until),
        expected_epoch: None,
        min_durability: None,
        makes_room: true,
        token: (),
    };
    let confirmed = Asking::begin(plane, place, forward, request)?.end().await;
    confirmed.map(|done| (done.last_index(), done.epoch)).map_err(|failure| {
        match failure.is(code::UNKNOWN_OUTCOME) {
            // Nothing was to change: whoever asks again loses nothing.
            true => Failure::new(code::NO_LEADER, "the replicas did not say in time who leads them"),
            false => failure,
        }
    })
}

/// Waits until the replica here has what the request has to see.
#[allow(clippy::disallowed_methods, reason = "a timer of the serving thread's own runtime")]
async fn catch_up(plane: &DataPlane, handle: &Handle, wanted: Index, until: Mono) -> Result<(), Failure> {
    let until = until.min(plane.house.clock.mono().plus_ms(CATCH_UP_MS));
    while handle.published.applied() < wanted {
        if !handle.published.is_serving() {
            return Err(Failure::new(code::NO_PARTITION, ReadError::NotServing.to_string()));
        }
        let left = until.0.saturating_sub(plane.house.clock.mono().0);
        let more = handle.published.more(handle.published.applied());
        if tokio::time::timeout(Duration::from_nanos(left), more).await.is_err() {
            let what = format!("the replica here has not come to index {wanted} in time");
            return Err(Failure::new(code::DEADLINE_EXCEEDED, what));
        }
    }
    Ok(())
}
