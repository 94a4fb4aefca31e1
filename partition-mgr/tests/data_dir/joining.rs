//! A directory whose disk others are told of before it is set up.

use crate::world::{D, Told, anything, open, sim};
use env::Env;
use env::sim::SimDisk;
use model::{ClusterId, DiskId, NodeId};
use partition_mgr::{DataDir, Expect};
use std::path::Path;

fn begin(env: &Env) -> DiskId {
    DataDir::begin(env, Path::new(D)).expect("it is bare, or begun")
}

#[test]
fn the_disk_that_was_told_is_the_disk_that_is_set_up() {
    let disk = SimDisk::new();
    let told = begin(&sim(&disk, 1));
    // Asked again by a later process, which would draw another one.
    assert_eq!(begin(&sim(&disk, 2)), told);
    assert_eq!(DataDir::is_there(&sim(&disk, 3), Path::new(D)).ok(), Some(false));
    let (cluster, node) = (ClusterId(7), NodeId(3));
    let expect = Expect { cluster: Some(cluster), node: Some(node), disk: Some(told), ..anything() };
    let dir = DataDir::open(&sim(&disk, 4), Path::new(D), expect).expect("set up");
    assert_eq!((dir.cluster(), dir.node(), dir.disk(), dir.boot()), (cluster, node, told, 1));
    drop(dir);
    let mut heard = Told::default();
    heard.hear(&open(&disk, 5).expect("it is there"));
    assert_eq!(begin(&sim(&disk, 6)), told, "it is set up by now, and stays what it is");
}
