//! A node in a scratch directory, and a client that waits for its answers.

use bytes::Bytes;
use coordinator::{TableName, TableSpec};
use env::sim::SimDisk;
use env::{Files, Rng, real};
use machine::{Change, KvCommand, Row};
use model::command::{Command, encode_commands};
use model::{Durability, Index, Key, KeyRange, Layout, Limits, OpId, PartitionId, code, keyspace};
use partition::Outlet;
use partition_mgr::directory::{Handle, Standing};
use partition_mgr::{Expect, ListedState, Node, Settings, StartError};
use pipeline::{Answer, LogChoice, Profile, Request, StoreChoice};
use std::num::NonZeroU8;
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;
use wal::{LogConfig, MarkPolicy, SyncPolicy};

pub struct World {
    pub dir: TempDir,
    /// Where everything but RocksDB's files is kept, if not on the real one.
    pub disk: Option<SimDisk>,
    pub limits: Limits,
    pub sync: SyncPolicy,
    pub node: Option<Node>,
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let limits = Limits { log_segment_bytes: 1 << 20, ..Limits::default() };
        let mut world = World { dir, disk: None, limits, sync: SyncPolicy::Each, node: None };
        world.start();
        world
    }

    /// A world on a simulated disk, for tables with memory stores.
    pub fn simulated() -> World {
        let limits = Limits { log_segment_bytes: 1 << 20, ..Limits::default() };
        World::simulated_within(limits)
    }

    pub fn simulated_within(limits: Limits) -> World {
        let dir = tempfile::tempdir().expect("a scratch directory");
        let data = dir.path().join("data");
        std::fs::create_dir_all(data.join("store")).expect("made");
        let disk = SimDisk::new();
        for (dir, parent) in dir.path().ancestors().zip(dir.path().ancestors().skip(1)) {
            disk.create_dir(dir).expect("made");
            disk.sync_dir(parent).expect("synced");
        }
        let mut world = World { dir, disk: Some(disk), limits, sync: SyncPolicy::Each, node: None };
        world.start();
        world
    }

    pub fn disk(&self) -> &SimDisk {
        self.disk.as_ref().expect("simulated")
    }

    /// Starts on what a crash left.
    pub fn start_on(&mut self, disk: SimDisk) {
        self.node.take().into_iter().for_each(Node::stop);
        self.disk = Some(disk);
        self.start();
    }

    pub fn start(&mut self) {
        self.try_start().expect("starts");
    }

    fn try_start(&mut self) -> Result<(), StartError> {
        let settings = Settings {
            data_dir: self.dir.path().join("data"),
            expect: Expect {
                cluster: None,
                node: None,
                stores: NonZeroU8::MIN,
                disk: None,
                may_set_up: true,
            },
            limits: self.limits.clone(),
            shards: 2,
            sync: self.sync,
            rocks: true,
            machines: machine::Registry::built_in(),
            rig: Default::default(),
        };
        let mut env = real::env().expect("an environment");
        if let Some(disk) = &self.disk {
            env.files = Arc::new(disk.clone());
        }
        self.node = Some(Node::start(&env, settings, &mut |_| ())?);
        Ok(())
    }

    pub fn restart(&mut self) {
        self.node.take().expect("it runs").stop();
        self.start();
    }

    /// Does the log know the partition? On a copy of the disk, as it is now.
    pub fn log_knows(&self, id: PartitionId) -> bool {
        self.purged(id).is_some()
    }

    /// Up to where the log may let go of the partition, if it knows it.
    pub fn purged(&self, id: PartitionId) -> Option<Index> {
        let disk = self.disk().after_process_death();
        let dir = self.dir.path().join("data/log");
        let identity = wal::inspect::owner(&disk, &dir).expect("readable").expect("somebody's");
        let config = LogConfig {
            dir,
            identity,
            sync: SyncPolicy::Each,
            mark: MarkPolicy::Idle,
            limits: self.limits.clone(),
            plants: env::Plants::NONE,
        };
        let open = wal::open(Arc::new(disk), config, env::Mono(0)).expect("sound");
        open.writer.carriers().get(id).map(|carrier| carrier.purged)
    }

    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("it runs")
    }

    /// A table of four partitions.
    pub fn table(&self, text: &str, profile: Profile) -> Vec<PartitionId> {
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
        self.node().create_table(name(text), spec, 4).expect("made")
    }

    /// The ids that are listed, and how they stand.
    pub fn states(&self) -> Vec<(u64, ListedState)> {
        self.node().list().into_iter().map(|one| (one.id.0, one.state)).collect()
    }

    pub fn handle(&self, table: &str, key: &Key) -> Result<Handle, String> {
        let map = self.node().directory().current();
        let table = map.table("default", table).ok_or("no table")?;
        match table.place_of(key).map(|place| place.standing.clone()) {
            None => Err("no partition".to_owned()),
            Some(Standing::Failed(why)) => Err(why),
            Some(Standing::Elsewhere(node)) => Err(format!("it is on node {node:?}")),
            Some(Standing::Serving(handle)) => Ok(handle),
        }
    }

    pub fn put(&self, table: &str, text: &str, value: &str) -> Answer {
        let value = Bytes::from(value.to_owned());
        self.ask(table, text, Change::upsert(key(text), value))
    }

    pub fn remove(&self, table: &str, text: &str) -> Answer {
        self.ask(table, text, Change::remove(key(text)))
    }

    fn ask(&self, table: &str, text: &str, change: Change) -> Answer {
        self.ask_bytes(table, text, encode_commands(&[Command::plain(KvCommand::One(change).encode())]))
    }

    /// The same under a name, so that it is done once.
    pub fn put_as(&self, table: &str, text: &str, value: &str, op: OpId) -> Answer {
        let change = Change::upsert(key(text), Bytes::from(value.to_owned()));
        let command = Command { op: Some(op), ..Command::plain(KvCommand::One(change).encode()) };
        self.ask_bytes(table, text, encode_commands(&[command]))
    }

    /// One command, whatever the bytes say.
    pub fn ask_bytes(&self, table: &str, text: &str, payload: Bytes) -> Answer {
        World::ask_of(&self.handle(table, &key(text)).expect("served"), payload)
    }

    /// Stops the partition that serves a key, and waits until the node has heard:
    /// the report follows the answer.
    pub fn break_partition(&self, table: &str, text: &str) {
        let broken = self.ask_bytes(table, text, Bytes::from_static(b"no command"));
        assert_eq!(broken.map_err(|refusal| refusal.code()), Err(code::UNKNOWN_OUTCOME));
        while self.states().iter().all(|(_, state)| *state == ListedState::Serving) {
            std::thread::yield_now();
        }
    }

    /// To a partition that was looked up before.
    pub fn ask_of(handle: &Handle, payload: Bytes) -> Answer {
        let outlet = Arc::new(Waiter::default());
        let request = Request {
            payload,
            count: 1,
            rows: 1,
            arrived: env::Mono(0),
            deadline: None,
            expected_epoch: None,
            min_durability: None,
            makes_room: false,
            token: (),
        };
        handle.mailbox.offer(request, outlet.clone(), 0).expect("there is room");
        outlet.wait()
    }

    /// The row, read past the shard.
    pub fn get(&self, table: &str, text: &str) -> Option<(u64, String)> {
        let handle = self.handle(table, &key(text)).expect("served");
        assert!(handle.published.is_serving());
        let stored = keyspace::encode_data(Layout::Hashed, &key(text));
        let row = handle.store.get(handle.id, &stored).expect("readable")?;
        let row = Row::decode(&row).expect("a row");
        Some((row.revision, String::from_utf8(row.value.to_vec()).expect("text")))
    }
}

pub fn key(text: &str) -> Key {
    Key::new(text.to_owned()).expect("a key")
}

pub fn name(text: &str) -> TableName {
    TableName::new("default", text).expect("a name")
}

/// These two, and what they can promise.
pub fn profile(store: StoreChoice, log: LogChoice) -> Profile {
    let durability = (log == LogChoice::None).then_some(Durability::Memory);
    Profile { durability, ..Profile::new(store, log) }
}

/// Rows in memory, records in the log.
pub const MEMORY: Profile = Profile::new(StoreChoice::Memory, LogChoice::Local);

/// The disk after a power loss that keeps nothing unsynced.
pub fn powered_off(world: &World) -> SimDisk {
    let mut least = None;
    world.disk().pending().each_image(&mut Rng::from_seed(1).stream("images"), |image| {
        least.get_or_insert(image);
    });
    SimDisk::from_image(least.expect("one at least"))
}

pub fn all() -> KeyRange {
    KeyRange::all()
}

/// Waits for one answer.
#[derive(Default)]
struct Waiter {
    answer: Mutex<Option<Answer>>,
    news: Condvar,
}

impl Waiter {
    fn wait(&self) -> Answer {
        let mut answer = self.answer.lock().expect("not poisoned");
        loop {
            match answer.take() {
                Some(answer) => return answer,
                None => answer = self.news.wait(answer).expect("not poisoned"),
            }
        }
    }
}

impl Outlet for Waiter {
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        *self.answer.lock().expect("not poisoned") = answers.pop().map(|(_, answer)| answer);
        self.news.notify_all();
    }
}
