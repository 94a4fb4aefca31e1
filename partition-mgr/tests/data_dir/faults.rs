//! A fault at each operation of a start, one after the other: a coded error,
//! and nothing lost once the fault is over, or after a power loss on top.

use crate::world::{D, Told, open};
use env::Files;
use env::Rng;
use env::sim::{Fault, SimDisk};
use model::{Code, code};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const FAULTS: [(Fault, Code); 3] = [
    (Fault::Full, code::DISK_FULL),
    (Fault::ReadOnly, code::DIRECTORY_READ_ONLY),
    (Fault::Eio, code::DIRECTORY_IO),
];

/// Does the fault go away by itself after one operation?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lasts {
    Once,
    FromThenOn,
}

/// Disks to start from, with what had been told of them.
fn beginnings() -> [(&'static str, SimDisk, Told); 3] {
    let empty = SimDisk::new();
    empty.create_dir(Path::new(D)).expect("made");
    let used = SimDisk::new();
    let mut told = Told::default();
    told.hear(&open(&used, 1).expect("set up"));
    [("absent", SimDisk::new(), Told::default()), ("empty", empty, Told::default()), ("used", used, told)]
}

/// How many operations a start takes on this disk.
fn operations(disk: &SimDisk) -> usize {
    let disk = disk.after_process_death();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    disk.set_faults(move |_, _| {
        counted.fetch_add(1, Ordering::Relaxed);
        None
    });
    open(&disk, 2).expect("no fault");
    count.load(Ordering::Relaxed)
}

fn each_power_loss(disk: &SimDisk, told: Told) {
    disk.pending().each_image(&mut Rng::from_seed(1).stream("images"), |image| {
        let mut told = told;
        told.hear(&open(&SimDisk::from_image(image), 4).expect("opens after a power loss"));
    });
}

#[test]
fn each_operation_may_fail() {
    for (beginning, start, told) in beginnings() {
        let operations = operations(&start);
        assert!(operations > 5, "{beginning}: {operations}");
        for at in 0..operations {
            for (fault, code) in FAULTS {
                for lasts in [Lasts::Once, Lasts::FromThenOn] {
                    fail_one(&start, told, at, (fault, code), lasts);
                }
            }
        }
    }
}

fn fail_one(start: &SimDisk, mut told: Told, at: usize, (fault, code): (Fault, Code), lasts: Lasts) {
    let disk = start.after_process_death();
    let mut done = 0;
    disk.set_faults(move |_, _| {
        done += 1;
        let now = if lasts == Lasts::Once { done == at + 1 } else { done > at };
        now.then_some(fault)
    });
    let error = open(&disk, 2).expect_err("one operation failed");
    assert_eq!(error.code(), code, "{fault:?} at {at}, {lasts:?}: {error}");
    assert!(error.to_string().contains("/"), "names a path: {error}");
    disk.clear_faults();
    each_power_loss(&disk, told);
    // What the next start sees may still be only in the page cache.
    let disk = disk.after_process_death();
    let dir = open(&disk, 3).expect("the fault is over");
    told.hear(&dir);
    drop(dir);
    each_power_loss(&disk, told);
}

#[test]
fn each_amount_of_room_is_enough_or_said_not_to_be() {
    for (beginning, start, told) in beginnings() {
        let (mut refused, mut opened) = (0, 0);
        for capacity in 0..1000 {
            let disk = start.after_process_death();
            disk.set_capacity(Some(capacity));
            let mut told = told;
            match open(&disk, 2) {
                Ok(dir) => {
                    told.hear(&dir);
                    opened += 1;
                }
                Err(error) => {
                    assert_eq!(error.code(), code::DISK_FULL, "{error}");
                    refused += 1;
                }
            }
            disk.set_capacity(None);
            told.hear(&open(&disk, 3).expect("there is room now"));
        }
        assert!(refused > 100 && opened > 100, "{beginning}: {refused} refused, {opened} opened");
    }
}
