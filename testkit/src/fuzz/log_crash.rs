//! A log's lives on a disk that may end at any operation: what was
//! acknowledged is there, nothing else is, and looking twice shows the same.

use crate::fuzz::crash::{Crash, Witness};
use crate::fuzz::history::History;
use env::sim::{Fault, OpKind, SimDisk};
use env::{Files, Mono, Plants};
use model::wire::Cursor;
use model::{ClusterId, DiskId, Limits, Record};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, LogConfig, LogError, LogIdentity, MarkPolicy, OpenLog, SyncPolicy, Urgency, Writer};

const DIR: &str = "/log";
/// Longer inputs say nothing that shorter ones do not.
const OPS_MAX: usize = 48;

/// One thing that a log goes through.
#[derive(Clone, Copy, Debug)]
enum Op {
    /// Some commands of two partitions, in one batch.
    Append { partition: u64, count: u8, bytes: usize },
    /// A vote.
    Vote { partition: u64 },
    /// Nothing for so many milliseconds.
    Idle { ms: u64 },
    /// A partition needs nothing it was promised any more; what can go, goes.
    Purge { partition: u64 },
    /// A spare is laid out, if one is wanted.
    LayOut,
    /// The process ends in order, or without a word, and another one starts.
    Restart,
}

/// What goes wrong during an operation.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    Nothing,
    /// Its first sync fails; the process ends, and the page cache lies.
    SyncFails,
    /// It ends in a crash.
    Crash(Crash),
}

/// The first byte: when to sync, when to mark. Then two bytes for each
/// operation, and up to three more where it ends in a crash.
pub fn log_crash(input: &[u8]) {
    let mut input = Cursor::new(input);
    let Some(habits) = input.u8() else { return };
    let mut world = World::new(config(habits));
    for _ in 0..OPS_MAX {
        let Some((op, trouble)) = next(&mut input) else { break };
        world.go_through(op, trouble);
    }
    world.go_through(Op::Restart, Trouble::Nothing);
}

fn config(habits: u8) -> LogConfig {
    LogConfig {
        dir: PathBuf::from(DIR),
        identity: LogIdentity { cluster: ClusterId(0xc1), disk: DiskId(0xd1) },
        sync: if habits & 1 == 0 { SyncPolicy::Each } else { SyncPolicy::Every(4) },
        mark: if habits & 2 == 0 { MarkPolicy::Idle } else { MarkPolicy::BeforeAck },
        limits: Limits {
            log_segment_bytes: 28 * 1024,
            log_record_bytes_max: 8 * 1024,
            log_unsynced_bytes_max: 16 * 1024,
            ..Limits::default()
        },
        plants: Plants::NONE,
    }
}

fn next(input: &mut Cursor<'_>) -> Option<(Op, Trouble)> {
    let (kind, of) = (input.u8()?, input.u8()?);
    let partition = u64::from(of % 4) + 1;
    let op = match kind % 8 {
        0..=2 => Op::Append { partition, count: of / 4 % 4 + 1, bytes: usize::from(of / 16) * 200 },
        3 => Op::Vote { partition },
        4 => Op::Idle { ms: u64::from(of % 16) },
        5 => Op::Purge { partition },
        6 => Op::LayOut,
        _ => Op::Restart,
    };
    let trouble = match kind >> 6 {
        0 => Trouble::Nothing,
        1 => Trouble::SyncFails,
        2 => Trouble::Crash(Crash { point: input.u8()?, image: None }),
        _ => Trouble::Crash(Crash { point: input.u8()?, image: Some(input.u16()?) }),
    };
    Some((op, trouble))
}

struct World {
    disk: SimDisk,
    config: LogConfig,
    history: History,
    /// Absent between two lives.
    writer: Option<Writer>,
    now: Mono,
}

impl World {
    fn new(config: LogConfig) -> World {
        let disk = SimDisk::new();
        disk.create_dir(Path::new(DIR)).expect("made");
        disk.sync_dir(Path::new("/")).expect("synced");
        let mut world = World { disk, config, history: History::default(), writer: None, now: Mono(0) };
        world.start().expect("the disk is sound");
        world
    }

    fn go_through(&mut self, op: Op, trouble: Trouble) {
        match trouble {
            Trouble::Nothing => self.run(op).expect("the disk is sound"),
            Trouble::SyncFails => self.fail_sync(op),
            Trouble::Crash(crash) => self.crash(op, crash),
        }
    }

    fn fail_sync(&mut self, op: Op) {
        let mut first = true;
        self.disk.set_faults(move |kind, _| {
            (kind == OpKind::Sync && std::mem::take(&mut first)).then_some(Fault::Eio)
        });
        let failed = self.run(op);
        self.disk.clear_faults();
        if failed.is_err() {
            self.disk = self.disk.after_process_death();
            self.start().expect("the disk is sound again");
        }
    }

    fn crash(&mut self, op: Op, crash: Crash) {
        let before = self.history.clone();
        let witness = Witness::watch(&self.disk);
        self.run(op).expect("the disk is sound until then");
        let (disk, done) = witness.after(crash);
        match op {
            _ if done => {}
            Op::Restart => self.history = before,
            _ => self.history.take_back(&before),
        }
        self.disk = disk;
        self.start().expect("the disk is sound again");
    }

    fn run(&mut self, op: Op) -> Result<(), LogError> {
        let now = self.now;
        match op {
            Op::Append { partition, count, bytes } => {
                let partitions = (0..count).map(|at| (partition + u64::from(at % 2)) % 4 + 1);
                let appends: Vec<Append> = partitions.map(|id| self.history.command(id, bytes)).collect();
                self.write(&appends)
            }
            Op::Vote { partition } => {
                let vote = self.history.vote(partition);
                self.write(&[vote])
            }
            Op::Idle { ms } => {
                self.now = now.plus_ms(ms);
                let now = self.now;
                self.writer().idle(now)?;
                self.acknowledge();
                Ok(())
            }
            Op::Purge { partition } => {
                let purge = self.history.purge(partition);
                self.write(&[purge])?;
                self.writer().release(now)?;
                self.acknowledge();
                Ok(())
            }
            Op::LayOut => {
                let disk = self.disk.clone();
                if let Some(job) = self.writer().spare_wanted(now) {
                    let spare = job.run(&disk).ok();
                    self.writer().spare_ready(now, spare);
                }
                Ok(())
            }
            Op::Restart => self.start(),
        }
    }

    fn writer(&mut self) -> &mut Writer {
        self.writer.as_mut().expect("started")
    }

    fn write(&mut self, appends: &[Append]) -> Result<(), LogError> {
        let now = self.now;
        let synced = self.writer().step(now, appends, Urgency::Normal)?;
        self.history.written(synced.written);
        self.acknowledge();
        Ok(())
    }

    fn acknowledge(&mut self) {
        let durable = self.writer().synced().durable;
        self.history.durable(durable);
    }

    /// A new process: what it finds is judged, and found a second time by the
    /// next one.
    fn start(&mut self) -> Result<(), LogError> {
        self.writer = None;
        let (_, first) = self.open()?;
        let (log, second) = self.open()?;
        assert_eq!(first, second, "a second start shows the same");
        self.history.judge(&second, log.writer.carriers(), &log.recovery.last);
        self.writer = Some(log.writer);
        let votes = self.history.votes_again();
        self.write(&votes)
    }

    fn open(&self) -> Result<(OpenLog, Vec<Record>), LogError> {
        let mut log = wal::open(Arc::new(self.disk.clone()), self.config.clone(), self.now)?;
        let damages = &log.recovery.damages;
        assert!(damages.is_empty(), "taken for damage: {damages:?}");
        let mut shown = Vec::new();
        while let Some(batch) = log.reader.next_batch()? {
            shown.extend(batch.records);
        }
        Ok((log, shown))
    }
}
