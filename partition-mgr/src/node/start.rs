//! Starting: directory, desired state, stores, log, replay, shards. In this
//! order, and each only on what the one before has proven.

use super::housekeeping::Housekeeper;
use super::reports::Reports;
use super::{Core, Node, State};
use crate::data_dir::{Boots, DataDir, DataDirError, Expect};
use crate::delta::Held;
use crate::desired::{Desired, DesiredFile, DesiredFlaw};
use crate::directory::Directory;
use crate::meters::Meters;
use crate::shard::{Nowhere, Post, ShardThread};
use crate::stores::{StorePlaces, Stores};
use env::{Env, Lock, Plants};
use machine::Registry;
use model::{Code, Index, Limits, PartitionId, code};
use partition::{ParallelReplay, Progress, ReplayError, ReplayReport, Rulebook};
use pipeline::{LogChoice, ProfileError, Rig, Rules};
use statestore::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
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
        let Settings { data_dir, expect, limits, shards, sync, rocks, machines: registry, rig } = settings;
        let started = env.clock.mono();
        let data_dir = DataDir::open(env, &data_dir, expect)?;
        let file = DesiredFile::new(env.files.clone(), data_dir.path().to_owned()).rigged(rig.plants);
        let mut desired = file.read()?;
        let stores = open_stores(env, &data_dir, &limits, &desired, rocks, rig.plants)?;
        let OpenLog { writer, recovery, mut reader } = open_log(env, &data_dir, &limits, sync, rig.plants)?;
        let replay = ParallelReplay {
            store: Arc::new(stores.clone()),
            rules: Arc::new(rulebook(&desired, &registry)),
            batch_bytes_max: limits.replay_batch_bytes_max,
            workers: shards.max(2),
            rig: rig.clone(),
        };
        let report = replay.run(env, &mut reader, &recovery, progress)?;
        let mut held = held(&report, sync, &desired);
        add_damaged(&stores, &mut held);
        // A line that says `copying` is as good as the tombstone that stands for it
        // from here on: what it names was never anybody's.
        desired.give_up_copies();
        let strangers = strangers(&writer, &held);
        desired.take_note_of(held.keys().chain(&strangers).copied());
        let boots = Boots::begin(env, &data_dir, stand(&held))?;
        let log = Log::start(env, writer)?;
        let meters = Meters::new();
        let reports = Arc::new(Reports::new(env, meters.failures.clone()));
        let threads = start_shards(env, shards.max(1), &limits, &log, &meters, &reports, rig.plants)?;
        let core = Arc::new(Core {
            env: env.clone(),
            data_dir,
            boots,
            limits,
            stores,
            inlet: log.inlet(),
            log_reaches: sync.reaches(),
            machines: registry,
            inboxes: threads.iter().map(|thread| thread.inbox.clone()).collect(),
            directory: Arc::new(Directory::default()),
            reports,
            state: Lock::new(State::new(file, desired, held, strangers)),
            copying: Lock::new(()),
            started,
            log_bytes: AtomicU64::new(0),
            meters,
            log_meters: log.meters().clone(),
            rig,
        });
        let mut node = Node { core: core.clone(), housekeeper: None, shards: threads, log: Some(log) };
        // What cannot be done is listed, and tried again.
        let _ = core.reconcile(&mut core.state());
        node.housekeeper = Some(Housekeeper::start(env, core)?);
        Ok(node)
    }
}

/// They lie here, whoever knows of them: they can be listed, and erased.
fn add_damaged(stores: &Stores, held: &mut BTreeMap<PartitionId, Held>) {
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
    reports: &Arc<Reports>,
    plants: Plants,
) -> Result<Vec<ShardThread>, StartError> {
    let start = |number| {
        let (reports, post) = (reports.clone(), (Arc::new(Nowhere) as Arc<dyn Post>, plants));
        ShardThread::start(env, number, limits, log.inlet(), meters, post, move |report| reports.hear(report))
    };
    Ok((0..count).map(start).collect::<Result<_, _>>()?)
}

/// By which rules each partition goes, also one that is out of service: its
/// records must not wait in the log for ever.
struct ByPartition(BTreeMap<PartitionId, Rules>);

impl Rulebook for ByPartition {
    fn of(&self, partition: PartitionId) -> Option<&Rules> {
        self.0.get(&partition)
    }
}

fn rulebook(desired: &Desired, registry: &Registry) -> ByPartition {
    let known = desired.partitions.keys().chain(desired.gone.keys());
    ByPartition(
        known
            .filter_map(|id| {
                let spec = desired.spec_of(*id)?;
                Some((*id, spec.rules(registry)?))
            })
            .collect(),
    )
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
    use crate::desired::{TableName, TableSpec, equal_ranges};
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
