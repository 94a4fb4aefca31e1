//! A process ends, and the others are told, or are told wrongly.

use super::world::{MS, World};
use env::Clock;
use model::{NodeId, RecordKind};
use replication::raft::Event;

/// Three of which one leads, and everybody has something.
fn three() -> World {
    let mut world = World::founded(&[1, 2, 3]);
    world.until("somebody leads", |world| world.leader().is_some());
    world.settle();
    world.commits(&[1, 2]);
    world
}

fn others(leader: u64) -> Vec<u64> {
    (1..=3).filter(|id| *id != leader).collect()
}

/// It ends; these are told that it has. How long until somebody else leads, in ms?
fn ends(world: &mut World, leader: u64, told: &[u64]) -> u64 {
    let before = world.clock.mono().0;
    world.cut = [leader].into();
    for id in told {
        world.node(*id).groups.lose(NodeId(leader));
        world.node(*id).groups.bereave(NodeId(leader));
    }
    world.until("another leads", |world| world.leader() != Some(leader));
    (world.clock.mono().0 - before) / MS
}

fn goes_on(world: &mut World, without: u64) {
    let leader = world.leader().expect("somebody leads");
    let record = world.node(leader).propose(3);
    world.pass(500);
    for id in others(without) {
        assert_eq!(world.node(id).store.records.last(), Some(&record), "node {id}");
    }
}

#[test]
fn another_leads_at_once_whoever_of_them_is_told() {
    // Who is told, and how long it may take: the first heir waits for a witness.
    for (first, second, most_ms) in [(true, true, 1), (false, true, 1), (true, false, 260)] {
        let mut world = three();
        let leader = world.leader().expect("somebody leads");
        let told = others(leader).into_iter().zip([first, second]);
        let told: Vec<u64> = told.filter_map(|(id, is_told)| is_told.then_some(id)).collect();
        let took = ends(&mut world, leader, &told);
        assert!(took <= most_ms, "{told:?} were told: {took} ms");
        assert_eq!(world.leader(), Some(others(leader)[0]));
        goes_on(&mut world, leader);
    }
}

#[test]
fn who_has_more_leads() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    let (first, second) = (others(leader)[0], others(leader)[1]);
    world.cut = [first].into();
    let record = world.node(leader).propose(2);
    world.settle();
    let took = ends(&mut world, leader, &[first, second]);
    // It is asked in vain for as long as it may take to answer.
    assert!(took <= 110, "{took} ms");
    assert_eq!(world.leader(), Some(second));
    world.pass(500);
    assert_eq!(world.node(first).store.records.last(), Some(&record), "what was acknowledged is there");
}

#[test]
fn a_false_alarm_costs_a_lead_and_nothing_else() {
    let mut world = three();
    for _ in 0..4 {
        let leader = world.leader().expect("somebody leads");
        for id in others(leader) {
            world.node(id).groups.bereave(NodeId(leader));
            // It is told again and again.
            world.node(id).groups.bereave(NodeId(leader));
        }
        world.settle();
        assert_eq!(world.leader(), Some(others(leader)[0]));
        world.commits(&[1]);
        // Of whoever does not lead nothing is inherited.
        let heir = world.leader().expect("somebody leads");
        for id in 1..=3 {
            world.node(id).groups.bereave(NodeId(leader));
        }
        world.pass(1_000);
        assert_eq!(world.leader(), Some(heir));
    }
    let blanks = world.node(1).kept().iter().filter(|record| record.kind == RecordKind::Blank).count();
    assert!(blanks <= 5, "each lead is inherited once: {blanks}");
}

#[test]
fn who_is_left_alone_does_not_lead() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    let (alone, other) = (others(leader)[0], others(leader)[1]);
    world.cut = [leader, other].into();
    world.node(alone).hears();
    for gone in [leader, other] {
        world.node(alone).groups.lose(NodeId(gone));
        world.node(alone).groups.bereave(NodeId(gone));
    }
    world.pass(5_000);
    let heard = world.node(alone).hears();
    assert!(!heard.iter().any(|event| matches!(event, Event::Leads { .. })), "{heard:?}");
}

/// A library that is refused a stream tries again at once, for ever, unless its
/// network lets it wait: then the world would not come to rest.
#[test]
fn a_dead_peer_costs_next_to_nothing() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    let dead = others(leader)[0];
    world.cut = [dead].into();
    world.said_to.clear();
    for _ in 0..100 {
        world.node(leader).groups.lose(NodeId(dead));
        world.node(leader).propose(1);
        world.pass(100);
    }
    // A heartbeat each 50 ms, and as many attempts to go on with what it lacks.
    let said = world.said_to.get(&dead).copied().unwrap_or_default();
    assert!((20..800).contains(&said), "{said} messages in 10 s to one that is dead");
}
