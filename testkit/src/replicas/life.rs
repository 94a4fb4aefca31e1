//! A host's process, from its start to its end.

use super::host::{Seated, Shelved};
use super::knobs::Knobs;
use super::wishes::Wishes;
use bytes::Bytes;
use env::sim::{SimClock, SimDisk};
use env::{Clock, Files, Mono, Plants, Rng};
use model::{ClusterId, DiskId, Index, Limits, PartitionId, Record, ReplicaId};
use replication::raft::{Groups, Members, Outputs, Recovered, Recovering, Start, Ticket, Timing};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, LogConfig, LogIdentity, MarkPolicy, Packet, SyncPolicy, Urgency, Writer};

const LOG: &str = "/log";

/// What a partition's replica has applied, and what it waits for.
#[derive(Default)]
pub struct Applied {
    /// The last command.
    pub upto: Index,
    /// What its store rests on.
    pub rests_on: Option<Bytes>,
    /// An export that was fetched.
    pub staged: Option<Shelved>,
    /// The term in which it leads.
    pub leads: Option<u64>,
    /// The last command that it has proposed, and its stamp.
    pub proposed: (Index, u64),
    /// Records that it proposed and that were not decided.
    pub under_way: Vec<Record>,
    /// Reads asked here, and what they have to see.
    pub asked: BTreeMap<u64, Index>,
    /// Reads that may be served once so much is applied.
    pub ready: Vec<(Index, Index)>,
}

impl Applied {
    /// What the store writes down.
    pub fn shelved(&self) -> Shelved {
        Shelved { upto: self.upto, rests_on: self.rests_on.clone() }
    }
}

/// A process.
pub struct Life {
    pub groups: Groups,
    pub writer: Writer,
    /// What the log was handed and has not begun to write.
    pub queued: Vec<(Ticket, Packet)>,
    /// What it is writing.
    pub writing: Vec<(Ticket, Packet)>,
    pub partitions: BTreeMap<PartitionId, Applied>,
    /// Replicas that there will be once this is written.
    pub coming: BTreeMap<Ticket, (PartitionId, ReplicaId)>,
    /// For when the world will wake it.
    pub wakes_at: Option<u64>,
    ticket: Ticket,
    serial: u64,
}

/// Who starts.
pub struct Starter<'a> {
    pub host: u64,
    pub knobs: &'a Knobs,
    pub clock: &'a Arc<SimClock>,
    pub rng: Rng,
    pub plants: Plants,
    pub wishes: &'a Wishes,
}

fn limits() -> Limits {
    Limits {
        log_segment_bytes: 256 * 1024,
        log_record_bytes_max: 64 * 1024,
        log_recycled_max: 3,
        ..Limits::default()
    }
}

impl Life {
    /// Starts on what the disk has; `shelf` is what the store has.
    pub fn start(
        starter: &Starter<'_>,
        disk: &SimDisk,
        seats: &BTreeMap<PartitionId, Seated>,
        shelf: &BTreeMap<PartitionId, Shelved>,
    ) -> Result<Life, String> {
        let files: Arc<dyn Files> = Arc::new(disk.clone());
        if !disk.contents().iter().any(|(path, _)| path.starts_with(LOG)) {
            // Found again after a crash that took it away.
            let _ = disk.create_dir(Path::new(LOG));
            disk.sync_dir(Path::new("/")).map_err(|error| error.to_string())?;
        }
        let config = LogConfig {
            dir: PathBuf::from(LOG),
            identity: LogIdentity { cluster: ClusterId(1), disk: DiskId(u128::from(starter.host) + 1) },
            sync: SyncPolicy::Each,
            mark: MarkPolicy::Idle,
            limits: limits(),
            plants: starter.plants,
        };
        let now = starter.clock.mono();
        let mut log = wal::open(files, config, now).map_err(|error| error.to_string())?;
        let histories = read_back(&mut log, seats)?;
        let draws = starter.rng.stream("groups");
        let mut life = Life {
            groups: Groups::new(starter.clock.clone(), draws, starter.plants, &limits()),
            writer: log.writer,
            queued: Vec::new(),
            writing: Vec::new(),
            partitions: BTreeMap::new(),
            coming: BTreeMap::new(),
            wakes_at: None,
            ticket: 0,
            serial: 0,
        };
        for (partition, recovered) in histories {
            let Shelved { upto, rests_on } = shelf.get(&partition).cloned().unwrap_or_default();
            let seat = seats[&partition];
            let start = Start {
                replica: seat.replica,
                applied: upto,
                rests_on: rests_on.clone(),
                timing: starter.knobs.timing,
            };
            life.partitions.insert(partition, Applied { upto, rests_on, ..Applied::default() });
            let members = || Members::founding(starter.wishes.founding(partition));
            let founds = seat.founds && recovered.is_blank();
            let recovered = if founds { Recovered::founded(partition, 1, 0, members()) } else { recovered };
            life.groups.open(recovered, start);
            life.groups.want(partition, starter.wishes.wanted(partition));
        }
        Ok(life)
    }

    /// A replica of a group that goes on elsewhere.
    pub fn come(&mut self, partition: PartitionId, replica: ReplicaId, timing: Timing) {
        self.partitions.insert(partition, Applied::default());
        let start = Start { replica, applied: 0, rests_on: None, timing };
        self.groups.open(Recovered::nothing(partition, 1), start);
    }

    /// Hands something to the log.
    pub fn log(&mut self, appends: Vec<Append>) -> Ticket {
        self.ticket += 1;
        let packet = Packet::encode(&appends, limits().log_record_bytes_max).expect("records are small");
        self.queued.push((self.ticket, packet));
        self.ticket
    }

    /// Lets the groups run; what they want of the log is queued.
    pub fn turn(&mut self) -> Outputs {
        self.ticket += 1;
        let mut outputs = self.groups.run(self.ticket);
        if !outputs.appends.is_empty() {
            let appends: Vec<Append> = std::mem::take(&mut outputs.appends);
            let packet = Packet::encode(&appends, limits().log_record_bytes_max).expect("records are small");
            self.queued.push((self.ticket, packet));
        }
        outputs
    }

    /// A serial number for a read.
    pub fn serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// Writes and syncs what it is writing. Returns the tickets.
    pub fn write(&mut self, now: u64) -> Result<Vec<Ticket>, String> {
        let (tickets, mut packets): (Vec<Ticket>, Vec<Packet>) = self.writing.drain(..).unzip();
        let now = Mono(now);
        let written = self.writer.step_packets(now, &mut packets, Urgency::Normal);
        written.map_err(|error| error.to_string())?;
        if let Some(job) = self.writer.spare_wanted(now) {
            let spare = job.run(self.writer.files()).ok();
            self.writer.spare_ready(now, spare);
        }
        self.writer.release(now).map_err(|error| error.to_string())?;
        Ok(tickets)
    }
}

fn read_back(
    log: &mut wal::OpenLog,
    seats: &BTreeMap<PartitionId, Seated>,
) -> Result<BTreeMap<PartitionId, Recovered>, String> {
    let mut histories: BTreeMap<PartitionId, Recovering> = BTreeMap::new();
    for partition in seats.keys().copied() {
        let carrier = log.writer.carriers().get(partition);
        let (opaque, suspect) = carrier.map_or((&[][..], false), |c| (&c.opaque[..], c.suspect));
        let begun = Recovering::new(partition, 1, opaque, suspect).map_err(|error| error.to_string())?;
        histories.insert(partition, begun);
    }
    while let Some(batch) = log.reader.next_batch().map_err(|error| error.to_string())? {
        for record in &batch.records {
            let Some(history) = histories.get_mut(&record.partition) else { continue };
            history.take(record).map_err(|error| error.to_string())?;
        }
    }
    let finished = histories.into_iter().map(|(id, history)| Ok((id, history.finish()?)));
    finished.collect::<Result<_, replication::raft::Lost>>().map_err(|error| error.to_string())
}

/// A record of a leader's.
pub fn record(
    partition: PartitionId,
    term: u64,
    first: Index,
    count: u32,
    stamp: u64,
    bytes: Vec<u8>,
) -> Record {
    Record {
        partition,
        epoch: model::Epoch { generation: 1, term },
        first_index: first,
        count,
        stamp: model::Stamp(stamp),
        kind: model::RecordKind::Commands,
        payload: bytes.into(),
    }
}
