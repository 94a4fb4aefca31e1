//! Replay: from what a store had flushed to what the log holds.
//!
//! Records go through the rules that would have applied them live; nothing
//! else knows what they mean. A partition that cannot be brought up whole is
//! refused by name and the others go on. Nothing is skipped to get past a
//! problem: a store either holds every command up to its applied index or says
//! so by refusing.

use crate::progress::Progress;
use crate::report::{PartitionReplay, Refusal, ReplayError, ReplayReport};
use machine::ViewError;
use model::{Index, PartitionId, Record, RecordKind, StateHash};
use pipeline::retries::RetryTable;
use pipeline::{Applier, ApplyError, Rig, Rules, Standing};
use statestore::{Part, Store, StoreError};
use std::collections::BTreeMap;
use std::sync::Arc;
use wal::{Condemned, ReadBatch, Reader, Recovery};

/// What makes rows of a partition's records.
pub trait Rulebook: Send + Sync {
    /// The partition's rules, if this build has its machine.
    fn of(&self, partition: PartitionId) -> Option<&Rules>;

    /// Do replicas agree on the partition's history? Then what the log has of it may
    /// yet be another one, and is left to them.
    fn is_agreed(&self, _partition: PartitionId) -> bool {
        false
    }
}

/// The same for every partition.
impl Rulebook for Rules {
    fn of(&self, _partition: PartitionId) -> Option<&Rules> {
        Some(self)
    }
}

/// Brings every partition of `store` up to the log, on this thread alone.
pub fn replay(
    reader: &mut Reader,
    recovery: &Recovery,
    store: &dyn Store,
    rules: &dyn Rulebook,
    batch_bytes_max: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<ReplayReport, ReplayError> {
    let mut replay = Replay::new(recovery, store, rules, Share::ALL, batch_bytes_max, Arc::new(|| {}))?;
    let mut reading = Progress { bytes_total: recovery.bytes, ..Progress::default() };
    while let Some(batch) = reader.next_batch()? {
        replay.take_batch(&batch)?;
        reading.bytes_done += batch.bytes;
        reading.records_applied = replay.report.records_applied;
        progress(reading);
    }
    replay.finish()
}

/// The partitions that one of several replays takes care of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Share {
    pub worker: u64,
    pub workers: u64,
}

impl Share {
    const ALL: Share = Share { worker: 0, workers: 1 };

    fn holds(self, partition: PartitionId) -> bool {
        partition.0 % self.workers == self.worker
    }
}

/// One partition on its way up.
struct Climber {
    /// It stays where it is.
    rests: bool,
    /// None if this build lacks its machine.
    applier: Option<Applier>,
    applied: Index,
    from: Index,
    /// Damage that its store had not flushed past.
    damaged: Option<Condemned>,
    refusal: Option<Refusal>,
}

pub(crate) struct Replay<'a> {
    store: &'a dyn Store,
    share: Share,
    batch_bytes_max: usize,
    climbers: BTreeMap<PartitionId, Climber>,
    gathered_bytes: usize,
    report: ReplayReport,
    /// Waits a moment.
    rest: Rest,
}

/// It waits so often, then the start fails and says why: on a full disk a store
/// may work something off for ever.
const RESTS_MAX: u32 = 12_000;

/// How a replay waits for a store that works something off.
pub(crate) type Rest = Arc<dyn Fn() + Send + Sync>;

impl<'a> Replay<'a> {
    pub fn new(
        recovery: &Recovery,
        store: &'a dyn Store,
        rules: &'a dyn Rulebook,
        share: Share,
        batch_bytes_max: usize,
        rest: Rest,
    ) -> Result<Replay<'a>, ReplayError> {
        let mut climbers = BTreeMap::new();
        let mut report = ReplayReport::default();
        for partition in store.partitions()?.into_iter().filter(|id| share.holds(*id)) {
            let applied = store.applied(partition)?;
            let rests = rules.is_agreed(partition);
            if !rests && recovery.last.get(&partition).is_some_and(|last| *last < applied) {
                report.ahead.insert(partition, applied);
            }
            let losses = recovery.damages.iter().filter_map(|damage| damage.loss_of(partition, applied));
            let (retries, refusal) = match pipeline::retries::load(store, partition) {
                Ok(retries) => (retries, None),
                Err(error @ StoreError::Damaged { .. }) => {
                    (RetryTable::default(), Some(Refusal::Retries(error.to_string())))
                }
                Err(error) => return Err(error.into()),
            };
            let (standing, refusal) = match Standing::load(store, partition) {
                Ok(standing) => (standing, refusal),
                Err(error @ StoreError::Damaged { .. }) => {
                    (Standing::new(partition), Some(Refusal::Retries(error.to_string())))
                }
                Err(error) => return Err(error.into()),
            };
            let refusal = refusal.or_else(|| lacking(&standing, rules.of(partition)));
            let applier = rules.of(partition).map(|rules| Applier::after(standing, rules.clone(), retries));
            let from = applied;
            let damaged = losses.min_by_key(|lost| lost.first).filter(|_| !rests);
            let climber = Climber { rests, applier, applied, from, damaged, refusal };
            climbers.insert(partition, climber);
        }
        Ok(Replay { store, share, batch_bytes_max, climbers, gathered_bytes: 0, report, rest })
    }

    /// The same in the simulated world.
    pub fn rigged(mut self, rig: &Rig) -> Replay<'a> {
        let rigged = |(id, mut climber): (PartitionId, Climber)| {
            climber.applier = climber.applier.map(|applier| applier.rigged(rig.clone()));
            (id, climber)
        };
        self.climbers = std::mem::take(&mut self.climbers).into_iter().map(rigged).collect();
        self
    }

    /// Takes in what of a batch is its share.
    pub fn take_batch(&mut self, batch: &ReadBatch) -> Result<(), ReplayError> {
        let share = self.share;
        for record in batch.records.iter().filter(|record| share.holds(record.partition)) {
            self.take(record)?;
            if self.gathered_bytes >= self.batch_bytes_max {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Records applied so far.
    pub fn records_applied(&self) -> u64 {
        self.report.records_applied
    }

    fn take(&mut self, record: &Record) -> Result<(), ReplayError> {
        let Some(climber) = self.climbers.get_mut(&record.partition) else {
            self.note_stranger(record);
            return Ok(());
        };
        let gathered = climber.take(record, self.store)?;
        self.gathered_bytes += gathered;
        self.report.records_applied += u64::from(gathered > 0);
        Ok(())
    }

    fn note_stranger(&mut self, record: &Record) {
        let strangers = &mut self.report.strangers;
        match (record.kind, strangers.binary_search(&record.partition)) {
            (RecordKind::Forget, Ok(at)) => {
                strangers.remove(at);
            }
            (RecordKind::Forget, Err(_)) | (_, Ok(_)) => {}
            (_, Err(at)) => strangers.insert(at, record.partition),
        }
    }

    /// Applies what was gathered, all partitions in one store batch.
    fn flush(&mut self) -> Result<(), ReplayError> {
        let parts: Vec<Part> =
            self.climbers.values_mut().filter_map(|climber| climber.applier.as_mut()?.part()).collect();
        self.gathered_bytes = 0;
        if parts.is_empty() {
            return Ok(());
        }
        for _ in 0..RESTS_MAX {
            match self.store.apply(&parts) {
                Err(StoreError::Busy { .. }) => (self.rest)(),
                done => return Ok(done?),
            }
        }
        Ok(self.store.apply(&parts)?)
    }

    /// Applies the rest and says what came of it.
    pub fn finish(mut self) -> Result<ReplayReport, ReplayError> {
        self.flush()?;
        for (partition, climber) in self.climbers {
            let refusal = climber.refusal.or(climber.damaged.map(Refusal::Damaged));
            // What was gathered for nothing is not in the store.
            let applied =
                if climber.applier.is_some() { climber.applied } else { self.store.applied(partition)? };
            let one = PartitionReplay { from: climber.from, applied, refusal };
            self.report.partitions.insert(partition, one);
        }
        Ok(self.report)
    }
}

impl Climber {
    /// Holds what changes come to here against what they came to when they were
    /// made.
    fn compare(&mut self, record: &Record) {
        let noted = StateHash::decode(&record.payload);
        let differs = self.applier.as_ref().zip(noted).and_then(|(applier, noted)| applier.differs(noted));
        if let Some(own) = differs.filter(|_| self.refusal.is_none()) {
            self.refusal = Some(Refusal::Diverged { index: own.at });
            // What was gathered is not what was: it stays out of the store.
            self.applier = None;
        }
    }

    /// Takes a record in; returns the bytes gathered, 0 if it was not applied.
    fn take(&mut self, record: &Record, store: &dyn Store) -> Result<usize, ViewError> {
        let applied = self.applied;
        if self.rests {
            return Ok(0);
        }
        if record.kind == RecordKind::Hash {
            self.compare(record);
        }
        if self.refusal.is_some() || !record.kind.counts() || record.last_index() <= applied {
            return Ok(0);
        }
        if record.first_index != applied + 1 {
            self.refusal = Some(match self.damaged {
                Some(lost) => Refusal::Damaged(lost),
                None => Refusal::Gap { applied, next: record.first_index },
            });
            return Ok(0);
        }
        let Some(applier) = &mut self.applier else {
            self.refusal = Some(Refusal::NoMachine);
            return Ok(0);
        };
        // Nobody waits for the replies of a former life.
        let before = applier.gathered();
        match applier.apply(record, store, &mut Vec::new()) {
            Ok(()) => {
                self.applied = applier.applied();
                // A record of a few bytes may change many rows.
                Ok(applier.gathered().saturating_sub(before) + 1)
            }
            // The store is everybody's; a row that the machine cannot read is not.
            Err(ApplyError::View(error)) if error.0.is::<StoreError>() => Err(error),
            Err(error) => {
                // Half of the record may be gathered: none of it may reach the store. But
                // for what was not even begun.
                if !matches!(error, ApplyError::Kind { .. } | ApplyError::Unreadable { .. }) {
                    self.applier = None;
                }
                self.refusal = Some(refusal_of(record.first_index, error));
                Ok(0)
            }
        }
    }
}

/// A history that goes on in a version that this build lacks.
fn lacking(standing: &Standing, rules: Option<&Rules>) -> Option<Refusal> {
    let (version, machine) = (standing.version, &rules?.machine);
    let name = machine.name().to_owned();
    let is_later = machine.get(version).is_none() && version > machine.latest().version();
    is_later.then_some(Refusal::Version { index: standing.applied + 1, name, version })
}

fn refusal_of(index: Index, error: ApplyError) -> Refusal {
    match error {
        ApplyError::View(error) => Refusal::Row { index, why: error.to_string() },
        ApplyError::Unreadable { index, error } => Refusal::Unreadable { index, error },
        ApplyError::Kind { index, kind } => Refusal::Kind { index, kind },
        ApplyError::Version { index, name, version } => Refusal::Version { index, name, version },
    }
}
