//! Control calls: what is asked for is there when they return, and data goes
//! only by name.

use crate::world::{MEMORY, World, all, key, name};
use model::{PartitionId, code};
use partition_mgr::{Expect, ListedState, Node, Settings};
use pipeline::Profile;
use std::num::NonZeroU8;

#[test]
fn a_removed_partition_stays_until_it_is_erased() {
    let mut world = World::new();
    let ids = world.table("t", Profile::DURABLE);
    world.put("t", "k", "v").expect("written");
    let removed = world.handle("t", &key("k")).expect("served").id;
    world.node().remove_partition("default", removed, None).expect("there");
    assert_eq!(world.handle("t", &key("k")).err(), Some("no partition".to_owned()));
    for _ in 0..2 {
        let quarantined: Vec<_> =
            world.states().into_iter().filter(|s| s.1 != ListedState::Serving).collect();
        assert_eq!(quarantined, [(removed.0, ListedState::Quarantined)]);
        let held = world.node().list().into_iter().find(|one| one.id == removed).expect("listed");
        assert_eq!(held.applied, 1, "its data is still there");
        world.restart();
    }
    let other = ids.into_iter().find(|id| *id != removed).expect("four");
    let refused = world.node().erase("default", other, false).expect_err("in service");
    assert_eq!(refused.code(), code::NOT_QUARANTINED);
    world.node().erase("default", removed, false).expect("quarantined");
    assert_eq!(world.states().len(), 3);
    world.restart();
    assert_eq!(world.states().len(), 3);
}

#[test]
fn a_new_partition_takes_the_range_of_a_removed_one_under_a_new_id() {
    let world = World::new();
    world.table("t", Profile::DURABLE);
    world.put("t", "k", "old").expect("written");
    let removed = world.node().remove_range(&name("t"), &all(), true, None).expect("all of them");
    assert_eq!(removed.len(), 4);
    let id = world.node().add_partition(&name("t"), all(), None).expect("free");
    assert_eq!(id, PartitionId(5));
    assert_eq!(world.get("t", "k"), None);
    assert_eq!(world.put("t", "k", "new").expect("written").first_index, 1);
    let again = world.node().add_partition(&name("t"), all(), None).expect_err("taken");
    assert_eq!(again.code(), code::RANGE_OVERLAPS);
}

#[test]
fn without_its_list_a_node_serves_nothing_and_deletes_nothing() {
    let mut world = World::new();
    world.table("t", Profile::DURABLE);
    world.put("t", "k", "v").expect("written");
    world.node.take().expect("it runs").stop();
    let list = world.dir.path().join("data/DESIRED");
    let kept = std::fs::read(&list).expect("written");
    std::fs::remove_file(&list).expect("removed");
    world.start();
    assert!(world.states().iter().all(|(_, state)| *state == ListedState::Quarantined));
    assert_eq!(world.states().len(), 4);
    world.node.take().expect("it runs").stop();
    std::fs::write(&list, kept).expect("restored");
    world.start();
    assert_eq!(world.get("t", "k").map(|(_, value)| value), Some("v".to_owned()));
}

#[test]
fn a_damaged_list_is_refused() {
    let mut world = World::new();
    world.table("t", Profile::DURABLE);
    world.node.take().expect("it runs").stop();
    let list = world.dir.path().join("data/DESIRED");
    let mut bytes = std::fs::read(&list).expect("written");
    bytes[40] ^= 1;
    std::fs::write(&list, bytes).expect("damaged");
    let settings = Settings {
        data_dir: world.dir.path().join("data"),
        expect: Expect { cluster: None, node: None, stores: NonZeroU8::MIN, disk: None, may_set_up: true },
        limits: model::Limits::default(),
        shards: 1,
        sync: wal::SyncPolicy::Each,
        rocks: true,
        machines: machine::Registry::built_in(),
        rig: Default::default(),
    };
    let env = env::real::env().expect("an environment");
    let refused = Node::start(&env, settings, &mut |_| ()).err().expect("refused");
    assert_eq!(refused.code(), code::DESIRED_DAMAGED, "{refused}");
}

#[test]
fn looking_at_a_failure_leaves_it_to_be_published() {
    let world = World::simulated();
    world.table("t", MEMORY);
    world.break_partition("t", "k");
    world.node().keep_house();
    assert!(world.handle("t", &key("k")).is_err(), "the directory knows");
    assert_eq!(world.states().iter().filter(|(_, state)| *state == ListedState::Serving).count(), 3);
}

#[test]
fn the_log_keeps_what_a_refused_partition_has_in_it() {
    let mut world = World::simulated();
    world.table("t", MEMORY);
    let id = world.handle("t", &key("k")).expect("served").id;
    world.put("t", "k", "v").expect("written");
    world.break_partition("t", "k");
    world.node.take().expect("it runs").stop();
    // Replay makes a checkpoint of the first record, and stops at the second.
    world.limits.checkpoint_bytes = 1;
    world.start();
    let state = world.states().into_iter().find(|(listed, _)| *listed == id.0).expect("listed").1;
    assert!(matches!(&state, ListedState::Failed(why) if why.starts_with("SH1301")), "{state:?}");
    assert_eq!(world.node().list().iter().find(|one| one.id == id).map(|one| one.applied), Some(1));
    world.node().keep_house();
    assert_eq!(world.purged(id), Some(0));
}
