//! Starting: directory, desired state, stores, log, replay, shards. In this
//! order, and each only on what the one before has proven.

use super::histories::{Histories, Read, flaw};
use super::housekeeping::Housekeeper;
use super::keeper::Keeper;
use super::reports::Reports;
use super::{Core, Node, State};
use crate::data_dir::{Boots, DataDir, DataDirError, Expect};
use crate::delta::Held;
use crate::desired::{DesiredFile, DesiredFlaw};
use crate::directory::Directory;
use crate::exports::{Errands, Home, Staff};
use crate::meters::Meters;
use crate::peers::Peers;
use crate::shard::{Post, ShardThread};
use crate::stores::{StorePlaces, Stores};
use coordinator::Desired;
use env::{Env, Lock, Mono, Plants};
use machine::Registry;
use model::{Code, Index, Limits, PartitionId, code};
use partition::{ParallelReplay, Progress, ReplayError, ReplayReport, Rulebook};
use pipeline::{LogChoice, ProfileError, Rig, Rules};
use statestore::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use wal::{Log, LogConfig, LogError, LogIdentity, MarkPolicy, OpenLog, SyncPolicy, Writer};

/// What a node is started with.
#[derive(Clone)]
pub struct Settings {
    /// Where everything is kept. Its parent must exist.
    pub data_dir: PathBuf,
    /// What the directory is taken for.
    pub expect: Expect,
    /// Every bound.
    pub limits: Limits,
    /// How many shards.
    pub shards: usize,
    /// When the log is synced.
    pub sync: SyncPolicy,
    /// Is RocksDB there? It has files and threads of its own, which simulation
    /// does not see; without it there are tables in memory alone.
    pub rocks: bool,
    /// Which machines tables may have.
    pub machines: Registry,
    /// What only the simulated world sets.
    pub rig: Rig,
}

/// Why a node does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The directory.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The desired state.
    #[error(transparent)]
    Desired(#[from] DesiredFlaw),
    /// A store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log did not take what it was told.
    #[error(transparent)]
    Untold(Arc<LogError>),
    /// A table that this node cannot serve as declared.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// Bringing the stores up.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A table's machine, which this build lacks.
    #[error("this build has no machine `{0}`; a build that has it serves the table")]
    Machine(String),
    /// A replicated partition of which nobody has said where its replicas are.
    #[error("partition {0} has replicas, and this node knows of none of its own")]
    Unplaced(PartitionId),
    /// What a replica promised others is in the log, which is read at a start.
    #[error("what the replica of partition {0} told others is read when the node starts")]
    Untaught(PartitionId),
    /// A thread.
    #[error("a thread could not be started: {0}")]
    Thread(#[from] std::io::Error),
}

impl StartError {
    /// Its code.
    pub fn code(&self) -> Code {
        match self {
            StartError::DataDir(error) => error.code(),
            StartError::Desired(DesiredFlaw::Io { .. }) => code::DIRECTORY_IO,
            StartError::Desired(DesiredFlaw::Unsure { .. }) => code::DESIRED_UNSURE,
            StartError::Desired(_) => code::DESIRED_DAMAGED,
            StartError::Store(error) => error.code(),
            StartError::Log(error) => error.code(),
            StartError::Untold(error) => error.code(),
            StartError::Profile(_) => code::PROFILE_REFUSED,
            StartError::Replay(error) => error.code(),
            StartError::Machine(_) => code::NO_MACHINE,
            StartError::Unplaced(_) | StartError::Untaught(_) => code::PARTITION_FAILED,
            StartError::Thread(_) => code::INTERNAL,
        }
    }
}

impl Node {
    /// Starts a node. `progress` hears of replay.
    pub fn start(
        env: &Env,
        settings: Settings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Node, StartError> {
        let started = env.clock.mono();
        let found = Found::bring_up(env, &settings, progress)?;
        found.run(env, settings, started)
    }
}

/// What is on the disk, each part brought up as far as the one before proves it.
struct Found {
    data_dir: DataDir,
    boots: Boots,
    stores: Stores,
    writer: Writer,
    state: State,
    exports: Home,
}

impl Found {
    fn bring_up(
        env: &Env,
        settings: &Settings,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Found, StartError> {
        let Settings { limits, rig, sync, .. } = settings;
        let data_dir = DataDir::open(env, &settings.data_dir, settings.expect)?;
        let file = DesiredFile::new(env.files.clone(), data_dir.path().to_owned()).rigged(rig.plants);
        let mut desired = file.read()?;
        let stores = open_stores(env, &data_dir, limits, &desired, settings.rocks, rig.plants)?;
        let OpenLog { writer, recovery, mut reader } = open_log(env, &data_dir, limits, *sync, rig.plants)?;
        let replay = replay_of(settings, &stores, rulebook(&desired, &settings.machines));
        let mut histories = Histories::begin(&writer, &desired);
        let report = replay.run(env, &mut reader, &recovery, &mut |batch| histories.take(batch), progress)?;
        let histories = histories.finish();
        let mut held = held(&report, *sync, &desired);
        refuse_what_is_lost(&histories, &stores, &mut held);
        let strangers = strangers(&writer, &held);
        // What a cluster desires no node changes by itself.
        if desired.nodes.is_empty() {
            // A line that says `copying` is as good as the tombstone that stands for it
            // from here on: what it names was never anybody's.
            desired.give_up_copies();
            desired.take_note_of(held.keys().chain(&strangers).copied());
        }
        let boots = Boots::begin(env, &data_dir, stand(&held))?;
        let (exports, bases) = open_exports(env, &data_dir, &held)?;
        let state = State::new(file, desired, held, strangers, histories, bases);
        Ok(Found { data_dir, boots, stores, writer, state, exports })
    }

    fn run(self, env: &Env, settings: Settings, started: Mono) -> Result<Node, StartError> {
        let Found { data_dir, boots, stores, writer, state, exports } = self;
        let Settings { limits, shards, sync, machines, rig, .. } = settings;
        let log = Log::start(env, writer)?;
        let meters = Meters::new();
        let (errands, waiting) = Errands::new(env);
        let reports = Arc::new(Reports::new(env, meters.failures.clone(), errands.clone()));
        let peers = Peers::new(env, data_dir.as_peer(), limits.shard_inbox_max, errands.clone());
        let hear = (&reports, &peers);
        let threads = start_shards(env, shards.max(1), &limits, &log, &meters, hear, rig.plants)?;
        let inboxes: Vec<_> = threads.iter().map(|thread| thread.inbox.clone()).collect();
        peers.know(&state.desired.nodes);
        peers.attach(inboxes.clone());
        let core = Arc::new(Core {
            env: env.clone(),
            data_dir,
            boots,
            limits,
            stores,
            inlet: log.inlet(),
            log_reaches: sync.reaches(),
            machines,
            inboxes,
            directory: Arc::new(Directory::default()),
            reports,
            exports,
            exports_held: Arc::default(),
            peers,
            state: Lock::new(state),
            address: Lock::new(None),
            catalog_ops: AtomicU64::new(0),
            ends: AtomicBool::new(false),
            catalog_seen: Lock::new(None),
            copying: Lock::new(()),
            started,
            log_bytes: AtomicU64::new(0),
            meters,
            log_meters: log.meters().clone(),
            rig,
        });
        let staff = Staff::start(env, core.exports.clone(), core.exporting(), (errands, waiting))?;
        let mut node = Node {
            core: core.clone(),
            keeper: None,
            housekeeper: None,
            staff: Some(staff),
            shards: threads,
            log: Some(log),
        };
        // What cannot be done is listed, and tried again.
        let _ = core.reconcile(&mut core.state());
        node.housekeeper = Some(Housekeeper::start(env, core.clone())?);
        node.keeper = Some(Keeper::start(env, core)?);
        Ok(node)
    }
}

/// Where exports lie, and what stores rest on that have taken one in.
fn open_exports(
    env: &Env,
    data_dir: &DataDir,
    held: &BTreeMap<PartitionId, Held>,
) -> Result<(Home, BTreeMap<PartitionId, bytes::Bytes>), StartError> {
    let home = Home::open(env.files.clone(), data_dir.path());
    let opened = home.and_then(|home| {
        home.keep_of(|id| held.contains_key(&id))?;
        Ok((home.bases()?, home))
    });
    let (bases, home) = opened.map_err(DataDirError::system("open the exports of", data_dir.path()))?;
    Ok((home, bases))
}

/// Replicas that do not know any more what they told others tell them nothing. And
/// damaged stores lie here, whoever knows of them: they can be listed, and erased.
fn refuse_what_is_lost(read: &Read, stores: &Stores, held: &mut BTreeMap<PartitionId, Held>) {
    for (id, held) in held.iter_mut() {
        let flaw = read.get(id).and_then(|read| flaw(read, held.applied));
        if let Some((code, why)) = flaw {
            tracing::error!(partition = id.0, %why, "a replica does not go on");
            held.refusal.get_or_insert(format!("{code} {why}"));
        }
    }
    for (id, error) in stores.damaged() {
        let refusal = Some(format!("{} {error}", error.code()));
        held.entry(id).or_insert(Held { applied: 0, serving: false, refusal });
    }
}

fn open_stores(
    env: &Env,
    data_dir: &DataDir,
    limits: &Limits,
    desired: &Desired,
    rocks: bool,
    plants: Plants,
) -> Result<Stores, StartError> {
    let journaled = data_dir.path().join("journaled");
    let wanted = desired.tables.values().any(|table| table.profile.log == LogChoice::Store);
    // A failed look is as good as none: opening says what is wrong.
    let there = env.files.list(&journaled).is_ok();
    let places = StorePlaces {
        rocks: rocks.then(|| data_dir.store_dir()),
        journaled,
        memory: data_dir.checkpoint_dir(),
        instances: usize::from(data_dir.stores().get()),
    };
    let stores = Stores::open(env.files.clone(), places, limits, plants)?;
    if wanted || there {
        stores.open_journaled()?;
    }
    Ok(stores)
}

fn open_log(
    env: &Env,
    data_dir: &DataDir,
    limits: &Limits,
    sync: SyncPolicy,
    plants: Plants,
) -> Result<OpenLog, LogError> {
    let config = LogConfig {
        dir: data_dir.log_dir(),
        identity: LogIdentity { cluster: data_dir.cluster(), disk: data_dir.disk() },
        sync,
        mark: MarkPolicy::Idle,
        limits: limits.clone(),
        plants,
    };
    wal::open(env.files.clone(), config, env.clock.mono())
}

fn start_shards(
    env: &Env,
    count: usize,
    limits: &Limits,
    log: &Log,
    meters: &Meters,
    (reports, peers): (&Arc<Reports>, &Arc<Peers>),
    plants: Plants,
) -> Result<Vec<ShardThread>, StartError> {
    let start = |number| {
        let (reports, post) = (reports.clone(), (peers.clone() as Arc<dyn Post>, plants));
        ShardThread::start(env, number, limits, log.inlet(), meters, post, move |report| reports.hear(report))
    };
    Ok((0..count).map(start).collect::<Result<_, _>>()?)
}

/// By which rules each partition goes, also one that is out of service: its
/// records must not wait in the log for ever.
struct ByPartition {
    rules: BTreeMap<PartitionId, Rules>,
    agreed: BTreeSet<PartitionId>,
}

impl Rulebook for ByPartition {
    fn of(&self, partition: PartitionId) -> Option<&Rules> {
        self.rules.get(&partition)
    }

    fn is_agreed(&self, partition: PartitionId) -> bool {
        self.agreed.contains(&partition)
    }
}

fn rulebook(desired: &Desired, registry: &Registry) -> ByPartition {
    let known = || desired.partitions.keys().chain(desired.gone.keys());
    let rules = |id: &PartitionId| Some((*id, desired.spec_of(*id)?.rules(registry)?));
    ByPartition {
        rules: known().filter_map(rules).collect(),
        agreed: known().copied().filter(|id| desired.is_agreed(*id)).collect(),
    }
}

fn replay_of(settings: &Settings, stores: &Stores, rules: ByPartition) -> ParallelReplay {
    ParallelReplay {
        store: Arc::new(stores.clone()),
        rules: Arc::new(rules),
        batch_bytes_max: settings.limits.replay_batch_bytes_max,
        workers: settings.shards.max(2),
        rig: settings.rig.clone(),
    }
}

/// Whom the log knows and no store holds: nobody would ever let it go of them.
fn strangers(log: &Writer, held: &BTreeMap<PartitionId, Held>) -> BTreeSet<PartitionId> {
    let known = log.carriers().iter().map(|(id, _)| id);
    known.filter(|id| id.is_ordinary() && !held.contains_key(id)).collect()
}

/// How far those have come that can be served.
fn stand(held: &BTreeMap<PartitionId, Held>) -> impl Iterator<Item = (PartitionId, Index)> {
    held.iter().filter(|(_, held)| held.refusal.is_none()).map(|(id, held)| (*id, held.applied))
}

/// What is here, and what of it must not be served. Whose records the log does
/// not hold loses nothing by what happens to it.
fn held(report: &ReplayReport, sync: SyncPolicy, desired: &Desired) -> BTreeMap<PartitionId, Held> {
    let held = report.partitions.iter().map(|(id, replayed)| {
        let refused = replayed.refusal.as_ref().filter(|why| desired.is_logged(*id) || !why.is_of_the_log());
        let refusal = refused.map(|why| format!("{} {why}", why.code()));
        // A log that syncs before it answers is never behind its stores.
        let lost = report.ahead.get(id).filter(|_| sync == SyncPolicy::Each).map(|applied| {
            format!("{} the log ends before index {applied}, which the store has", code::LOG_DAMAGED)
        });
        let refusal = refusal.or(lost.filter(|_| desired.is_logged(*id)));
        if let Some(why) = &refusal {
            tracing::error!(partition = id.0, %why, "a partition is not served");
        }
        (*id, Held { applied: replayed.applied, serving: false, refusal })
    });
    held.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use coordinator::{TableName, TableSpec, equal_ranges};
    use model::{Durability, Layout};
    use partition::{PartitionReplay, Refusal};
    use pipeline::{Profile, StoreChoice};
    use wal::Condemned;

    #[test]
    fn damage_of_the_log_concerns_those_whose_records_it_holds() {
        let mut desired = Desired::default();
        // Of each table one partition is here and one in quarantine.
        for log in [LogChoice::Local, LogChoice::Store, LogChoice::None] {
            let durability = (log == LogChoice::None).then_some(Durability::Memory);
            let profile = Profile { durability, ..Profile::new(StoreChoice::Rocks, log) };
            let table = TableName::new("default", &log.to_string()).expect("a name");
            let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
            desired.create_table(table.clone(), spec).expect("new");
            let add = |range| desired.add_partition(&table, range, None).expect("free");
            let ids: Vec<PartitionId> = equal_ranges(2).into_iter().map(add).collect();
            desired.remove_partition(ids[1], None, 0).expect("there");
        }
        let mut report = ReplayReport::default();
        for id in (1..=7).map(PartitionId) {
            let lost = Condemned { partition: id, first: 3, last: 9, promise: false };
            let refusal = Some(Refusal::Damaged(lost));
            report.partitions.insert(id, PartitionReplay { from: 2, applied: 2, refusal });
        }
        let held = held(&report, SyncPolicy::Each, &desired);
        let refused: Vec<u64> =
            held.iter().filter(|(_, h)| h.refusal.is_some()).map(|(id, _)| id.0).collect();
        assert_eq!(refused, [1, 2, 7], "and of whom nobody knows");
    }
}
