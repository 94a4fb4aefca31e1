//! One replica of a partition: the library's group, and what is asked of it.

use super::fate::Fate;
use super::kind::{CommittedLeader, Kind, Members, Proposal, Timing};
use super::machine::Machine;
use super::message::{Answer, Append, Appended, Ask, Candidacy};
use super::network::Network;
use super::outbox::Event;
use super::runtime::{Executor, ShardRuntime};
use super::site::Site;
use super::storage::LogStore;
use super::streams::Streams;
use env::Plant;
use model::{Index, NodeId, Record, ReplicaId};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, TransferLeaderRequest, VoteRequest};
use openraft::{Raft, ReadPolicy, ServerState};
use openraft_rt::{AsyncRuntime, Select2};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc;

type Handle = Raft<Kind, Machine>;

/// Proposals that wait for their place.
const PROPOSALS_MAX: usize = 1024;
/// Reads that wait for a round.
const READS_MAX: usize = 8192;

/// How a replica starts.
pub struct Start {
    /// Its name in the group.
    pub replica: ReplicaId,
    /// What its store has.
    pub applied: Index,
    /// Who makes up the group, for one that is made now.
    pub members: Option<Members>,
    /// How patient it is.
    pub timing: Timing,
}

/// A replica that runs.
pub(crate) struct Group {
    pub site: Arc<Site>,
    /// None until the library has taken stock.
    raft: Arc<Mutex<Option<Handle>>>,
    pub streams: Streams,
    proposals: mpsc::Sender<Record>,
    reads: mpsc::Sender<u64>,
    /// In which term this replica leads, and the next command of a proposal: one
    /// that stands behind a refused one is none.
    leads: Option<(u64, Index)>,
}

impl Group {
    /// Starts its tasks.
    pub fn start(executor: &Executor, site: Arc<Site>, start: Start) -> Group {
        let (proposals, proposed) = mpsc::channel(PROPOSALS_MAX);
        let (reads, asked) = mpsc::channel(READS_MAX);
        let raft = Arc::default();
        let run = run(site.clone(), start, Arc::clone(&raft), proposed, asked);
        executor.spawn(run);
        Group { site, raft, streams: Streams::default(), proposals, reads, leads: None }
    }

    /// A record, written by the leader of this term.
    pub fn propose(&mut self, record: Record) {
        let term = record.epoch.term;
        if self.leads != Some((term, record.first_index)) {
            return;
        }
        let (first_index, last_index) = (record.first_index, record.last_index());
        match self.proposals.try_send(record) {
            Ok(()) => self.leads = Some((term, last_index + 1)),
            Err(_) => self.site.tell(Event::Refused { term, first_index }),
        }
    }

    /// May a read be served? An event says.
    pub fn read(&self, serial: u64) {
        if self.reads.try_send(serial).is_err() {
            self.site.tell(Event::ReadRefused(vec![serial]));
        }
    }

    /// Takes note of what its partition is about to hear.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::Leads { term, last_index, .. } => self.leads = Some((*term, last_index + 1)),
            Event::Follows(_) | Event::Failed(_) => self.leads = None,
            Event::Refused { term, first_index } => {
                let of_this_term = self.leads.filter(|(leads, _)| leads == term);
                self.leads = of_this_term.map(|(term, next)| (term, next.min(*first_index))).or(self.leads);
            }
            _ => {}
        }
    }

    /// Lets go of what is in the store up to this command.
    pub fn purge(&self, executor: &Executor, index: Index) {
        let Some(handle) = self.handle() else { return };
        let Some(upto) = self.site.flush(index) else { return };
        executor.spawn(async move {
            // It lets go of what it knows to be in an export, and an export is what the
            // store has flushed. Where that is not noted yet, the next purge takes it along.
            let _ = handle.trigger().snapshot().await;
            let _ = handle.trigger().purge_log(upto.index).await;
        });
    }

    /// Ends it: nothing of it is heard any more.
    pub fn close(self, executor: &Executor) {
        self.site.close();
        if let Some(handle) = self.handle() {
            executor.spawn(async move {
                let _ = handle.shutdown().await;
            });
        }
    }

    /// The library's handle, once it has taken stock.
    pub fn handle(&self) -> Option<Handle> {
        lock(&self.raft).clone()
    }
}

fn lock(raft: &Mutex<Option<Handle>>) -> MutexGuard<'_, Option<Handle>> {
    raft.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(
    site: Arc<Site>,
    start: Start,
    raft: Arc<Mutex<Option<Handle>>>,
    proposed: mpsc::Receiver<Record>,
    asked: mpsc::Receiver<u64>,
) {
    let handle = match open(&site, &start).await {
        Ok(handle) => handle,
        Err(why) => return site.tell(Event::Failed(why)),
    };
    if site.is_closed() {
        let _ = handle.shutdown().await;
        return;
    }
    *lock(&raft) = Some(handle.clone());
    ShardRuntime::spawn(propose(site.clone(), handle.clone(), proposed));
    ShardRuntime::spawn(read(site.clone(), handle.clone(), asked));
    let why = watch(&site, &handle).await;
    site.tell(Event::Failed(why));
}

async fn open(site: &Arc<Site>, start: &Start) -> Result<Handle, String> {
    let restore = site.plants.has(Plant::LeaderRestored);
    let name = site.partition.to_string();
    let config = start.timing.config(name, restore).map_err(|error| error.to_string())?;
    if !site.journal().fits(start.applied) {
        return Err(format!("its store has {} commands, which is not what its log has", start.applied));
    }
    let applied = site.journal().position_of(start.applied);
    let network = Network { site: site.clone(), timing: start.timing };
    let (store, machine) = (LogStore(site.clone()), Machine::new(site.clone(), applied));
    let opened = Handle::new(start.replica.0, Arc::new(config), network, store, machine).await;
    let handle = opened.map_err(|error| error.to_string())?;
    if let Some(members) = start.members.as_ref().filter(|_| site.journal().last().is_none()) {
        // It fails where a peer was faster and has written the same already.
        let _ = handle.initialize(members.seats()).await;
    }
    Ok(handle)
}

/// Tells of every change of leadership; returns when the library has ended.
async fn watch(site: &Site, handle: &Handle) -> String {
    let mut metrics = handle.server_metrics();
    let mut told: Option<(Option<u64>, Option<NodeId>)> = None;
    loop {
        let now = {
            let seen = metrics.borrow_watched();
            let term = seen.vote.leader_id.term;
            let leads = seen.state == ServerState::Leader && seen.vote.committed;
            let seat = |replica| seen.membership_config.get_node(replica).map(|seat| seat.node());
            // Where a leader is changes nothing for itself.
            let leader = seen.current_leader.as_ref().filter(|_| !leads).and_then(seat);
            (leads.then_some(term), leader)
        };
        if told != Some(now) {
            told = Some(now);
            site.tell(role(site, now));
        }
        if metrics.changed().await.is_err() {
            let ended = handle.metrics().borrow_watched().running_state.clone();
            return ended.err().map_or("it was stopped".to_owned(), |why| why.to_string());
        }
    }
}

fn role(site: &Site, now: (Option<u64>, Option<NodeId>)) -> Event {
    match now {
        (Some(term), _) => {
            let journal = site.journal();
            let (last_index, last_stamp) = (journal.last_index(), journal.last_stamp());
            Event::Leads { term, last_index, last_stamp }
        }
        (None, leader) => Event::Follows(leader),
    }
}

/// Hands proposals to the library, the next one when the one before has its
/// place: where one gets none, those behind it must not get any either.
async fn propose(site: Arc<Site>, handle: Handle, mut proposed: mpsc::Receiver<Record>) {
    while let Some(record) = proposed.recv().await {
        let (term, first_index) = (record.epoch.term, record.first_index);
        if !take_place(&site, &handle, record).await {
            while proposed.try_recv().is_ok() {}
            site.tell(Event::Refused { term, first_index });
        }
    }
}

/// False when it has none and never will.
async fn take_place(site: &Site, handle: &Handle, record: Record) -> bool {
    let (fate, decided) = Fate::new();
    let placed = site.expect_place(&record);
    let leader = CommittedLeader::new(record.epoch.term);
    if handle.write(Proposal(record)).with_leader(leader).responder(fate).await.is_err() {
        // The library has ended; the event that says so answers everything.
        return true;
    }
    match ShardRuntime::select2(placed, decided).await {
        Select2::First(_) => true,
        Select2::Second(Ok(Err(_))) => false,
        Select2::Second(_) => true,
    }
}

/// Finds out whether this replica still leads, for all reads that have come in
/// meanwhile at once: those that come later join the next round.
async fn read(site: Arc<Site>, handle: Handle, mut asked: mpsc::Receiver<u64>) {
    let mut before = None;
    while let Some(first) = asked.recv().await {
        let mut serials = vec![first];
        while let Ok(serial) = asked.try_recv() {
            serials.push(serial);
        }
        // The mistake: most are answered by a round that began before they came.
        let stale = before.filter(|_| site.plants.has(Plant::ReadIndexStale) && first % 8 != 0);
        if let Some(index) = stale {
            site.tell(Event::ReadAt(serials, index));
            continue;
        }
        match handle.get_read_log_id(ReadPolicy::ReadIndex).await {
            Ok((upto, _)) => {
                let index = site.journal().index_at(upto.log_id().index);
                before = index;
                site.tell(index.map_or(Event::ReadRefused(serials.clone()), |at| Event::ReadAt(serials, at)));
            }
            Err(_) => site.tell(Event::ReadRefused(serials)),
        }
    }
}

/// Answers a peer's question; None when there is nothing to say.
pub(crate) async fn answer(handle: Handle, from: ReplicaId, to: ReplicaId, ask: Ask) -> Option<Answer> {
    match ask {
        Ask::Vote(candidacy) => vote(handle.vote(request(candidacy)).await),
        Ask::PreVote(candidacy) => vote(handle.pre_vote(request(candidacy)).await),
        Ask::Beat(append) => {
            let (before, last) = (append.before, append.before);
            let outcome = handle.append_entries(entries(append)).await.ok()?;
            Some(Answer::Beat(match outcome {
                AppendEntriesResponse::Success => Appended::Upto(last),
                AppendEntriesResponse::PartialSuccess(upto) => Appended::Upto(upto),
                AppendEntriesResponse::Conflict => Appended::Conflict(before?),
                AppendEntriesResponse::HigherVote(ballot) => Appended::Higher(ballot),
            }))
        }
        Ask::Lead { ballot, last } => {
            let _ = from;
            let outcome = handle.handle_transfer_leader(TransferLeaderRequest::new(ballot, to.0, last)).await;
            Some(Answer::Lead(matches!(outcome, Ok(Ok(())))))
        }
    }
}

fn request(candidacy: Candidacy) -> VoteRequest<Kind> {
    let mut request = VoteRequest::new(candidacy.ballot, candidacy.last);
    request.leadership_transfer = candidacy.transfer;
    request
}

fn vote<E>(response: Result<openraft::raft::VoteResponse<Kind>, E>) -> Option<Answer> {
    let response = response.ok()?;
    let (ballot, granted, last) = (response.vote, response.vote_granted, response.last_log_id);
    Some(Answer::Vote { ballot, granted, last })
}

pub(crate) fn entries(append: Append) -> AppendEntriesRequest<Kind> {
    AppendEntriesRequest {
        vote: append.ballot,
        prev_log_id: append.before,
        entries: append.entries,
        leader_commit: append.committed,
    }
}
