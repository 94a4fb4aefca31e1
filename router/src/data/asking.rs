//! A request for one partition: to its mailbox here, or on to the node that leads it.

use super::DataPlane;
use super::serving::elsewhere;
use crate::desk::Waiting;
use env::Mono;
use model::{Epoch, NodeId, code};
use partition::Unaccepted;
use partition_mgr::directory::{Handle, Place, Standing};
use partition_mgr::reading::ReadError;
use pipeline::{Done, Refusal, Request};
use proto::Failure;

/// The shard refuses what is late; the desk lets go only of what is stuck.
const GRACE_MS: u64 = 500;
/// A request goes through so many nodes at most: who led a moment ago may not any more.
const HOPS_MAX: usize = 3;

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

impl<'p> Asking<'p> {
    /// Sends it off.
    pub fn begin(
        plane: &'p DataPlane,
        place: &'p Place,
        forward: bool,
        request: Request<()>,
    ) -> Result<Asking<'p>, Failure> {
        let others = match way(plane, place, forward, request.arrived)? {
            Way::Here(here) => {
                let waiting = ask(plane, place, &Whom::Here(here), request.clone())?;
                return Ok(Asking { plane, place, forward, request, waiting });
            }
            Way::Others(nodes) => nodes,
        };
        let mut refused = None;
        for node in others {
            match ask(plane, place, &Whom::There(node), request.clone()) {
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

/// Where a request goes: to the replica here, or to the first of these nodes to which
/// there is a way.
enum Way<'p> {
    Here(&'p Handle),
    Others(Vec<NodeId>),
}

fn way<'p>(plane: &DataPlane, place: &'p Place, forward: bool, arrived: Mono) -> Result<Way<'p>, Failure> {
    let mut there = match &place.standing {
        Standing::Serving(handle) => match handle.leads() {
            Ok(()) => return Ok(Way::Here(handle)),
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
    Ok(Way::Others(there))
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
