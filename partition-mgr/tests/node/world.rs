//! A node in a scratch directory, and a client that waits for its answers.

use bytes::Bytes;
use env::real;
use machine::{KvCommand, Row};
use model::command::{Command, encode_commands};
use model::{Key, KeyRange, Layout, Limits, PartitionId, keyspace};
use partition::Outlet;
use partition_mgr::desired::{TableName, TableSpec};
use partition_mgr::directory::{Handle, Standing};
use partition_mgr::{Expect, Node, Settings};
use pipeline::{Answer, Profile, Request};
use std::num::NonZeroU8;
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;
use wal::SyncPolicy;

pub struct World {
    pub dir: TempDir,
    pub node: Option<Node>,
}

impl World {
    pub fn new() -> World {
        let mut world = World { dir: tempfile::tempdir().expect("a scratch directory"), node: None };
        world.start();
        world
    }

    pub fn start(&mut self) {
        let settings = Settings {
            data_dir: self.dir.path().join("data"),
            expect: Expect { cluster: None, node: None, stores: NonZeroU8::MIN },
            limits: Limits { log_segment_bytes: 1 << 20, ..Limits::default() },
            shards: 2,
            sync: SyncPolicy::Each,
        };
        let env = real::env().expect("an environment");
        self.node = Some(Node::start(&env, settings, &mut |_| ()).expect("starts"));
    }

    pub fn restart(&mut self) {
        self.node.take().expect("it runs").stop();
        self.start();
    }

    pub fn node(&self) -> &Node {
        self.node.as_ref().expect("it runs")
    }

    /// A table of four partitions.
    pub fn table(&self, text: &str, profile: Profile) -> Vec<PartitionId> {
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
        self.node().create_table(name(text), spec, 4).expect("made")
    }

    pub fn handle(&self, table: &str, key: &Key) -> Result<Handle, String> {
        let map = self.node().directory().current();
        let table = map.table("default", table).ok_or("no table")?;
        match table.place_of(key).map(|place| place.standing.clone()) {
            None => Err("no partition".to_owned()),
            Some(Standing::Failed(why)) => Err(why),
            Some(Standing::Serving(handle)) => Ok(handle),
        }
    }

    pub fn put(&self, table: &str, text: &str, value: &str) -> Answer {
        let value = Bytes::from(value.to_owned());
        self.ask(table, text, KvCommand::Upsert { key: key(text), value })
    }

    pub fn remove(&self, table: &str, text: &str) -> Answer {
        self.ask(table, text, KvCommand::Remove { key: key(text) })
    }

    fn ask(&self, table: &str, text: &str, command: KvCommand) -> Answer {
        let handle = self.handle(table, &key(text)).expect("served");
        let outlet = Arc::new(Waiter::default());
        let request = Request {
            payload: encode_commands(&[Command::plain(command.encode())]),
            count: 1,
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
