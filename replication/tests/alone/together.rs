//! Groups of several, each driven by itself.

use super::node::PARTITION;
use super::world::{World, wanted};
use model::{Index, NodeId, Record, RecordKind, ReplicaId};
use replication::raft::{Event, Members};

fn is_lead(event: &Event) -> bool {
    matches!(event, Event::Leads { .. })
}

/// Three that lead and follow each other.
fn three() -> World {
    let mut world = World::founded(&[1, 2, 3]);
    world.until("somebody leads", |world| world.leader().is_some());
    world.settle();
    world
}

/// Two of which one leads.
fn two() -> World {
    let mut world = World::founded(&[1, 2]);
    world.until("somebody leads", |world| world.leader().is_some());
    world.settle();
    world
}

/// One that has let go of everything, and another that has nothing.
fn behind() -> (World, Vec<Record>) {
    let mut world = World::alone();
    world.commits(&[1, 3, 2]);
    world.lets_go(1, 6);
    assert!(world.node(1).kept().iter().all(|record| record.count == 0));
    let records = world.node(1).store.records.clone();
    world.come(2);
    (world, records)
}

fn settled(events: &[Event]) -> Option<Members> {
    let members = |event: &Event| match event {
        Event::Settled { members, .. } => Some(members.clone()),
        _ => None,
    };
    events.iter().rev().find_map(members)
}

#[test]
fn three_elect_one_and_commit() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    world.commits(&[1, 2]);
    world.pass(1_500);
    world.commits(&[3]);
    for id in 1..=3 {
        let heard = world.node(id).hears();
        let leads = heard.iter().filter(|event| is_lead(event)).count();
        assert_eq!(leads, usize::from(id == leader), "{id} has heard {heard:?}");
        let last = heard.iter().rev().find(|event| matches!(event, Event::Follows(_)));
        assert!(id == leader || last == Some(&Event::Follows(Some(NodeId(leader)))));
    }
}

#[test]
fn what_others_have_is_committed_here_once_it_is_here() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    world.commits(&[1]);
    world.node(leader).stalled = true;
    world.node(leader).propose(2);
    world.settle();
    let upto = |world: &mut World, id: u64| -> Index { world.node(id).store.upto() };
    for id in 1..=3 {
        let expected = if id == leader { 1 } else { 3 };
        assert_eq!(upto(&mut world, id), expected, "node {id}");
    }
    world.node(leader).stalled = false;
    world.settle();
    assert_eq!(upto(&mut world, leader), 3);
}

#[test]
fn without_most_of_them_nothing_is_committed_or_read() {
    let mut world = three();
    let leader = world.leader().expect("somebody leads");
    world.commits(&[1]);
    world.cut = (1..=3).filter(|id| *id != leader).collect();
    world.node(leader).hears();
    world.node(leader).propose(2);
    world.node(leader).groups.read(PARTITION, 5);
    world.pass(10_000);
    assert_eq!(world.node(leader).store.upto(), 1);
    let heard = world.node(leader).hears();
    assert!(!heard.iter().any(|event| matches!(event, Event::ReadAt(..))), "{heard:?}");
    world.cut.clear();
    let is_there = |world: &World| world.leader().is_some();
    world.until("somebody leads", is_there);
    world.pass(1_500);
    world.commits(&[1]);
}

#[test]
fn a_former_leader_gives_up_what_nobody_else_has() {
    let mut world = three();
    let former = world.leader().expect("somebody leads");
    world.commits(&[1]);
    world.cut = [former].into();
    let given_up = world.node(former).propose(2);
    world.until("another leads", |world| world.leader() != Some(former));
    let leader = world.leader().expect("another leads");
    let instead = world.node(leader).propose(1);
    world.pass(2_000);
    world.cut.clear();
    world.pass(2_000);
    assert!(world.node(former).leads().is_none());
    assert_ne!(given_up, instead);
    assert_eq!(world.node(former).store.records[1..], [instead]);
    // Its log says so too, however often it is read.
    world.commits(&[2]);
    let all = world.node(leader).store.records.clone();
    for _ in 0..2 {
        let clock = world.clock.clone();
        world.node(former).crash(former, &clock);
        world.node(former).reopen(0);
        world.until("it has everything again", |world| world.all_have(&all));
    }
}

#[test]
fn whoever_lacks_what_is_gone_is_given_an_export_and_follows() {
    let (mut world, records) = behind();
    world.node(2).left_alone = true;
    world.want(&wanted(2, &[1, 2]));
    world.pass(1_500);
    let heard = world.node(2).hears();
    let behinds = heard.iter().filter(|event| **event == Event::Behind { leader: NodeId(1) }).count();
    assert_eq!(behinds, 1, "{heard:?}");
    // One that cannot be had is sent for again.
    world.node(2).fetched(None);
    world.pass(1_500);
    assert_eq!(world.node(2).hears(), [Event::DropExport, Event::Behind { leader: NodeId(1) }]);
    let export = world.node(1).export().expect("the leader has one");
    world.node(2).fetched(Some(export.clone()));
    world.pass(1_500);
    let taking = world.node(2).hears();
    assert_eq!(taking.iter().filter(|event| **event == Event::TakeExport).count(), 1, "{taking:?}");
    assert!(world.node(2).store.records.is_empty(), "nothing is committed meanwhile");
    world.node(2).take_export();
    world.node(2).left_alone = false;
    world.until("it has everything", |world| world.all_have(&records));
    world.until("it votes", |world| world.leader() == Some(1));
    world.commits(&[1, 2]);
    world.pass(1_500);
    let members = settled(&world.node(2).hears()).expect("it was told who belongs to it");
    assert_eq!(members.everybody(), wanted(2, &[1, 2]).seats);
    // What comes unasked is not needed.
    world.node(2).fetched(Some(export));
    world.pass(1_000);
    assert_eq!(world.node(2).hears(), [Event::DropExport]);
}

#[test]
fn an_export_is_all_that_is_needed_to_go_on() {
    // Its process dies before its log has heard of the export, after, or not at all.
    for (dies, log_knows) in [(false, true), (true, true), (true, false)] {
        let (mut world, records) = behind();
        world.node(2).left_alone = true;
        world.want(&wanted(2, &[1, 2]));
        world.until("it is sent for", |world| world.told(2, &Event::Behind { leader: NodeId(1) }));
        let export = world.node(1).export();
        world.node(2).fetched(export);
        world.until("it is wanted", |world| world.told(2, &Event::TakeExport));
        world.node(2).stalled = !log_knows;
        world.node(2).take_export();
        world.settle();
        assert_eq!(world.node(2).store.records, records);
        let purges = world.node(2).kept().iter().filter(|one| one.kind == RecordKind::Purge).count();
        assert_eq!(purges, usize::from(log_knows));
        (world.node(2).stalled, world.node(2).left_alone) = (false, false);
        if dies {
            world.restart(2);
        }
        world.pass(1_500);
        world.commits(&[1]);
        // From here on its log knows, too.
        for _ in 0..2 {
            world.restart(2);
            world.pass(1_500);
            world.commits(&[2]);
        }
        let heard = world.node(2).hears();
        assert!(!heard.iter().any(|event| matches!(event, Event::Failed(_))), "{heard:?}");
        let exports = heard.iter().filter(|event| **event == Event::TakeExport).count();
        assert_eq!(exports, 1, "one was enough: {heard:?}");
    }
}

#[test]
fn a_group_becomes_what_is_wanted_of_it() {
    let (mut world, records) = behind();
    world.come(3);
    let wish = wanted(2, &[1, 2, 3]);
    world.want(&wish);
    world.until("everybody has everything", |world| world.all_have(&records));
    world.pass(1_500);
    for id in 1..=3 {
        let members = settled(&world.node(id).hears()).expect("everybody is told");
        assert_eq!((members.who_votes().len(), members.is_joint()), (3, false), "node {id}");
        assert_eq!((members.everybody(), members.generation()), (wish.seats.clone(), 2), "node {id}");
    }
    world.commits(&[1, 2, 3]);
    // Each of them counts: any two go on without the third.
    let first = world.leader().expect("somebody leads");
    world.cut = [first].into();
    world.until("another leads", |world| world.leader() != Some(first));
    let leader = world.leader().expect("another leads");
    let record = world.node(leader).propose(1);
    world.pass(1_000);
    assert_eq!(world.node(leader).store.records.last(), Some(&record));
    // An earlier wish is nobody's any more.
    world.cut.clear();
    world.want(&wanted(1, &[1]));
    world.pass(1_500);
    world.commits(&[1]);
    let late = settled(&world.node(leader).hears());
    assert!(late.is_none_or(|members| members.everybody() == wish.seats));
}

#[test]
fn another_leads_where_it_is_wanted() {
    let mut world = two();
    world.commits(&[1, 2]);
    for round in 0..4 {
        let before = world.leader().expect("somebody leads");
        let heir = 3 - before;
        (1..=2).for_each(|id| drop(world.node(id).hears()));
        world.node(before).groups.hand_over(PARTITION, Some(ReplicaId(10 + heir)));
        // What comes too late for this leader is refused, and nowhere.
        let late = world.node(before).propose(1);
        world.settle();
        assert_eq!(world.leader(), Some(heir), "round {round}: at once");
        assert!(world.node(before).leads().is_none());
        let heard = world.node(before).hears();
        let refused = Event::Refused { term: late.epoch.term, first_index: late.first_index };
        assert!(heard.contains(&refused), "{heard:?}");
        assert!(heard.contains(&Event::Follows(Some(NodeId(heir)))), "{heard:?}");
        assert!(!world.node(heir).store.records.contains(&late));
        world.commits(&[1]);
    }
    // Whoever does not lead has nothing to hand over.
    let leader = world.leader().expect("somebody leads");
    let other = 3 - leader;
    world.node(other).groups.hand_over(PARTITION, Some(ReplicaId(10 + other)));
    world.pass(2_000);
    assert_eq!(world.leader(), Some(leader));
}

#[test]
fn a_leader_that_is_not_wanted_leaves_when_another_leads() {
    let mut world = two();
    world.commits(&[1]);
    let leader = world.leader().expect("somebody leads");
    let other = 3 - leader;
    world.want(&wanted(2, &[other]));
    world.until("the other leads", |world| world.leader() == Some(other));
    world.pass(1_500);
    let members = settled(&world.node(other).hears()).expect("it is told");
    assert_eq!(members.everybody(), wanted(2, &[other]).seats);
    // It needs nobody.
    world.cut = [leader].into();
    let record = world.node(other).propose(2);
    world.pass(1_500);
    assert_eq!(world.node(other).store.records.last(), Some(&record));
    assert_eq!(world.node(leader).store.upto(), 1);
}

#[test]
fn whoever_is_nearest_leads() {
    let mut world = three();
    world.commits(&[1, 2]);
    for _ in 0..4 {
        let before = world.leader().expect("somebody leads");
        let away = before % 3 + 1;
        world.cut = [away].into();
        world.node(before).propose(1);
        world.pass(1_000);
        world.node(before).groups.hand_over(PARTITION, None);
        world.settle();
        assert_eq!(world.leader(), Some(6 - before - away), "the one that is there");
        world.cut.clear();
        world.pass(1_500);
        world.commits(&[1]);
    }
    // Where nobody has been there for long, nobody is asked, and the leader goes on.
    let leader = world.leader().expect("somebody leads");
    world.cut = (1..=3).filter(|id| *id != leader).collect();
    world.pass(2_500);
    world.node(leader).groups.hand_over(PARTITION, None);
    world.settle();
    world.cut.clear();
    world.until("it is followed again", |world| world.leader() == Some(leader));
    world.pass(500);
    world.commits(&[1]);
}

#[test]
fn who_is_asked_in_vain_is_followed_by_the_next() {
    let mut world = three();
    world.commits(&[1]);
    let before = world.leader().expect("somebody leads");
    // The first that it would ask has gone a moment ago, and it does not know that yet.
    let (gone, left) = ((1..=3).find(|id| *id != before), (1..=3).rev().find(|id| *id != before));
    world.cut = gone.into_iter().collect();
    for _ in 0..2 {
        world.node(before).groups.hand_over(PARTITION, None);
        world.pass(60);
    }
    assert_eq!(world.leader(), left);
}

#[test]
fn the_one_that_is_to_lead_leads() {
    let mut world = three();
    world.commits(&[1, 2]);
    for round in 0..6 {
        let before = world.leader().expect("somebody leads");
        let heir = if round % 2 == 0 { before % 3 + 1 } else { (before + 1) % 3 + 1 };
        world.node(before).groups.hand_over(PARTITION, Some(ReplicaId(10 + heir)));
        world.settle();
        assert_eq!(world.leader(), Some(heir), "round {round}");
        world.commits(&[1]);
    }
}
