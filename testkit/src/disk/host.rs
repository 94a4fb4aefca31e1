//! One node on a simulated disk: its log, its store, its machine.
//!
//! The production code, driven by hand: what threads do in a server (laying out
//! spares, marking a quiet log, releasing segments) is done here step by step.

use crate::disk::ledger::{Ledger, SharedLedger};
use bytes::Bytes;
use env::sim::SimDisk;
use env::{Files, Mono, Plants};
use machine::{At, Machine, Register, RegisterCommand};
use model::command::{Command, encode_commands};
use model::{ClusterId, DiskId, Epoch, Index, Limits, PartitionId, Record, RecordKind, Stamp};
use partition::{ReplayReport, replay};
use pipeline::Rules;
use statestore::{MemoryStore, Part, Store};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, LogConfig, LogIdentity, MarkPolicy, Recovery, SyncPolicy, Urgency, Writer, index_payload};

/// The partitions of every script.
pub(crate) const PARTITIONS: [PartitionId; 3] = [PartitionId(1), PartitionId(2), PartitionId(3)];

/// Where things are.
pub(crate) const LOG: &str = "/node/log";
const STORE: &str = "/node/checkpoints";

/// Small enough for a few commands to fill segments and cause checkpoints.
fn limits() -> Limits {
    Limits {
        log_segment_bytes: 28 * 1024,
        log_record_bytes_max: 8 * 1024,
        log_unsynced_bytes_max: 16 * 1024,
        log_recycled_max: 3,
        checkpoint_bytes: 160,
        replay_batch_bytes_max: 200,
        ..Limits::default()
    }
}

/// Whose log it is.
pub(crate) fn identity() -> LogIdentity {
    LogIdentity { cluster: ClusterId(0xc1), disk: DiskId(0xd1) }
}

/// How a host is to run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Habits {
    pub sync: SyncPolicy,
    pub mark: MarkPolicy,
    pub plants: Plants,
}

/// A running node.
pub(crate) struct Host {
    writer: Writer,
    store: MemoryStore,
    pub recovery: Recovery,
    pub report: ReplayReport,
    now: Mono,
}

/// Why a host ended, or did not start: its message.
pub(crate) type Ended = String;

fn told(error: impl std::fmt::Display) -> Ended {
    error.to_string()
}

impl Host {
    /// Makes the directories; the disk is bare.
    pub fn set_up(disk: &SimDisk) -> Result<(), Ended> {
        for (dir, parent) in [("/node", "/"), (LOG, "/node")] {
            disk.create_dir(Path::new(dir)).map_err(told)?;
            disk.sync_dir(Path::new(parent)).map_err(told)?;
        }
        Ok(())
    }

    /// Starts on what is there: recover, open the store, replay.
    pub fn start(disk: &SimDisk, habits: Habits) -> Result<Host, Ended> {
        let files: Arc<dyn Files> = Arc::new(disk.clone());
        let config = LogConfig {
            dir: PathBuf::from(LOG),
            identity: identity(),
            sync: habits.sync,
            mark: habits.mark,
            limits: limits(),
            plants: habits.plants,
        };
        let now = Mono(0);
        let mut log = wal::open(files.clone(), config, now).map_err(told)?;
        let store = MemoryStore::open(files, Path::new(STORE), &limits(), habits.plants).map_err(told)?;
        // A partition whose creation the crash swallowed is made again, as its
        // manager would.
        let held = store.partitions().map_err(told)?;
        let missing: Vec<PartitionId> = PARTITIONS.into_iter().filter(|id| !held.contains(id)).collect();
        store.create(&missing, 0).map_err(told)?;
        let batch = limits().replay_batch_bytes_max;
        let report = replay(&mut log.reader, &log.recovery, &store, &Rules::of(Register), batch, &mut |_| {});
        let report = report.map_err(told)?;
        let mut host = Host { writer: log.writer, store, recovery: log.recovery, report, now };
        host.append_gaps()?;
        Ok(host)
    }

    fn append_gaps(&mut self) -> Result<(), Ended> {
        let ahead: Vec<Append> = self
            .report
            .ahead
            .iter()
            .map(|(partition, upto)| control(*partition, RecordKind::Gap, *upto))
            .collect();
        self.write(&ahead)
    }

    pub fn store(&self) -> &dyn Store {
        &self.store
    }

    pub fn applied(&self) -> BTreeMap<PartitionId, Index> {
        PARTITIONS.into_iter().filter_map(|id| Some((id, self.store.applied(id).ok()?))).collect()
    }

    /// Partitions that replay refused to serve.
    pub fn refused(&self) -> Vec<PartitionId> {
        let refused = self.report.partitions.iter().filter(|(_, one)| one.refusal.is_some());
        refused.map(|(id, _)| *id).collect()
    }

    /// Submits commands as one batch, applies them once they are as durable as
    /// promised, and acknowledges them.
    pub fn append(
        &mut self,
        commands: Vec<(PartitionId, RegisterCommand)>,
        ledger: &SharedLedger,
    ) -> Result<(), Ended> {
        let mut appends = Vec::new();
        for (partition, command) in &commands {
            let index = ledger.change(|ledger| ledger.submit(*partition, command.clone()));
            appends.push(Append::from(Record {
                partition: *partition,
                epoch: Epoch::FIRST,
                first_index: index,
                count: 1,
                stamp: Stamp(index),
                kind: RecordKind::Commands,
                payload: encode_commands(&[Command::plain(command.encode())]),
            }));
        }
        self.write(&appends)?;
        if matches!(self.sync_policy(), SyncPolicy::Each) {
            ledger.change(Ledger::acknowledge_all);
        }
        for (append, (partition, command)) in appends.iter().zip(&commands) {
            self.apply(*partition, append.record.first_index, command)?;
        }
        Ok(())
    }

    fn sync_policy(&self) -> SyncPolicy {
        self.writer.sync_policy()
    }

    fn apply(
        &mut self,
        partition: PartitionId,
        index: Index,
        command: &RegisterCommand,
    ) -> Result<(), Ended> {
        let view = StoreView { store: &self.store, partition };
        let outcome =
            Register.apply(&view, &command.encode(), At { index, stamp: Stamp(index) }).map_err(told)?;
        let part = Part { partition, first_index: index, count: 1, mutations: outcome.mutations };
        self.store.apply(&[part]).map_err(told)
    }

    fn write(&mut self, appends: &[Append]) -> Result<(), Ended> {
        self.writer.step(self.now, appends, Urgency::Normal).map_err(told)?;
        if let Some(job) = self.writer.spare_wanted(self.now) {
            let spare = job.run(self.writer.files()).ok();
            self.writer.spare_ready(self.now, spare);
        }
        Ok(())
    }

    /// Time passes: the log syncs what is due and marks itself.
    pub fn pause(&mut self, ms: u64) -> Result<bool, Ended> {
        self.now = self.now.plus_ms(ms);
        self.writer.idle(self.now).map_err(told)?;
        Ok(self.writer.synced().durable == self.writer.synced().written)
    }

    /// A partition's rows go to disk; its log records may go.
    pub fn flush(&mut self, partition: PartitionId) -> Result<(), Ended> {
        self.store.flush(&[partition]).map_err(told)?;
        let flushed = self.store.flushed(partition).map_err(told)?;
        self.write(&[control(partition, RecordKind::Purge, flushed)])?;
        self.writer.release(self.now).map_err(told)?;
        Ok(())
    }
}

struct StoreView<'a> {
    store: &'a MemoryStore,
    partition: PartitionId,
}

impl machine::View for StoreView<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, machine::ViewError> {
        self.store.get(self.partition, key).map_err(|error| machine::ViewError(Box::new(error)))
    }

    fn range(&self, _: &model::KeyRange, _: usize) -> Result<Vec<(Bytes, Bytes)>, machine::ViewError> {
        unreachable!("registers have no parts")
    }
}

fn control(partition: PartitionId, kind: RecordKind, index: Index) -> Append {
    Append::from(Record {
        partition,
        epoch: Epoch::FIRST,
        first_index: index + 1,
        count: 0,
        stamp: Stamp(0),
        kind,
        payload: index_payload(index),
    })
}
