//! One replica of a partition: the library's group, and what is asked of it.

use super::arrival::Arrival;
use super::bereft::{Heir, hand_over, inherit};
use super::fate::Fate;
use super::kind::{CommittedLeader, Kind, Members, Proposal, Timing};
use super::machine::Machine;
use super::network::Network;
use super::outbox::Event;
use super::promise::Base;
use super::runtime::{Executor, ShardRuntime};
use super::site::Site;
use super::storage::LogStore;
use super::streams::Streams;
use super::strive::strive;
use bytes::Bytes;
use env::Plant;
use model::{Index, NodeId, Record, ReplicaId, ReplicaSet};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::async_runtime::watch::WatchReceiver;
use openraft::metrics::RaftServerMetrics;
use openraft::{Raft, ReadPolicy, ServerState};
use openraft_rt::{AsyncRuntime, Select2};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

pub(crate) type Handle = Raft<Kind, Machine>;

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
    /// What an export has brought along that is its store now.
    pub rests_on: Option<Bytes>,
    /// How patient it is.
    pub timing: Timing,
}

/// What is asked of a replica.
struct Asked {
    proposals: mpsc::Receiver<Record>,
    reads: mpsc::Receiver<u64>,
    wanted: watch::Receiver<ReplicaSet>,
}

/// A replica that runs.
pub(crate) struct Group {
    pub site: Arc<Site>,
    /// None until the library has taken stock.
    raft: Arc<Mutex<Option<Handle>>>,
    pub streams: Streams,
    proposals: mpsc::Sender<Record>,
    reads: mpsc::Sender<u64>,
    wanted: watch::Sender<ReplicaSet>,
    /// In which term this replica leads, and the next command of a proposal: one
    /// that stands behind a refused one is none.
    leads: Option<(u64, Index)>,
    timing: Timing,
    /// Since it leads.
    asked_heirs: usize,
}

impl Group {
    /// Starts its tasks.
    pub fn start(executor: &Executor, site: Arc<Site>, start: Start) -> Group {
        let (proposals, proposed) = mpsc::channel(PROPOSALS_MAX);
        let (reads, read) = mpsc::channel(READS_MAX);
        let raft = Arc::default();
        let wanted = watch::Sender::default();
        let asked = Asked { proposals: proposed, reads: read, wanted: wanted.subscribe() };
        let timing = start.timing;
        executor.spawn(run(site.clone(), start, Arc::clone(&raft), asked));
        let streams = Streams::default();
        Group { site, raft, streams, proposals, reads, wanted, leads: None, timing, asked_heirs: 0 }
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
            Event::Leads { term, last_index, .. } => {
                (self.leads, self.asked_heirs) = (Some((*term, last_index + 1)), 0);
            }
            Event::Follows(_) | Event::Failed(_) => self.leads = None,
            Event::Refused { term, first_index } => {
                if let Some((_, next)) = self.leads.as_mut().filter(|(leads, _)| leads == term) {
                    *next = (*next).min(*first_index);
                }
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

    /// Who is to make up its group.
    pub fn want(&self, wanted: ReplicaSet) {
        self.wanted.send_if_modified(|known| {
            let other = *known != wanted;
            *known = wanted;
            other
        });
    }

    /// Another one is to lead, if this one does.
    pub fn hand_over(&mut self, executor: &Executor, heir: Option<ReplicaId>) {
        if let Some(handle) = self.handle().filter(|_| self.leads.is_some()) {
            let heir = heir.map_or(Heir::Nearest(self.asked_heirs), Heir::Is);
            self.asked_heirs += 1;
            executor.spawn(hand_over(self.site.clone(), handle, self.timing, heir));
        }
    }

    /// The process on this node has ended: whoever led there is followed by another.
    pub fn bereave(&self, executor: &Executor, node: NodeId) {
        if let Some(handle) = self.handle() {
            executor.spawn(inherit(self.site.clone(), handle, self.timing, node));
        }
    }

    /// What an export rests on that has everything up to this command.
    pub fn base(&self, index: Index) -> Option<Bytes> {
        Some(self.site.journal().base_at(index)?.encode())
    }

    /// An export is here, and rests on this; `None`: none could be had.
    pub fn fetched(&self, executor: &Executor, base: Option<Bytes>) {
        let base = base.and_then(|bytes| Base::decode(&bytes));
        let mut arrival = self.site.arrival();
        let Arrival::Fetching(ballot) = *arrival else { return self.site.tell(Event::DropExport) };
        // Of a later leader than the one who sent for it: that one asks again.
        let suits =
            |base: &Base| base.purged.is_some_and(|upto| upto.leader_id.term <= ballot.leader_id.term);
        let (Some(base), Some(handle)) = (base.filter(suits), self.handle()) else {
            *arrival = Arrival::None;
            return self.site.tell(Event::DropExport);
        };
        let (last_log_id, last_membership) = (base.purged, base.members.clone());
        *arrival = Arrival::Here(base);
        let (site, meta) = (self.site.clone(), SnapshotMetaOf::<Kind> { last_log_id, last_membership });
        executor.spawn(async move {
            let _ = handle.install_full_snapshot(ballot, SnapshotOf::<Kind, ()> { meta, snapshot: () }).await;
            // It was not wanted any more.
            let left = site.arrival().take_here();
            if left {
                site.tell(Event::DropExport);
            }
        });
    }

    /// The export has taken the store's place, durably.
    pub fn taken(&self) {
        self.site.arrival().taken();
    }

    /// Ends it: nothing of it is heard any more.
    pub fn close(self, executor: &Executor) {
        self.site.close();
        // Nobody takes an export any more, and nobody waits until one is.
        *self.site.arrival() = Arrival::None;
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

async fn run(site: Arc<Site>, start: Start, raft: Arc<Mutex<Option<Handle>>>, asked: Asked) {
    let handle = match open(&site, &start).await {
        Ok(handle) => handle,
        Err(why) => return site.tell(Event::Failed(why)),
    };
    if site.is_closed() {
        let _ = handle.shutdown().await;
        return;
    }
    *lock(&raft) = Some(handle.clone());
    let pace = Duration::from_millis(start.timing.heartbeat_ms);
    ShardRuntime::spawn(propose(site.clone(), handle.clone(), asked.proposals));
    ShardRuntime::spawn(read(site.clone(), handle.clone(), asked.reads));
    ShardRuntime::spawn(strive(site.clone(), handle.clone(), asked.wanted, pace));
    let why = watch(&site, &handle, pace).await;
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
    opened.map_err(|error| error.to_string())
}

/// Tells of every change of leadership; returns when the library has ended.
///
/// A leader takes nothing before a quorum has answered it once: it is told of then.
async fn watch(site: &Site, handle: &Handle, pace: Duration) -> String {
    let mut metrics = handle.server_metrics();
    let (mut told, mut knew, mut confirmed) = (None, None, None);
    loop {
        let settled = metrics.borrow_watched().committed_membership_config.clone();
        if *settled.log_id() > knew
            && let Some(entry) = *settled.log_id()
        {
            knew = Some(entry);
            let members = Members(settled.membership().clone());
            site.tell(Event::Settled { members, since: (entry.leader_id.term, entry.index) });
        }
        let seen = Role::of(&metrics.borrow_watched());
        let asks = matches!(seen, Role::Leads(_)) && confirmed != Some(seen);
        let now = if asks { Role::Follows(None) } else { seen };
        if told != Some(now) {
            told = Some(now);
            site.tell(now.event(site));
        }
        let changed = if asks {
            match ShardRuntime::select2(Box::pin(is_followed(handle, pace)), Box::pin(metrics.changed()))
                .await
            {
                Select2::First(true) => {
                    confirmed = Some(seen);
                    Ok(())
                }
                Select2::First(false) => Ok(()),
                Select2::Second(changed) => changed,
            }
        } else {
            metrics.changed().await
        };
        if changed.is_err() {
            let ended = handle.metrics().borrow_watched().running_state.clone();
            return ended.err().map_or("it was stopped".to_owned(), |why| why.to_string());
        }
    }
}

/// Does a quorum follow this leader? Takes a while where it does not.
async fn is_followed(handle: &Handle, pace: Duration) -> bool {
    let followed = handle.get_read_log_id(ReadPolicy::ReadIndex).await.is_ok();
    if !followed {
        ShardRuntime::sleep(pace / 4).await;
    }
    followed
}

/// What a replica is to its partition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leads(u64),
    Follows(Option<NodeId>),
}

impl Role {
    fn of(seen: &RaftServerMetrics<Kind>) -> Role {
        if seen.state == ServerState::Leader && seen.vote.committed {
            return Role::Leads(seen.vote.leader_id.term);
        }
        let seat = |replica| seen.membership_config.get_node(replica).map(|seat| seat.node());
        Role::Follows(seen.current_leader.as_ref().and_then(seat))
    }

    fn event(self, site: &Site) -> Event {
        let journal = site.journal();
        match self {
            Role::Leads(term) => {
                Event::Leads { term, last_index: journal.last_index(), last_stamp: journal.last_stamp() }
            }
            Role::Follows(leader) => Event::Follows(leader),
        }
    }
}

/// Hands proposals to the library, the next one when the one before has its
/// place: where one gets none, those behind it must not get any either.
async fn propose(site: Arc<Site>, handle: Handle, mut proposed: mpsc::Receiver<Record>) {
    while let Some(record) = proposed.recv().await {
        let (term, first_index) = (record.epoch.term, record.first_index);
        if !take_place(&site, &handle, record).await {
            site.tell(Event::Refused { term, first_index });
            let mut told = term;
            while let Ok(behind) = proposed.try_recv() {
                let (term, first_index) = (behind.epoch.term, behind.first_index);
                if term != std::mem::replace(&mut told, term) {
                    site.tell(Event::Refused { term, first_index });
                }
            }
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
                before = site.journal().index_at(upto.log_id().index);
                site.tell(match before {
                    Some(index) => Event::ReadAt(serials, index),
                    None => Event::ReadRefused(serials),
                });
            }
            Err(_) => site.tell(Event::ReadRefused(serials)),
        }
    }
}
