//! A request for one partition: to its mailbox here, or on to the node that leads it.

use super::DataPlane;
use super::serving::elsewhere;
use crate::desk::Waiting;
use env::{Clock, Mono};
use model::{Epoch, NodeId, code};
use partition::Unaccepted;
use partition_mgr::directory::{Handle, Place, Standing};
use partition_mgr::reading::ReadError;
use pipeline::{Done, Refusal, Request};
use proto::Failure;
use std::time::Duration;

/// The shard refuses what is late; the desk lets go only of what is stuck.
const GRACE_MS: u64 = 500;
/// A request goes through so many nodes at most: who led a moment ago may not any more.
const HOPS_MAX: usize = 3;
/// It waits so long at most until somebody leads: an election takes no longer, unless
/// nodes are away without a word, and others want its place.
const PARKED_MS: u64 = 500;
/// Between two looks at who leads, at most.
const PAUSE_MS_MAX: u64 = 16;

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
    /// None while nobody is known who leads.
    waiting: Option<Waiting>,
    /// How often it was sent from here.
    sent: usize,
}

impl<'p> Asking<'p> {
    /// Sends it off.
    pub fn begin(
        plane: &'p DataPlane,
        place: &'p Place,
        forward: bool,
        request: Request<()>,
    ) -> Result<Asking<'p>, Failure> {
        let mut asking = Asking { plane, place, forward, request, waiting: None, sent: 0 };
        asking.waiting = asking.unless_nobody_leads(asking.send())?;
        Ok(asking)
    }

    /// What became of it.
    pub async fn end(mut self) -> Result<Done, Failure> {
        let (mut hops, mut pause) = (1, Pause::new(&self.request));
        loop {
            let answer = match self.waiting.take() {
                Some(waiting) => waiting.await,
                None => Err(Refusal::Elsewhere { leader: None }),
            };
            let leader = match answer {
                // It was passed on, or led here until a moment ago: nothing was done.
                Err(Refusal::Elsewhere { leader }) if self.forward => leader,
                answer => return answer.map_err(|refusal| refused(self.plane, self.place, &refusal)),
            };
            let sent = match leader.filter(|_| hops < HOPS_MAX) {
                Some(node) => {
                    hops += 1;
                    self.send_on(node)
                }
                // Somebody will lead in a moment, or is about to know that he does.
                None if pause.pass(&*self.plane.house.clock).await => {
                    hops = 1;
                    self.sent += 1;
                    self.send()
                }
                None => return Err(refused(self.plane, self.place, &Refusal::Elsewhere { leader })),
            };
            self.waiting = self.unless_nobody_leads(sent)?;
        }
    }

    /// To whoever leads, as far as is known here.
    fn send(&self) -> Result<Waiting, Failure> {
        let Asking { plane, place, forward, request, sent, .. } = self;
        let others = match way(plane, place, *forward, request.arrived, *sent)? {
            Way::Here(here) => return ask(plane, place, &Whom::Here(here), request.clone()),
            Way::Others(nodes) => nodes,
        };
        let mut refused = None;
        for node in others {
            match ask(plane, place, &Whom::There(node), request.clone()) {
                Ok(waiting) => return Ok(waiting),
                Err(failure) => refused = Some(failure),
            }
        }
        Err(refused.unwrap_or_else(|| elsewhere(plane, None, place.epoch)))
    }

    /// To the node that was said to lead, which may be this one.
    fn send_on(&self, node: NodeId) -> Result<Waiting, Failure> {
        let here = served(self.place).filter(|handle| handle.leads().is_ok());
        let whom = here.map_or(Whom::There(node), Whom::Here);
        ask(self.plane, self.place, &whom, self.request.clone())
    }

    fn unless_nobody_leads(&self, sent: Result<Waiting, Failure>) -> Result<Option<Waiting>, Failure> {
        match sent {
            Err(failure) if self.forward && failure.is(code::NO_LEADER) => Ok(None),
            sent => sent.map(Some),
        }
    }
}

/// How a request waits here until somebody leads: its client would only ask again.
struct Pause {
    ms: u64,
    until: Mono,
}

impl Pause {
    fn new(request: &Request<()>) -> Pause {
        let until = request.arrived.plus_ms(PARKED_MS);
        // Its client has to hear in time that nothing was done.
        let in_time = |deadline: Mono| Mono(deadline.0.saturating_sub(PAUSE_MS_MAX * 1_000_000));
        Pause { ms: 1, until: request.deadline.map_or(until, |deadline| until.min(in_time(deadline))) }
    }

    /// False when there is no time left.
    #[allow(clippy::disallowed_methods, reason = "a timer of the serving thread's own runtime")]
    async fn pass(&mut self, clock: &dyn Clock) -> bool {
        if clock.mono().plus_ms(self.ms) > self.until {
            return false;
        }
        tokio::time::sleep(Duration::from_millis(self.ms)).await;
        self.ms = (self.ms * 2).min(PAUSE_MS_MAX);
        true
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

fn way<'p>(
    plane: &DataPlane,
    place: &'p Place,
    forward: bool,
    arrived: Mono,
    sent: usize,
) -> Result<Way<'p>, Failure> {
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
    let first = ((arrived.0 / 1_000_000) as usize + sent) % there.len();
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
