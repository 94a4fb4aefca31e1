//! The way to a peer, as the library wants it.
//!
//! Nothing here waits for a connection: messages are put into the outbox, and
//! whoever sends them says when the way to a node is lost.

use super::calls::WINDOW;
use super::kind::{Ballot, Kind, LogId, Seat, Timing};
use super::message::{Answer, Append, Appended, Ask, Candidacy, Message, Reached};
use super::runtime::{Moment, ShardRuntime};
use super::site::Site;
use env::Plant;
use futures_util::{Stream, StreamExt, future::BoxFuture, stream};
use model::{NodeId, ReplicaId};
use openraft::alias::{SnapshotOf, VoteOf};
use openraft::errors::{RPCError, ReplicationClosed, StreamingError, Unreachable};
use openraft::network::{
    Backoff, NetBackoff, NetSnapshot, NetStreamAppend, NetTransferLeader, NetVote, RPCOption,
    RaftNetworkFactory,
};
use openraft::raft::{
    AppendEntriesRequest, SnapshotResponse, StreamAppendError, StreamAppendResult, TransferLeaderError,
    TransferLeaderRequest, TransferLeaderResponse, VoteRequest, VoteResponse,
};
use openraft_rt::{AsyncRuntime, Instant, Select2};
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

type Failed = RPCError<Kind>;

/// Makes ways to peers.
pub(crate) struct Network {
    pub site: Arc<Site>,
    pub timing: Timing,
}

/// The way to one peer.
pub(crate) struct Peer {
    site: Arc<Site>,
    timing: Timing,
    node: NodeId,
    replica: ReplicaId,
    /// It only says that the leader is there.
    beats: bool,
}

impl RaftNetworkFactory<Kind> for Network {
    type Network = Peer;

    async fn new_client(&mut self, target: u64, seat: &Seat) -> Peer {
        Peer::at(&self.site, self.timing, seat.node(), ReplicaId(target))
    }

    async fn new_heartbeat_client(&mut self, target: u64, seat: &Seat) -> Peer {
        Peer { beats: true, ..self.new_client(target, seat).await }
    }
}

impl NetBackoff<Kind> for Peer {
    fn backoff(&self) -> Option<Backoff> {
        let ms = self.timing.heartbeat_ms;
        Some(Backoff::new(
            [ms / 2, ms, 2 * ms].into_iter().chain(std::iter::repeat(4 * ms)).map(Duration::from_millis),
        ))
    }
}

fn unreachable(why: &'static str) -> Failed {
    RPCError::Unreachable(Unreachable::new(&io::Error::other(why)))
}

impl Peer {
    /// The way to a replica on this node.
    pub fn at(site: &Arc<Site>, timing: Timing, node: NodeId, replica: ReplicaId) -> Peer {
        Peer { site: site.clone(), timing, node, replica, beats: false }
    }

    async fn ask(&self, ask: Ask, option: &RPCOption) -> Result<Answer, Failed> {
        let (serial, told) = self.site.calls().ask(self.node);
        self.site.send(self.node, self.replica, Message::Ask(serial, ask));
        match ShardRuntime::timeout(option.hard_ttl(), told).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(unreachable("the way to the node was lost")),
            Err(_) => Err(unreachable("the node did not answer in time")),
        }
    }

    async fn candidacy(
        &self,
        request: VoteRequest<Kind>,
        option: RPCOption,
        pre: bool,
    ) -> Result<VoteResponse<Kind>, Failed> {
        let candidacy = Candidacy {
            ballot: request.vote,
            last: request.last_log_id,
            transfer: request.leadership_transfer,
        };
        let ask = if pre { Ask::PreVote(candidacy) } else { Ask::Vote(candidacy) };
        match self.ask(ask, &option).await? {
            Answer::Vote { ballot, granted, last } => Ok(VoteResponse::new(ballot, last, granted)),
            _ => Err(unreachable("the node answered something else")),
        }
    }

    /// Has the peer reach an entry; returns whom it holds to then. The peer fetches
    /// an export at its own pace, and is asked how far it is.
    async fn reach(&self, ballot: Ballot, upto: LogId, option: RPCOption) -> Result<Ballot, Failed> {
        loop {
            match self.ask(Ask::Reach { ballot, upto }, &option).await? {
                Answer::Reach(Reached::Here) => return Ok(ballot),
                Answer::Reach(Reached::Higher(higher)) => return Ok(higher),
                Answer::Reach(Reached::NotYet) => {
                    ShardRuntime::sleep(Duration::from_millis(4 * self.timing.heartbeat_ms)).await;
                }
                _ => return Err(unreachable("the node answered something else")),
            }
        }
    }

    /// Will the heir lead in the place of who holds this ballot, once it has this entry?
    pub async fn lead(
        &self,
        ballot: Ballot,
        heir: ReplicaId,
        last: Option<LogId>,
        option: &RPCOption,
    ) -> Result<bool, Failed> {
        match self.ask(Ask::Lead { ballot, heir, last }, option).await? {
            Answer::Lead(will) => Ok(will),
            _ => Err(unreachable("the node answered something else")),
        }
    }

    /// One append that answers for itself, and no entries in it.
    async fn beat(
        &self,
        request: AppendEntriesRequest<Kind>,
        option: RPCOption,
    ) -> Result<StreamAppendResult<Kind>, Failed> {
        match self.ask(Ask::Beat(append(request)), &option).await? {
            Answer::Beat(appended) => outcome(appended),
            _ => Err(unreachable("the node answered something else")),
        }
    }
}

fn append(request: AppendEntriesRequest<Kind>) -> Append {
    Append {
        ballot: request.vote,
        before: request.prev_log_id,
        committed: request.leader_commit,
        entries: request.entries,
    }
}

fn outcome(appended: Appended) -> Result<StreamAppendResult<Kind>, Failed> {
    match appended {
        Appended::Upto(last) => Ok(Ok(last)),
        Appended::Conflict(at) => Ok(Err(StreamAppendError::Conflict(at))),
        Appended::Higher(ballot) => Ok(Err(StreamAppendError::HigherVote(ballot))),
        Appended::Broken => Err(unreachable("the stream was broken")),
    }
}

type Results<'s> = Pin<Box<dyn Stream<Item = Result<StreamAppendResult<Kind>, Failed>> + Send + 's>>;

impl NetStreamAppend<Kind> for Peer {
    /// It never fails before it has taken a request: the library pauses where
    /// requests are taken, and would try again at once otherwise, for ever.
    fn stream_append<'s, S>(
        &'s mut self,
        input: S,
        option: RPCOption,
    ) -> BoxFuture<'s, Result<Results<'s>, Failed>>
    where
        S: Stream<Item = AppendEntriesRequest<Kind>> + Send + Unpin + 'static,
    {
        let peer = &*self;
        let results: Results<'s> = if self.beats {
            Box::pin(stream::unfold(input, move |mut input| {
                let option = option.clone();
                async move {
                    let request = input.next().await?;
                    Some((peer.beat(request, option).await, input))
                }
            }))
        } else {
            Box::pin(stream::unfold(Some(Run::new(peer, input)), Run::turn))
        };
        Box::pin(async move { Ok(results) })
    }
}

/// A stream of appends on its way.
struct Run<'s, S> {
    peer: &'s Peer,
    input: S,
    /// There are no more.
    ended: bool,
    stream: u64,
    replies: mpsc::Receiver<(u64, Appended)>,
    /// Those that are not answered: number, last entry, and until when.
    under_way: VecDeque<(u64, Option<LogId>, Moment)>,
    sent: u64,
}

/// What a stream goes on with.
enum Next {
    Reply(u64, Appended),
    Request(Option<AppendEntriesRequest<Kind>>),
    Lost(&'static str),
}

impl<'s, S: Stream<Item = AppendEntriesRequest<Kind>> + Send + Unpin> Run<'s, S> {
    fn new(peer: &'s Peer, input: S) -> Run<'s, S> {
        let (stream, replies) = peer.site.calls().open(peer.node);
        Run { peer, input, ended: false, stream, replies, under_way: VecDeque::new(), sent: 0 }
    }

    /// The next result, and the rest of the stream unless it ends there.
    async fn turn(run: Option<Self>) -> Option<(Result<StreamAppendResult<Kind>, Failed>, Option<Self>)> {
        let mut run = run?;
        loop {
            match run.next().await? {
                Next::Lost(why) => return Some((Err(unreachable(why)), None)),
                Next::Request(None) => run.ended = true,
                Next::Request(Some(request)) => {
                    let last = run.send(request);
                    if run.peer.site.plants.has(Plant::QuorumCountedWrong) {
                        return Some((Ok(Ok(last)), Some(run)));
                    }
                }
                Next::Reply(serial, appended) => match run.under_way.pop_front() {
                    // The library takes an answer for one to the latest request with the
                    // same last entry, and reads count on when that was sent: so only the
                    // answer to the latest is passed on.
                    Some((first, last, _))
                        if first == serial
                            && appended == Appended::Upto(last)
                            && run.under_way.front().is_some_and(|(_, next, _)| *next == last) => {}
                    Some((first, ..)) if first == serial => {
                        let result = outcome(appended);
                        let goes_on = matches!(result, Ok(Ok(_)));
                        return Some((result, goes_on.then_some(run)));
                    }
                    _ => return Some((Err(unreachable("an answer is missing")), None)),
                },
            }
        }
    }

    /// None at the end.
    async fn next(&mut self) -> Option<Next> {
        let Some((.., until)) = self.under_way.front().copied() else {
            return if self.ended { None } else { Some(Next::Request(self.input.next().await)) };
        };
        let reply = ShardRuntime::timeout_at(until, self.replies.recv());
        if self.ended || self.under_way.len() >= WINDOW {
            return Some(replied(reply.await));
        }
        match ShardRuntime::select2(reply, self.input.next()).await {
            Select2::First(reply) => Some(replied(reply)),
            Select2::Second(request) => Some(Next::Request(request)),
        }
    }

    /// Sends a request; returns its last entry.
    fn send(&mut self, request: AppendEntriesRequest<Kind>) -> Option<LogId> {
        let Peer { site, timing, node, replica, .. } = self.peer;
        let last = request.entries.last().map(|entry| entry.log_id).or(request.prev_log_id);
        let until = Moment::now() + Duration::from_millis(timing.append_patience_ms);
        site.send(*node, *replica, Message::Append(self.stream, self.sent, append(request)));
        if !site.plants.has(Plant::QuorumCountedWrong) {
            self.under_way.push_back((self.sent, last, until));
        }
        self.sent += 1;
        last
    }
}

fn replied<E>(reply: Result<Option<(u64, Appended)>, E>) -> Next {
    match reply {
        Ok(Some((serial, appended))) => Next::Reply(serial, appended),
        Ok(None) => Next::Lost("the way to the node was lost"),
        Err(_) => Next::Lost("the node did not answer in time"),
    }
}

impl NetVote<Kind> for Peer {
    async fn vote(
        &mut self,
        request: VoteRequest<Kind>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, Failed> {
        self.candidacy(request, option, false).await
    }

    async fn pre_vote(
        &mut self,
        request: VoteRequest<Kind>,
        option: RPCOption,
    ) -> Result<VoteResponse<Kind>, Failed> {
        self.candidacy(request, option, true).await
    }
}

impl NetTransferLeader<Kind> for Peer {
    async fn transfer_leader(
        &mut self,
        request: TransferLeaderRequest<Kind>,
        option: RPCOption,
    ) -> Result<TransferLeaderResponse<Kind>, Failed> {
        let ballot = *request.from_leader();
        let (heir, last) = (ReplicaId(*request.to_node_id()), request.last_log_id().copied());
        Ok(match self.lead(ballot, heir, last, &option).await? {
            true => Ok(()),
            false => Err(TransferLeaderError::VoteChanged { expected: ballot, actual: ballot }),
        })
    }
}

impl NetSnapshot<Kind> for Peer {
    type SnapshotData = ();

    async fn full_snapshot(
        &mut self,
        ballot: VoteOf<Kind>,
        snapshot: SnapshotOf<Kind, ()>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<Kind>, StreamingError<Kind>> {
        let upto = snapshot.meta.last_log_id.expect("nothing is announced that has nothing");
        match ShardRuntime::select2(pin!(cancel), pin!(self.reach(ballot, upto, option))).await {
            Select2::First(closed) => Err(StreamingError::Closed(closed)),
            Select2::Second(Ok(holds_to)) => Ok(SnapshotResponse::new(holds_to)),
            Select2::Second(Err(failed)) => Err(StreamingError::Unreachable(Unreachable::new(&failed))),
        }
    }
}
