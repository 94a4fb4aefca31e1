//! A shard that is stepped by hand, and what it answers.

use crate::reluctant::{Mood, Reluctant};
use bytes::Bytes;
use env::Rng;
use env::sim::SimClock;
use machine::{Change, Kv, KvCommand, Setting};
use model::command::{Command, encode_commands};
use model::{Code, Durability, Epoch, Key, Layout, Limits, PartitionId};
use partition::{Charter, Envelope, Outlet, Partition, ReplyTo, Room};
use partition_mgr::shard::{Effects, Message, Shard};
use pipeline::{Answer, LogChoice, Profile, Request, Rules, StoreChoice};
use replication::raft::Groups;
use statestore::{MemoryStore, Store};
use std::sync::{Arc, Mutex};

pub struct World {
    pub shard: Shard,
    pub store: Arc<dyn Store>,
    pub reluctant: Arc<Reluctant>,
    pub clock: Arc<SimClock>,
    outlet: Arc<Answers>,
}

#[derive(Default)]
struct Answers(Mutex<Vec<(u64, Answer)>>);

impl Outlet for Answers {
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        self.0.lock().expect("not poisoned").append(answers);
    }
}

impl World {
    pub fn new(limits: &Limits) -> World {
        World::numbered(0, limits)
    }

    /// One of several.
    pub fn numbered(number: u64, limits: &Limits) -> World {
        let store = MemoryStore::volatile(limits, env::Plants::NONE);
        let reluctant = Arc::new(Reluctant { store, mood: Mutex::new(Mood::Willing) });
        let (clock, outlet) = (Arc::<SimClock>::default(), Arc::default());
        let draws = Rng::from_seed(number).stream("groups");
        let groups = Groups::new(clock.clone(), draws, env::Plants::NONE, limits);
        World {
            shard: Shard::new(number, limits, groups),
            store: reluctant.clone(),
            reluctant,
            clock,
            outlet,
        }
    }

    /// A new partition, ready to be opened.
    pub fn partition(&self, id: u64, log: LogChoice) -> Partition {
        Partition::open(self.charter(id, log)).expect("it was made")
    }

    /// A new partition with replicas on other hosts.
    pub fn replica(&self, id: u64) -> Partition {
        let charter = self.charter(id, LogChoice::Local);
        let charter = Charter { replicated: true, reaches: Durability::Quorum, ..charter };
        Partition::open(charter).expect("it was made")
    }

    fn charter(&self, id: u64, log: LogChoice) -> Charter {
        let id = PartitionId(id);
        self.store.create(&[id], 0).expect("a new one");
        let profile = Profile::new(StoreChoice::Memory, log);
        // Events are kept for a time, and somebody looks when it is over.
        let rules = Rules { binlog: false, ..Rules::of(Kv { setting: Setting::of(Layout::Hashed) }) };
        let (epoch, store) = (Epoch::FIRST, self.store.clone());
        let (reaches, replicated, rig) = (Durability::Local, false, Default::default());
        Charter { id, epoch, profile, reaches, replicated, rules, store, rig }
    }

    /// So many commands, to be answered under the token.
    pub fn request(&self, id: u64, token: u64, count: u32, makes_room: bool) -> Message {
        self.asked(id, token, (count, count), makes_room)
    }

    /// One command that may change so many rows.
    pub fn weighing(&self, id: u64, token: u64, rows: u32) -> Message {
        self.asked(id, token, (1, rows), false)
    }

    fn asked(&self, id: u64, token: u64, (count, rows): (u32, u32), makes_room: bool) -> Message {
        let key = Key::new("k").expect("a key");
        let put = KvCommand::One(Change::upsert(key, Bytes::from("v")));
        let commands: Vec<Command> = (0..count).map(|_| Command::plain(put.encode())).collect();
        let permit = Room::new(1, 1 << 20).take(1).expect("room");
        let request = Request {
            payload: encode_commands(&commands),
            count,
            rows,
            arrived: env::Mono(0),
            deadline: None,
            expected_epoch: None,
            min_durability: None,
            makes_room,
            token: ReplyTo { outlet: self.outlet.clone(), token, permit },
        };
        Envelope { partition: PartitionId(id), request }.into()
    }

    pub fn step(&mut self, mut messages: Vec<Message>) -> Effects {
        let mut effects = self.shard.take_in(&*self.clock, &mut messages);
        let Effects { log, stores, reports, messages } = self.shard.move_on(&*self.clock);
        effects.messages.extend(messages);
        effects.log.extend(log);
        effects.stores.extend(stores);
        effects.reports.extend(reports);
        effects
    }

    /// What was answered since it was last asked, whole.
    pub fn whole_answers(&self) -> Vec<(u64, Answer)> {
        std::mem::take(&mut *self.outlet.0.lock().expect("not poisoned"))
    }

    /// What was answered since it was last asked: by token, the code of a refusal.
    pub fn answers(&self) -> Vec<(u64, Result<(), Code>)> {
        let mut answers: Vec<_> = self
            .whole_answers()
            .into_iter()
            .map(|(token, answer)| (token, answer.map(drop).map_err(|refusal| refusal.code())))
            .collect();
        answers.sort_by_key(|(token, _)| *token);
        answers
    }
}
