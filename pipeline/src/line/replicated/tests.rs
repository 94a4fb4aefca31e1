//! What becomes of what was written by whoever leads no more.

use super::*;
use crate::chores::ChoreLimits;
use crate::line::DrainLimits;
use crate::profile::Profile;
use crate::request::Request;
use crate::retries::RetryTable;
use crate::rules::Rules;
use crate::standing::Standing;
use bytes::Bytes;
use env::{Plants, Wall};
use machine::{Change, Kv, KvCommand, Setting};
use model::command::{Command, encode_commands};
use model::{Code, Durability, Epoch, Key, Layout, Limits, PartitionId, code};
use statestore::{MemoryStore, Store};

const ID: PartitionId = PartitionId(1);

struct World {
    line: Line<u64>,
    store: MemoryStore,
    answers: Vec<(u64, Answer)>,
    ticket: u64,
}

impl World {
    fn at(stamp: u64) -> World {
        let limits = Limits::default();
        let store = MemoryStore::volatile(&limits, Plants::NONE);
        store.create(&[ID], 0).expect("new");
        let rules = Rules { binlog: false, ..Rules::of(Kv { setting: Setting::of(Layout::Hashed) }) };
        let standing = Standing { stamp: Stamp(stamp), ..Standing::new(ID) };
        let epoch = Epoch { generation: 1, term: 0 };
        let (profile, retries) = (Profile::DURABLE, RetryTable::default());
        let line = Line::after(epoch, profile, Durability::Quorum, standing, rules, retries).replicated();
        World { line, store, answers: Vec::new(), ticket: 0 }
    }

    /// A command is asked for.
    fn ask(&mut self, token: u64) {
        let put = KvCommand::One(Change::upsert(Key::new("k").expect("a key"), Bytes::from("v")));
        let request = Request {
            payload: encode_commands(&[Command::plain(put.encode())]),
            count: 1,
            rows: 1,
            arrived: Mono(0),
            deadline: None,
            expected_epoch: None,
            min_durability: None,
            makes_room: false,
            token,
        };
        self.line.admit(Mono(0), request, &mut self.answers);
    }

    /// The same; returns the record that it comes into.
    fn write(&mut self, token: u64, wall: u64) -> Record {
        self.ask(token);
        self.ticket += 1;
        let drained = self.line.drain(Mono(0), Wall(wall), self.ticket, limits(), &mut self.answers);
        drained.expect("it leads")
    }

    fn gathers(&self) -> bool {
        self.line.gathers(&limits())
    }

    fn commit(&mut self, record: &Record) {
        self.line.committed(Mono(0), record.clone(), &mut self.answers);
        let part = self.line.apply(&self.store).expect("sound").expect("something");
        self.store.apply(&[part]).expect("taken");
        self.line.stored(Mono(0), &mut self.answers);
    }

    fn answered(&mut self) -> Vec<(u64, Result<Index, Code>)> {
        let answers = self.answers.drain(..);
        answers
            .map(|(token, answer)| {
                (token, answer.map(|done| done.last_index()).map_err(|refusal| refusal.code()))
            })
            .collect()
    }
}

fn limits() -> DrainLimits {
    DrainLimits { commands_max: 10, bytes_max: 1 << 20, chores: ChoreLimits::of(&Limits::default()) }
}

fn of_term(term: u64, record: &Record) -> Record {
    Record { epoch: Epoch { term, ..record.epoch }, ..record.clone() }
}

#[test]
fn a_record_whose_place_is_taken_before_word_of_it_is_no_record() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    let own = world.write(7, 100);
    let next = world.write(8, 101);
    world.commit(&of_term(2, &own));
    assert_eq!(world.answered(), [(7, Err(code::NO_LEADER))]);
    world.line.follow(Some(NodeId(3)), &mut world.answers);
    world.commit(&of_term(2, &next));
    assert_eq!(world.answered(), [(8, Err(code::BAD_NODE))]);
    assert!(world.line.is_idle());
}

#[test]
fn a_record_that_a_successor_keeps_is_done() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    let records = [7, 8, 9].map(|token| world.write(token, 100));
    world.line.follow(None, &mut world.answers);
    assert_eq!(world.answered(), [], "nobody knows yet");
    world.commit(&records[0]);
    world.commit(&records[1]);
    world.commit(&of_term(2, &records[2]));
    assert_eq!(world.answered(), [(7, Ok(1)), (8, Ok(2)), (9, Err(code::NO_LEADER))]);
}

#[test]
fn who_leads_again_finds_its_own_records_and_writes_behind_them() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    let old = world.write(7, 100);
    world.line.lead(3, 1, old.stamp);
    assert!(world.line.is_held(), "what was before is not applied");
    world.commit(&old);
    assert_eq!(world.answered(), [(7, Ok(1))]);
    let new = world.write(8, 100);
    assert_eq!((new.first_index, new.epoch.term), (2, 3));
    world.commit(&new);
    assert_eq!(world.answered(), [(8, Ok(2))]);
}

#[test]
fn a_proposal_that_is_withdrawn_gives_its_place_back() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    let kept = world.write(7, 100);
    world.write(8, 100);
    world.write(9, 100);
    world.line.withdrawn(2, 1, &mut world.answers);
    assert_eq!(world.answered(), [], "of another term");
    world.line.withdrawn(1, 2, &mut world.answers);
    assert_eq!(world.answered(), [(8, Err(code::NO_LEADER)), (9, Err(code::NO_LEADER))]);
    assert_eq!(world.write(10, 100).first_index, 2);
    world.commit(&kept);
    assert_eq!(world.answered(), [(7, Ok(1))]);
}

#[test]
fn stamps_rise_behind_what_was_applied_before_it_led() {
    let mut world = World::at(500);
    world.line.lead(1, 0, Stamp(0));
    assert_eq!(world.write(7, 100).stamp, Stamp(501));
    let mut world = World::at(0);
    world.line.follow(None, &mut world.answers);
    let mut other = World::at(900);
    other.line.lead(1, 0, Stamp(0));
    let record = other.write(1, 100);
    world.commit(&record);
    world.line.lead(2, 1, Stamp(0));
    assert_eq!(world.write(7, 100).stamp, Stamp(902));
}

#[test]
fn who_stops_says_that_nobody_knows() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    world.write(7, 100);
    world.line.turn_away(&mut world.answers);
    assert_eq!(world.answered(), [(7, Err(code::UNKNOWN_OUTCOME))]);
    assert!(world.line.is_idle());
}

#[test]
fn what_is_settled_is_not_withdrawn() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    let own = world.write(7, 100);
    world.commit(&of_term(2, &own));
    // Late, of the term in which it led and has not heard that it does not.
    world.line.withdrawn(1, 1, &mut world.answers);
    assert_eq!(world.answered(), [(7, Err(code::NO_LEADER))]);
    world.line.lead(3, 1, Stamp(0));
    assert_eq!(world.write(8, 100).first_index, 2);
}

#[test]
fn nobody_waits_for_what_a_later_leader_does_not_have() {
    let mut world = World::at(0);
    world.line.lead(1, 0, Stamp(0));
    world.write(7, 100);
    world.line.began(1, &mut world.answers);
    assert_eq!(world.answered(), [], "its own term");
    world.line.follow(Some(NodeId(2)), &mut world.answers);
    world.line.began(2, &mut world.answers);
    assert_eq!(world.answered(), [(7, Err(code::BAD_NODE))]);
    world.line.lead(3, 0, Stamp(0));
    world.write(8, 100);
    world.line.began(4, &mut world.answers);
    assert_eq!(world.answered(), [(8, Err(code::NO_LEADER))], "before word of the leader");
    assert!(world.line.is_idle());
}

#[test]
fn little_gathers_company_while_something_is_undecided() {
    let mut world = World::at(100);
    world.line.lead(1, 0, Stamp(0));
    world.ask(1);
    assert!(!world.gathers(), "nothing is under way");
    let first = world.write(2, 200);
    assert_eq!(first.count, 2);
    world.ask(3);
    assert!(world.gathers());
    world.ask(4);
    assert!(!world.gathers(), "it fills a record well");
    let second = world.write(5, 200);
    world.ask(6);
    world.commit(&first);
    assert!(world.gathers(), "the second is undecided");
    world.commit(&second);
    assert!(!world.gathers());
    // Much may be under way, and not for ever more.
    let mut under_way = 0;
    while !world.gathers() && under_way < 100 {
        world.ask(7);
        world.write(8, 300);
        world.ask(9);
        world.ask(10);
        under_way += 1;
    }
    assert_eq!(under_way, 16);
}
