//! A host: what outlives its process.

use super::life::{Life, Starter};
use bytes::Bytes;
use env::rng::Stream;
use env::sim::{Fault, OpKind, SimDisk};
use model::{Index, PartitionId, ReplicaId};
use std::collections::BTreeMap;

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process alone: the cache stays.
    Killed,
    /// What was not synced is lost, or not.
    PowerLoss,
}

/// What a store has on its disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shelved {
    /// The last command.
    pub upto: Index,
    /// What an export has brought along.
    pub rests_on: Option<Bytes>,
}

/// A replica that a host has.
#[derive(Clone, Copy, Debug)]
pub struct Seated {
    pub replica: ReplicaId,
    /// It makes up the group when it is new, with the others.
    pub founds: bool,
}

/// A machine with a disk.
pub struct Host {
    pub disk: SimDisk,
    pub life: Option<Life>,
    /// What its store has flushed.
    pub shelf: BTreeMap<PartitionId, Shelved>,
    /// What replicas it has.
    pub seats: BTreeMap<PartitionId, Seated>,
    /// It stands still until then.
    pub paused_until: u64,
    /// What has waited for it meanwhile.
    pub late_ns: u64,
    /// Its syncs take so many times as long.
    pub slow: u64,
    /// Rises with each start: what was meant for an earlier process is void.
    pub boots: u64,
}

impl Host {
    /// With an empty disk, and replicas that make up new groups.
    pub fn new(seats: BTreeMap<PartitionId, Seated>) -> Host {
        Host {
            disk: SimDisk::new(),
            life: None,
            shelf: BTreeMap::new(),
            seats,
            paused_until: 0,
            late_ns: 0,
            slow: 1,
            boots: 0,
        }
    }

    /// Starts it.
    pub fn start(&mut self, starter: &Starter<'_>) -> Result<(), String> {
        self.boots += 1;
        self.paused_until = 0;
        self.life = Some(Life::start(starter, &self.disk, &self.seats, &self.shelf)?);
        Ok(())
    }

    /// It gets another disk, with nothing on it.
    pub fn lose_disk(&mut self) {
        self.disk = SimDisk::new();
        self.shelf.clear();
    }

    /// Its process ends, perhaps in the middle of a write.
    pub fn end(&mut self, end: End, draws: &mut Stream, now: u64) {
        let Some(mut life) = self.life.take() else { return };
        if !life.writing.is_empty() {
            match draws.below(3) {
                // Nothing of it was written yet.
                0 => {}
                // It was written, and synced, and nobody heard of it.
                1 => drop(life.write(now)),
                // It was written, and the sync was not over.
                _ => {
                    self.disk.set_faults(|kind, _| (kind == OpKind::Sync).then_some(Fault::Eio));
                    let _ = life.write(now);
                }
            }
        }
        let old = self.disk.clone();
        self.disk = match end {
            End::Killed => old.after_process_death(),
            End::PowerLoss => SimDisk::from_image(old.pending().any_image(draws)),
        };
        drop(life);
        old.scrap();
    }
}
