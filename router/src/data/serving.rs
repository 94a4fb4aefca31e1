//! From a partition's place to its handle, and to the right to read it here; or to
//! the node that has it.

use super::{DataPlane, lookup};
use crate::desk::Waiting;
use env::Mono;
use model::{Epoch, Index, KeyRange, NodeId, code};
use partition::Unaccepted;
use partition_mgr::directory::{Handle, Place, Standing};
use partition_mgr::reading::{ReadError, Right};
use pipeline::{Done, Refusal, Request};
use proto::convert::{Asked, ReadLevel};
use proto::{BadNode, Failure};
use std::time::Duration;

/// The shard refuses what is late; the desk lets go only of what is stuck.
const GRACE_MS: u64 = 500;
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
fn elsewhere(plane: &DataPlane, node: Option<NodeId>, epoch: Epoch) -> Failure {
    let map = plane.directory.current();
    let address = node.and_then(|node| map.nodes.get(&node)).cloned().unwrap_or_default();
    Failure::bad_node(BadNode { address, epoch, map_version: map.version })
}

/// A refusal of a partition in the words of the wire.
fn refused(plane: &DataPlane, place: &Place, refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Elsewhere { leader: Some(node) } => elsewhere(plane, Some(*node), epoch_of(place)),
        other => Failure::new(other.code(), other.to_string()),
    }
}

/// Who is to be asked: whoever leads the partition, as far as is known here.
enum Whom<'p> {
    Here(&'p Handle),
    There(NodeId),
}

/// A request for one partition: to its mailbox, or on to the node that leads it, if the
/// client lets it be passed on. Otherwise the client is told where.
pub(super) struct Asking<'p> {
    plane: &'p DataPlane,
    place: &'p Place,
    forward: bool,
    request: Request<()>,
    waiting: Waiting,
}

/// A request goes through so many nodes at most: who led a moment ago may not any more.
const HOPS_MAX: usize = 3;

impl<'p> Asking<'p> {
    /// Sends it off.
    pub fn begin(
        plane: &'p DataPlane,
        place: &'p Place,
        forward: bool,
        request: Request<()>,
    ) -> Result<Asking<'p>, Failure> {
        let mut refused = None;
        for whom in whom(plane, place, forward, request.arrived)? {
            match ask(plane, place, &whom, request.clone()) {
                Ok(waiting) => return Ok(Asking { plane, place, forward, request, waiting }),
                Err(failure) => refused = Some(failure),
            }
        }
        Err(refused.unwrap_or_else(|| elsewhere(plane, None, place.epoch)))
    }

    /// What became of it.
    pub async fn end(mut self) -> Result<Done, Failure> {
        let (plane, place) = (self.plane, self.place);
        for _ in 1..HOPS_MAX {
            match self.waiting.await {
                // It was passed on, or led here until a moment ago: nothing was done.
                Err(Refusal::Elsewhere { leader: Some(node) }) if self.forward => {
                    // Who was said to lead may be the one here.
                    let here = served(place).filter(|handle| handle.leads().is_ok());
                    let whom = here.map_or(Whom::There(node), Whom::Here);
                    self.waiting = ask(plane, place, &whom, self.request.clone())?;
                }
                answer => return answer.map_err(|refusal| refused(plane, place, &refusal)),
            }
        }
        self.waiting.await.map_err(|refusal| refused(plane, place, &refusal))
    }
}

fn served(place: &Place) -> Option<&Handle> {
    match &place.standing {
        Standing::Serving(handle) => Some(handle),
        Standing::Failed(_) | Standing::Elsewhere(_) => None,
    }
}

/// Under whom it is served, as far as is known here.
fn epoch_of(place: &Place) -> Epoch {
    served(place).map_or(place.epoch, |handle| handle.published.epoch())
}

/// Who is asked, and who instead if there is no way to the first.
fn whom<'p>(
    plane: &DataPlane,
    place: &'p Place,
    forward: bool,
    arrived: Mono,
) -> Result<Vec<Whom<'p>>, Failure> {
    let mut there = match &place.standing {
        Standing::Serving(handle) => match handle.leads() {
            Ok(()) => return Ok(vec![Whom::Here(handle)]),
            Err(ReadError::Elsewhere(Some(node))) => vec![node],
            Err(error) => return Err(Failure::new(error.code(), error.to_string())),
        },
        Standing::Failed(why) => return Err(Failure::new(code::PARTITION_FAILED, why.clone())),
        Standing::Elsewhere(nodes) => nodes.clone(),
    };
    if !forward || there.is_empty() {
        return Err(elsewhere(plane, there.first().copied(), epoch_of(place)));
    }
    // Another one first, each time: who is asked again is not asked the same again.
    let first = (arrived.0 / 1_000_000) as usize % there.len();
    there.rotate_left(first);
    Ok(there.into_iter().map(Whom::There).collect())
}

fn ask(plane: &DataPlane, place: &Place, whom: &Whom<'_>, request: Request<()>) -> Result<Waiting, Failure> {
    let until = request.deadline.unwrap_or(Mono(u64::MAX / 2));
    let (token, waiting) = plane.desk.park(until.plus_ms(GRACE_MS));
    let desk = plane.desk.clone();
    let sent = match whom {
        Whom::Here(handle) => handle.mailbox.offer(request, desk, token),
        Whom::There(node) => plane.house.node.peers().forward(*node, place.id, request, (desk, token)),
    };
    match sent {
        Ok(()) => Ok(waiting),
        Err(why) => {
            plane.desk.unpark(token);
            Err(unaccepted(why, matches!(whom, Whom::There(_))))
        }
    }
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

/// Why a request is not taken, in the words of the wire.
fn unaccepted(why: Unaccepted, is_far: bool) -> Failure {
    match why {
        Unaccepted::Overloaded => Failure::new(code::OVERLOADED, why.to_string()),
        Unaccepted::Gone if is_far => {
            Failure::new(code::NO_LEADER, "there is no way to the node that leads the partition")
        }
        Unaccepted::Gone => Failure::new(code::STOPPING, why.to_string()),
    }
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
