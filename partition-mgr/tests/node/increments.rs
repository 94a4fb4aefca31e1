//! Increments, wherever the node is cut short between taking one in and answering
//! it: sent again under its name, each is done once.

use crate::crashes::crashes;
use crate::world::{MEMORY, World, key, name};
use coordinator::TableSpec;
use machine::counter::{CounterCommand, CounterReply, Within};
use machine::keyed::put_envelope;
use model::command::{Command, encode_commands};
use model::{Layout, Limits, OpId};
use pipeline::Reply;

const CLIENT: u128 = 0x0190_0000_0000_7000_8000_0000_0000_0001;

/// Adds, and says what the counter came to by that.
fn add(world: &World, amount: i64, sequence: Option<u64>) -> i64 {
    let mut body = Vec::new();
    put_envelope(&key("k"), &CounterCommand::Add { amount, within: Within::ANY }.encode(), &mut body);
    let op = sequence.map(|sequence| OpId { client: CLIENT, sequence });
    let command = Command { op, ..Command::plain(body) };
    let answer = world.ask_bytes("t", "k", encode_commands(&[command])).expect("answered");
    let reply = match answer.reply(0) {
        Reply::Now(reply) => reply,
        Reply::Before(before) => before.reply.expect("it is short"),
        Reply::Refused(code) => panic!("{code}"),
    };
    match CounterReply::decode(&reply) {
        CounterReply::Done(counted) => counted.value,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_increment_that_is_sent_again_after_any_crash_is_done_once() {
    // The second makes a checkpoint of every change.
    for checkpoint_bytes in [Limits::default().checkpoint_bytes, 1] {
        let limits = Limits { log_segment_bytes: 1 << 20, checkpoint_bytes, ..Limits::default() };
        let mut world = World::simulated_within(limits);
        let spec = TableSpec { layout: Layout::Hashed, machine: "counter".into(), profile: MEMORY };
        world.node().create_table(name("t"), spec, 1).expect("made");
        assert_eq!(add(&world, 1, Some(1)), 1);
        let disk = world.disk().clone();
        let left = crashes(&disk, || assert_eq!(add(&world, 10, Some(2)), 11));
        let mut found = [0, 0];
        for disk in left {
            world.start_on(disk);
            let value = add(&world, 0, None);
            assert!([1, 11].contains(&value), "{value}");
            found[usize::from(value == 11)] += 1;
            for _ in 0..2 {
                assert_eq!(add(&world, 10, Some(2)), 11);
                assert_eq!(add(&world, 1, Some(1)), 1, "as it was answered then");
            }
            assert_eq!(add(&world, 0, None), 11);
        }
        let [without, with] = found;
        assert!(without > 0 && with > 0, "{without} without it, {with} with it");
    }
}
