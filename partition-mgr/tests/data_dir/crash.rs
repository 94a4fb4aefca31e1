//! Every crash point of set-up and of a start, with every image that a power
//! loss may leave there, and every crash point of the start after it.

use crate::world::{D, Told, open};
use env::Files;
use env::Rng;
use env::sim::{Image, Pending, SimDisk};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};

/// Walks the images; each is looked at once for what had been told before it.
#[derive(Default)]
struct Walk {
    seen: BTreeSet<(u64, Told, u64)>,
}

impl Walk {
    /// Opens the disk, stops at every operation on the way, and opens again
    /// what a power loss leaves there; so on for `crashes` crashes.
    fn crash_while_opening(&mut self, disk: &SimDisk, told: Told, crashes: u64) {
        // Of a directory whose own name is lost, this disk keeps the names
        // inside, to show again when it is made again; a real one does not.
        assert!(told == Told::default() || disk.list(Path::new(D)).is_ok(), "what was told of is lost");
        let points = Arc::new(Mutex::new(vec![disk.pending()]));
        let watched = points.clone();
        disk.watch(move |_, _, pending| watched.lock().expect("one thread").push(pending.clone()));
        // Another seed each time: ids that are drawn again are other ids.
        let dir = open(disk, 100 + crashes).expect("a crash leaves nothing that is refused");
        disk.watch(|_, _, _| {});
        let mut after = told;
        after.hear(&dir);
        if crashes == 0 {
            return;
        }
        let points = std::mem::take(&mut *points.lock().expect("one thread"));
        for pending in &points {
            self.lose_power(pending, told, crashes - 1);
        }
        self.lose_power(&disk.pending(), after, crashes - 1);
    }

    fn lose_power(&mut self, pending: &Pending, told: Told, crashes: u64) {
        let mut images: Vec<Image> = Vec::new();
        pending.each_image(&mut Rng::from_seed(1).stream("images"), |image| images.push(image));
        for image in images {
            if self.seen.insert((image.fingerprint(), told, crashes)) {
                self.crash_while_opening(&SimDisk::from_image(image), told, crashes);
            }
        }
    }
}

#[test]
fn a_crash_while_an_absent_directory_is_set_up() {
    let mut walk = Walk::default();
    walk.crash_while_opening(&SimDisk::new(), Told::default(), 3);
    assert!(walk.seen.len() > 800, "only {} images", walk.seen.len());
}

#[test]
fn a_crash_while_an_empty_directory_is_set_up() {
    let disk = SimDisk::new();
    disk.create_dir(Path::new(D)).and_then(|()| disk.sync_dir(Path::new("/"))).expect("made");
    let mut walk = Walk::default();
    walk.crash_while_opening(&disk, Told::default(), 3);
    assert!(walk.seen.len() > 300, "only {} images", walk.seen.len());
}

#[test]
fn a_crash_while_a_directory_is_opened_again() {
    let disk = SimDisk::new();
    let mut told = Told::default();
    told.hear(&open(&disk, 1).expect("set up"));
    let mut walk = Walk::default();
    walk.crash_while_opening(&disk, told, 4);
    assert!(walk.seen.len() > 60, "only {} images", walk.seen.len());
}

#[test]
fn the_death_of_the_process_alone_gives_the_lock_back() {
    let disk = SimDisk::new();
    let mut told = Told::default();
    let dir = open(&disk, 1).expect("set up");
    told.hear(&dir);
    told.hear(&open(&disk.after_process_death(), 2).expect("its holder is dead"));
}
