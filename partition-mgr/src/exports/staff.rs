//! The thread that gives exports and fetches them: whatever waits for a disk or for
//! another node waits here.

use super::fetch::{Fetch, Step};
use super::home::Home;
use super::source::Source;
use super::wire::{Letter, Word};
use crate::shard::Order;
use bytes::Bytes;
use env::channel::RecvTimeoutError;
use env::{Clock, Env, Joiner, Mono, Receiver, Sender, sometimes};
use model::{Index, NodeId, PartitionId, code};
use statestore::StoreError;
use statestore::manifest::Manifest;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// Errands that may wait.
const ERRANDS_MAX: usize = 16_384;

/// After a fetch that failed, so long until the next.
const FAILED_MS: u64 = 1_000;

/// What exports need of their node.
pub(crate) trait Office: Send + Sync {
    /// Writes an export of a partition's store, into a directory that is not there.
    fn export(&self, partition: PartitionId, dir: &Path) -> Result<Manifest, StoreError>;

    /// Is the log to let go of nothing of a partition?
    fn hold(&self, partition: PartitionId, held: bool);

    /// What one rests on that has everything up to this index, if a replica here knows.
    fn base(&self, partition: PartitionId, index: Index) -> Option<Bytes>;

    /// Puts an export into the place of a partition's store, durably.
    fn replace(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError>;

    /// For the partition's shard.
    fn order(&self, partition: PartitionId, order: Order);

    /// How much of one is fetched in a second.
    fn bytes_per_s(&self) -> u64;

    /// For another node. What cannot be sent is lost.
    fn send(&self, node: NodeId, frame: Bytes);
}

/// What is to be done.
enum Errand {
    Fetch(PartitionId, NodeId),
    Take(PartitionId),
    Drop(PartitionId),
    Heard(NodeId, Letter),
    Lost(NodeId),
    Stop,
}

/// The way to the thread.
#[derive(Clone)]
pub(crate) struct Errands(Sender<Errand>);

impl Errands {
    /// A way, and its other end for [`Staff::start`].
    pub fn new(env: &Env) -> (Errands, Waiting) {
        let (errands, waiting) = env.channel(ERRANDS_MAX);
        (Errands(errands), Waiting(waiting))
    }

    /// A replica needs an export of this node's.
    pub fn fetch(&self, partition: PartitionId, leader: NodeId) {
        self.put(Errand::Fetch(partition, leader));
    }

    /// The export that was fetched takes the store's place.
    pub fn take(&self, partition: PartitionId) {
        self.put(Errand::Take(partition));
    }

    /// The export that was fetched is not needed.
    pub fn drop_fetched(&self, partition: PartitionId) {
        self.put(Errand::Drop(partition));
    }

    /// A node says something of an export. It comes back where too much waits: half of
    /// all room is for this node's own errands, none of which may be lost.
    pub fn hear(&self, from: NodeId, frame: Bytes) -> Result<(), Bytes> {
        if self.0.len() >= ERRANDS_MAX / 2 {
            return Err(frame);
        }
        match Letter::decode(frame) {
            Some(letter) => self.put(Errand::Heard(from, letter)),
            None => tracing::warn!(node = %from, "what a node says of an export cannot be read"),
        }
        Ok(())
    }

    /// The way to a node is lost: whoever fetches from there looks elsewhere.
    pub fn lose(&self, node: NodeId) {
        self.put(Errand::Lost(node));
    }

    /// Never waits: who asks is a shard, or a link.
    fn put(&self, errand: Errand) {
        // Nothing is done about exports once the node ends.
        let _ = self.0.try_send(errand);
    }
}

/// The other end of the way.
pub(crate) struct Waiting(Receiver<Errand>);

/// The thread. Dropping it ends it.
pub(crate) struct Staff {
    errands: Errands,
    thread: Option<Box<dyn Joiner>>,
}

impl Staff {
    pub fn start(
        env: &Env,
        home: Home,
        office: Arc<dyn Office>,
        (errands, waiting): (Errands, Waiting),
    ) -> io::Result<Staff> {
        let bytes_per_s = office.bytes_per_s();
        let clerk = Clerk {
            clock: env.clock.clone(),
            source: Source::new(home.clone()),
            home,
            office,
            fetches: BTreeMap::new(),
            failed: BTreeMap::new(),
            // Answers to an earlier life's are nobody's.
            serial: env.rng.stream("exports").next_u64() >> 1,
            bytes_per_s,
        };
        let thread = env.vital_thread("exports", code::INTERNAL, move || clerk.run(&waiting.0))?;
        Ok(Staff { errands, thread: Some(thread) })
    }
}

impl Drop for Staff {
    fn drop(&mut self) {
        let _ = self.errands.0.send(Errand::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic there has ended the process.
            let _ = thread.join();
        }
    }
}

struct Clerk {
    clock: Arc<dyn Clock>,
    home: Home,
    office: Arc<dyn Office>,
    source: Source,
    fetches: BTreeMap<PartitionId, Fetch>,
    /// Who has to do without for now, and is told then: it asks again at once.
    failed: BTreeMap<PartitionId, Mono>,
    serial: u64,
    bytes_per_s: u64,
}

impl Clerk {
    fn run(mut self, waiting: &Receiver<Errand>) {
        loop {
            let errand = match self.wakes_at() {
                None => waiting.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at) => waiting.recv_until(&*self.clock, at),
            };
            let now = self.clock.mono();
            match errand {
                Ok(Errand::Stop) | Err(RecvTimeoutError::Disconnected) => return,
                Ok(errand) => self.run_errand(now, errand),
                Err(RecvTimeoutError::Timeout) => {}
            }
            self.tick(now);
        }
    }

    fn run_errand(&mut self, now: Mono, errand: Errand) {
        match errand {
            Errand::Fetch(partition, leader) => self.fetch(now, partition, leader),
            Errand::Take(partition) => self.take(partition),
            Errand::Drop(partition) => drop(self.fetches.remove(&partition)),
            Errand::Heard(from, letter) => self.hear(now, from, letter),
            Errand::Lost(node) => self.lose(now, node),
            Errand::Stop => {}
        }
    }

    fn wakes_at(&self) -> Option<Mono> {
        let fetches = self.fetches.values().filter_map(Fetch::wakes_at).min();
        let failed = self.failed.values().copied().min();
        [fetches, failed, self.source.wakes_at()].into_iter().flatten().min()
    }

    fn tick(&mut self, now: Mono) {
        self.source.tick(now);
        let ids: Vec<PartitionId> = self.fetches.keys().copied().collect();
        for id in ids {
            let Some(fetch) = self.fetches.get_mut(&id) else { continue };
            let (steps, leader) = (fetch.tick(now, &self.home), fetch.leader);
            self.go(now, id, leader, steps);
        }
        let due = self.failed.iter().filter(|(_, at)| **at <= now).map(|(id, _)| *id);
        for id in due.collect::<Vec<_>>() {
            self.failed.remove(&id);
            self.office.order(id, Order::Fetched(id, None));
        }
    }

    fn fetch(&mut self, now: Mono, partition: PartitionId, leader: NodeId) {
        let known = self.fetches.get(&partition);
        if known.is_some_and(|fetch| fetch.leader == leader && fetch.staged().is_none()) {
            return;
        }
        tracing::info!(partition = partition.0, node = %leader, "an export is fetched");
        self.serial += 1;
        let (fetch, wish) = Fetch::begin(now, &self.home, (partition, leader), self.serial, self.bytes_per_s);
        self.fetches.insert(partition, fetch);
        self.failed.remove(&partition);
        self.go(now, partition, leader, vec![wish]);
    }

    fn hear(&mut self, now: Mono, from: NodeId, letter: Letter) {
        let partition = letter.partition;
        // Both sides say that it is over.
        let is_answer = matches!(letter.word, Word::Offer { .. } | Word::Piece(..) | Word::Over);
        if is_answer && let Some(fetch) = self.fetches.get_mut(&partition) {
            let steps = fetch.hear(now, &self.home, from, letter.clone());
            self.go(now, partition, from, steps);
        }
        if let Some(answer) = self.source.hear(now, &*self.office, from, &letter) {
            self.office.send(from, answer.encode());
        }
    }

    /// What is all here needs nobody any more.
    fn lose(&mut self, now: Mono, node: NodeId) {
        let of_it = |fetch: &Fetch| fetch.leader == node && fetch.staged().is_none();
        let lost: Vec<PartitionId> =
            self.fetches.iter().filter(|(_, fetch)| of_it(fetch)).map(|(id, _)| *id).collect();
        lost.into_iter().for_each(|id| self.go(now, id, node, vec![Step::Failed]));
    }

    fn go(&mut self, now: Mono, partition: PartitionId, leader: NodeId, steps: Vec<Step>) {
        for step in steps {
            match step {
                Step::Say(letter) => self.office.send(leader, letter.encode()),
                Step::Fetched(base) => self.office.order(partition, Order::Fetched(partition, Some(base))),
                Step::Failed => {
                    self.fetches.remove(&partition);
                    self.failed.insert(partition, now.plus_ms(FAILED_MS));
                }
            }
        }
    }

    /// Puts it into the store's place. What it rests on is written down before: a
    /// store that has come so far rests on it, and one that has not does not.
    fn take(&mut self, partition: PartitionId) {
        let fetch = self.fetches.remove(&partition);
        let staged = fetch.as_ref().and_then(Fetch::staged);
        let taken = staged.ok_or_else(|| "it is not here".to_owned()).and_then(|(dir, base)| {
            self.home.note_base(partition, base).map_err(|error| error.to_string())?;
            let index = self.office.replace(partition, dir).map_err(|error| error.to_string())?;
            // What stays is of no use, and of no harm.
            let _ = self.home.clear(dir);
            Ok(index)
        });
        let order = match taken {
            Ok(index) => {
                sometimes!("an export took a store's place");
                tracing::info!(partition = partition.0, index, "an export has taken the store's place");
                Order::Taken(partition)
            }
            Err(why) => Order::Stop(partition, format!("an export could not be taken in: {why}")),
        };
        self.office.order(partition, order);
    }
}
