//! A group of one.

use super::node::{Node, PARTITION};
use super::world::World;
use env::Clock;
use model::{Index, PartitionId, Record};
use replication::raft::Event;

/// What it was told of reads.
fn read(world: &mut World, serials: &[u64]) -> Vec<Event> {
    world.node(1).hears();
    serials.iter().for_each(|serial| world.node(1).groups.read(PARTITION, *serial));
    world.settle();
    world.node(1).hears()
}

fn counts_of(records: &[Record]) -> Vec<u32> {
    records.iter().map(|record| record.count).filter(|count| *count > 0).collect()
}

fn counts(node: &Node) -> Vec<u32> {
    counts_of(&node.store.records)
}

#[test]
fn it_leads_once_its_log_has_its_vote() {
    let mut world = World::founded(&[1]);
    world.node(1).stalled = true;
    world.pass(10_000);
    let heard = world.node(1).hears();
    assert!(!heard.iter().any(|event| matches!(event, Event::Leads { .. })), "{heard:?}");
    assert_eq!(heard[0], Event::Follows(None));
    world.node(1).stalled = false;
    world.until("it leads", |world| world.leader() == Some(1));
    let heard = world.node(1).hears();
    assert!(matches!(heard[..], [Event::Leads { last_index: 0, .. }, Event::Began(1)]), "{heard:?}");
    world.pass(10_000);
    assert_eq!(world.node(1).hears(), [], "and goes on doing so");
}

#[test]
fn what_is_proposed_is_committed_in_order_once_its_log_has_it() {
    let mut world = World::alone();
    world.commits(&[1, 3, 2]);
    world.node(1).stalled = true;
    let proposed = [world.node(1).propose(2), world.node(1).propose(1)];
    world.pass(10_000);
    assert_eq!(counts(world.node(1)), [1, 3, 2]);
    world.node(1).stalled = false;
    world.settle();
    assert_eq!(counts(world.node(1)), [1, 3, 2, 2, 1]);
    assert_eq!(world.node(1).store.records[3..], proposed);
    // Nobody repeats it.
    world.pass(10_000);
    assert_eq!(counts(world.node(1)), [1, 3, 2, 2, 1]);
}

#[test]
fn a_read_is_told_what_it_has_to_see() {
    let mut world = World::founded(&[1]);
    assert!(read(&mut world, &[4]).contains(&Event::ReadRefused(vec![4])), "it does not lead yet");
    world.until("it leads", |world| world.leader() == Some(1));
    assert_eq!(read(&mut world, &[5]), [Event::ReadAt(vec![5], 0)]);
    world.commits(&[1, 3]);
    assert_eq!(read(&mut world, &[6, 7, 8]), [Event::ReadAt(vec![6, 7, 8], 4)], "one round for all");
    // What is not settled is not seen.
    world.node(1).stalled = true;
    world.node(1).propose(2);
    world.settle();
    assert_eq!(read(&mut world, &[9]), [Event::ReadAt(vec![9], 4)]);
    world.node(1).stalled = false;
    world.settle();
    assert_eq!(read(&mut world, &[10]), [Event::ReadAt(vec![10], 6)]);
}

#[test]
fn what_does_not_follow_is_nothing() {
    let mut world = World::alone();
    world.commits(&[2]);
    let (next, written) = (world.node(1).next_record(1), world.node(1).kept());
    world.node(1).hears();
    let later = Record { first_index: next.first_index + 1, ..next.clone() };
    let earlier = Record { first_index: next.first_index - 1, ..next.clone() };
    let mut of_another_term = next.clone();
    of_another_term.epoch.term += 1;
    let foreign = Record { partition: PartitionId(8), ..next };
    for record in [later, earlier, of_another_term, foreign] {
        world.node(1).groups.propose(record.clone());
        world.pass(1_000);
        assert_eq!(world.node(1).hears(), [], "{record:?}");
        assert_eq!(world.node(1).kept(), written, "{record:?}");
    }
    world.commits(&[1]);
}

#[test]
fn one_too_many_is_refused_and_those_behind_it_are_nothing() {
    let mut world = World::alone();
    world.node(1).hears();
    let proposed: Vec<_> = (0..1_100).map(|_| world.node(1).propose(1)).collect();
    world.settle();
    let heard = world.node(1).hears();
    let [Event::Refused { term, first_index }] = heard[..] else { panic!("{heard:?}") };
    let taken = usize::try_from(first_index).expect("a few") - 1;
    assert!((1..1_100).contains(&taken), "{taken}");
    assert_eq!(proposed[taken].epoch.term, term);
    assert!(world.node(1).store.records == proposed[..taken]);
    // What is proposed in the place of the refused one is taken.
    world.commits(&[1, 1]);
    // Reads that are too many are refused as well.
    let serials: Vec<u64> = (0..10_000).collect();
    let heard = read(&mut world, &serials);
    let (mut served, mut refused) = (0, 0);
    for event in heard {
        match event {
            Event::ReadAt(serials, index) => {
                assert_eq!(index, first_index + 1);
                served += serials.len();
            }
            Event::ReadRefused(serials) => refused += serials.len(),
            other => panic!("{other:?}"),
        }
    }
    assert!(served > 1_000 && refused > 0 && served + refused == 10_000, "{served} and {refused}");
}

#[test]
fn it_rests_between_two_timers() {
    let mut world = World::alone();
    world.commits(&[1, 2]);
    world.node(1).hears();
    let end = world.clock.mono().0 + 3_000_000_000;
    let mut wakes = 0;
    loop {
        let node = world.node(1);
        let next = node.groups.wakes_at().expect("a leader has a timer");
        let outputs = node.groups.run(u64::MAX);
        assert!(outputs.is_empty() && !node.groups.is_behind(), "after {wakes} timers");
        world.clock.go_to(next.0 - 1);
        let node = world.node(1);
        let outputs = node.groups.run(u64::MAX);
        assert!(outputs.is_empty() && !node.groups.is_behind(), "before timer {wakes}");
        assert_eq!(node.groups.wakes_at(), Some(next));
        if !world.wake(end) {
            break;
        }
        wakes += 1;
    }
    // Five in each interval of heartbeats, as the library has it, and no more.
    assert!((1..=310).contains(&wakes), "{wakes} timers in three seconds");
    assert_eq!(world.node(1).hears(), []);
}

#[test]
fn a_replica_goes_on_with_what_its_store_lacks() {
    // Commands 1, 2 to 4, 5, 6 to 7.
    for applied in [0, 1, 4, 5, 7] {
        for crash in [false, true] {
            let mut world = World::alone();
            world.commits(&[1, 3, 1, 2]);
            let (expected, clock) = (world.node(1).store.clone(), world.clock.clone());
            world.node(1).hears();
            match crash {
                true => world.node(1).crash(1, &clock),
                false => drop(world.node(1).groups.close(PARTITION)),
            }
            world.node(1).reopen(applied);
            world.until("it has the rest", |world| world.all_have(&expected.records));
            world.until("it leads again", |world| world.leader() == Some(1));
            assert_eq!(last_index_of_leads(world.node(1)), Some(7));
            world.commits(&[2, 1]);
            assert_eq!(counts(world.node(1)), [1, 3, 1, 2, 2, 1], "from {applied} on");
        }
    }
}

fn last_index_of_leads(node: &Node) -> Option<Index> {
    let leads = |event: &Event| match event {
        Event::Leads { last_index, .. } => Some(*last_index),
        _ => None,
    };
    node.heard.iter().rev().find_map(leads)
}

#[test]
fn what_no_disk_had_is_gone_after_a_crash() {
    let mut world = World::alone();
    world.commits(&[1, 2]);
    world.node(1).stalled = true;
    let lost = world.node(1).propose(4);
    world.settle();
    world.node(1).stalled = false;
    world.restart(1);
    world.until("it leads again", |world| world.leader() == Some(1));
    assert!(world.node(1).leads() > Some(lost.epoch.term), "and gives no place out twice in a term");
    assert_eq!(last_index_of_leads(world.node(1)), Some(3));
    world.commits(&[1]);
    assert_eq!(counts(world.node(1)), [1, 2, 1]);
}

#[test]
fn nothing_is_heard_of_a_replica_that_is_closed() {
    let mut world = World::alone();
    world.commits(&[1]);
    let written = world.node(1).kept();
    world.node(1).hears();
    world.node(1).propose(1);
    world.node(1).groups.read(PARTITION, 3);
    world.node(1).groups.close(PARTITION);
    world.pass(10_000);
    assert_eq!((world.node(1).hears(), counts(world.node(1))), (vec![], vec![1]));
    assert_eq!(world.node(1).kept(), written);
    assert_eq!(world.node(1).groups.wakes_at(), None, "nor does it cost anything");
}

#[test]
fn it_goes_on_from_what_its_store_has_flushed() {
    let mut world = World::alone();
    world.commits(&[1, 3, 1]);
    world.lets_go(1, 4);
    let left = |world: &mut World| counts_of(&world.node(1).kept());
    assert_eq!(left(&mut world), [1, 3, 1], "a part of them is needed: whole segments go");
    world.lets_go(1, 5);
    assert_eq!(left(&mut world), [], "the log lets go of what is in the store");
    world.commits(&[2, 1]);
    for _ in 0..2 {
        let (expected, clock) = (world.node(1).store.clone(), world.clock.clone());
        world.node(1).crash(1, &clock);
        world.node(1).reopen(5);
        world.until("it has the rest", |world| world.all_have(&expected.records));
        world.until("it leads again", |world| world.leader() == Some(1));
        world.commits(&[1]);
    }
    assert_eq!(counts(world.node(1)), [1, 3, 1, 2, 1, 1, 1]);
    // Nobody lets go of what is not there, nor twice.
    let written = world.node(1).kept();
    for index in [0, 4, 100] {
        world.lets_go(1, index);
        assert_eq!(world.node(1).kept(), written, "up to {index}");
    }
}

#[test]
fn a_store_that_is_not_the_one_of_its_log_is_refused() {
    // Behind what its log has let go of; ahead of what its log has.
    for (applied, is_its_own) in [(1, false), (4, true), (5, true), (6, false)] {
        let mut world = World::alone();
        world.commits(&[1, 3, 1]);
        world.lets_go(1, 4);
        let clock = world.clock.clone();
        world.node(1).crash(1, &clock);
        world.node(1).hears();
        world.node(1).reopen(applied);
        world.pass(1_000);
        let heard = world.node(1).hears();
        let has_failed = matches!(&heard[..], [Event::Failed(why)] if why.contains("its store has"));
        assert_eq!(has_failed, !is_its_own, "with {applied} commands: {heard:?}");
        assert_eq!(world.leader().is_some(), is_its_own, "with {applied} commands");
    }
}
