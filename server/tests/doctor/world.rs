//! A data directory on the real disk, made as a server makes it: directory,
//! log, memory store, RocksDB.

use bytes::Bytes;
use env::Env;
use machine::{Register, RegisterCommand};
use model::command::encode_commands;
use model::{Command, Epoch, Index, Limits, PartitionId, Record, RecordKind, Stamp};
use partition::ReplayReport;
use partition_mgr::{DataDir, Expect};
use statestore::{Journal, MemoryStore, RocksStore, Store};
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output, Stdio};
use wal::{Append, LogConfig, LogIdentity, OpenLog, SyncPolicy, Urgency};

pub const ONE: PartitionId = PartitionId(1);
pub const TWO: PartitionId = PartitionId(2);

pub struct World {
    _scratch: tempfile::TempDir,
    cluster: String,
    disk: String,
    pub dir: PathBuf,
    pub env: Env,
}

/// Partition, first index, count.
pub type Written = (PartitionId, Index, u32);

pub fn limits() -> Limits {
    Limits {
        log_segment_bytes: 64 << 10,
        store_cache_bytes_max: 8 << 20,
        store_memtable_bytes_max: 8 << 20,
        ..Limits::default()
    }
}

pub fn record((partition, first_index, count): Written) -> Append {
    let add = RegisterCommand::Add { key: Bytes::from_static(b"sum"), amount: 1 };
    let commands: Vec<Command> = (0..count).map(|_| Command::plain(add.encode())).collect();
    Append::from(Record {
        partition,
        epoch: Epoch::FIRST,
        first_index,
        count,
        stamp: Stamp(first_index * 1000),
        kind: RecordKind::Commands,
        payload: encode_commands(&commands),
    })
}

impl World {
    /// A directory that has been set up and let go.
    pub fn new() -> World {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let dir = scratch.path().join("data");
        let env = env::real::env().expect("the real world");
        let (cluster, disk) = (String::new(), String::new());
        let mut world = World { _scratch: scratch, cluster, disk, dir, env };
        let opened = world.open();
        world.cluster = opened.cluster().to_string();
        world.disk = opened.disk().to_string();
        world
    }

    pub fn open(&self) -> DataDir {
        let expect =
            Expect { cluster: None, node: None, stores: NonZeroU8::MIN, disk: None, may_set_up: true };
        DataDir::open(&self.env, &self.dir, expect).expect("opens")
    }

    pub fn log(&self, dir: &DataDir) -> OpenLog {
        self.log_synced(dir, SyncPolicy::Each)
    }

    pub fn log_synced(&self, dir: &DataDir, sync: SyncPolicy) -> OpenLog {
        let identity = LogIdentity { cluster: dir.cluster(), disk: dir.disk() };
        let config = LogConfig { limits: limits(), sync, ..LogConfig::new(dir.log_dir(), identity) };
        wal::open(self.env.files.clone(), config, self.env.clock.mono()).expect("the log opens")
    }

    /// Appends each batch and ends in order.
    pub fn write(&self, batches: &[&[Written]]) {
        let dir = self.open();
        let mut writer = self.log(&dir).writer;
        for batch in batches {
            let appends: Vec<Append> = batch.iter().map(|one| record(*one)).collect();
            writer.step(self.env.clock.mono(), &appends, Urgency::Normal).expect("written");
        }
        writer.finish(self.env.clock.mono()).expect("marked");
    }

    pub fn memory(&self) -> MemoryStore {
        let dir = self.dir.join("checkpoints");
        let files = self.env.files.clone();
        MemoryStore::open(files, &dir, &limits(), env::Plants::NONE).expect("the store opens")
    }

    pub fn rocks(&self) -> RocksStore {
        let dir = self.dir.join("store");
        RocksStore::open(&dir, 1, Journal::Off, &limits(), None).expect("the store opens")
    }

    /// A start: log and store are opened, and replayed.
    pub fn replay(&self, store: &dyn Store) -> ReplayReport {
        let dir = self.open();
        let OpenLog { mut reader, recovery, .. } = self.log(&dir);
        partition::replay(&mut reader, &recovery, store, &pipeline::Rules::of(Register), 1 << 20, &mut |_| {})
            .expect("replays")
    }

    pub fn log_file(&self, segment: u64) -> PathBuf {
        self.dir.join(format!("log/{segment:020}.log"))
    }

    /// Changes a file as a bad disk would.
    pub fn change(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
        let mut bytes = fs::read(path).expect("a file");
        change(&mut bytes);
        fs::write(path, bytes).expect("written back");
    }

    /// Flips a bit in the first record of the batch at this offset.
    pub fn rot(&self, segment: u64, offset: usize) {
        self.change(&self.log_file(segment), |bytes| {
            let length = bytes[offset + 32..offset + 36].try_into().expect("four bytes");
            let header_bytes = u32::from_le_bytes(length) as usize;
            bytes[offset + header_bytes + 4] ^= 1;
        });
    }

    /// What `statehouse` says to these arguments and `--dir`.
    pub fn doctor(&self, args: &[&str]) -> Said {
        let mut process = Process::new(env!("CARGO_BIN_EXE_statehouse"));
        process.args(["doctor", "--dir"]).arg(&self.dir).args(args).stdin(Stdio::null());
        Said::of(process.output().expect("it runs"), self)
    }

    /// Names and contents of everything in the directory.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut tree = BTreeMap::new();
        collect(&self.dir, &mut tree);
        tree
    }

    /// What differs from run to run, by names that do not.
    fn plain(&self, text: &[u8]) -> String {
        let text = String::from_utf8(text.to_vec()).expect("text");
        let text = text.replace(&*self.dir.to_string_lossy(), "DIR");
        let text = text.replace(&format!("process {}", std::process::id()), "process PID");
        text.replace(&self.cluster, "CLUSTER").replace(&self.disk, "DISK")
    }
}

fn collect(dir: &Path, tree: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(dir).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            tree.insert(path.clone(), Vec::new());
            collect(&path, tree);
        } else {
            tree.insert(path.clone(), fs::read(&path).expect("a file"));
        }
    }
}

/// What the binary said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    fn of(output: Output, world: &World) -> Said {
        let code = output.status.code().expect("it was not killed");
        Said { code, out: world.plain(&output.stdout), err: world.plain(&output.stderr) }
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).expect("JSON")
    }
}
