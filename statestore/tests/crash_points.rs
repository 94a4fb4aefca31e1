//! The memory store on a disk that may lose power after every operation:
//! whatever image is left, each partition is at an index it has been at, with
//! the rows it had there, and no further back than its last flush.
#![allow(clippy::unwrap_used, reason = "tests")]

use env::files::read_all;
use env::sim::{Fault, Image, OpKind, SimDisk};
use env::{Files, Plant, Plants, Rng};
use model::{Index, Limits, Mutation, PartitionId, code};
use statestore::{MemoryStore, Part, Store, content_hash, inspect};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

const DIR: &str = "/data/memory";
const ONE: PartitionId = PartitionId(1);
const TWO: PartitionId = PartitionId(2);

/// What must hold of any image left at some moment.
#[derive(Clone, Default)]
struct Promise {
    /// Partitions that must be there, and from which index on.
    at_least: BTreeMap<PartitionId, Index>,
    /// Partitions that may be there: those, and ones being made or removed.
    may: BTreeSet<PartitionId>,
}

/// Images by fingerprint, with what was promised whenever each was possible.
type Images = BTreeMap<u64, (Image, Vec<Promise>)>;

struct World {
    disk: SimDisk,
    store: MemoryStore,
    plants: Plants,
    promise: Arc<Mutex<Promise>>,
    history: BTreeMap<(PartitionId, Index), u128>,
    images: Arc<Mutex<Images>>,
}

/// A counter, so that a command applied twice or not at all shows, and rows
/// that make a checkpoint of several sectors.
fn command(partition: PartitionId, index: Index) -> Part {
    let mutations = vec![
        Mutation::put(&b"\x01n"[..], index.to_string()),
        Mutation::put(format!("\x01row{index}"), vec![index as u8; 300]),
    ];
    Part { partition, first_index: index, count: 1, mutations }
}

fn limits() -> Limits {
    Limits { checkpoint_bytes: 700, ..Limits::default() }
}

fn open(disk: &SimDisk, plants: Plants) -> MemoryStore {
    MemoryStore::open(Arc::new(disk.clone()), Path::new(DIR), &limits(), plants).unwrap()
}

impl World {
    fn new(plants: Plants) -> World {
        let disk = SimDisk::new();
        disk.create_dir(Path::new("/data")).unwrap();
        disk.sync_dir(Path::new("/")).unwrap();
        let (promise, images) = (Arc::<Mutex<Promise>>::default(), Arc::<Mutex<Images>>::default());
        let (seen, kept) = (promise.clone(), images.clone());
        disk.watch(move |_, _, pending| {
            let promise = seen.lock().unwrap().clone();
            pending.each_image(&mut Rng::from_seed(1).stream("power loss"), |image| {
                let mut kept = kept.lock().unwrap();
                let (_, promises) = kept.entry(image.fingerprint()).or_insert_with(|| (image, Vec::new()));
                promises.push(promise.clone());
            });
        });
        let store = open(&disk, plants);
        World { disk, store, plants, promise, history: BTreeMap::new(), images }
    }

    fn promise(&self, change: impl FnOnce(&mut Promise)) {
        change(&mut self.promise.lock().unwrap());
    }

    /// Notes what a partition is at an index, before an image can show it.
    fn expect(&mut self, id: PartitionId, index: Index) {
        let twin = MemoryStore::volatile(&limits(), Plants::NONE);
        twin.create(&[id], 0).unwrap();
        (1..=index).for_each(|index| twin.apply(&[command(id, index)]).unwrap());
        self.history.insert((id, index), content_hash(&twin, id).unwrap());
    }

    fn may_come(&mut self, id: PartitionId) {
        self.expect(id, 0);
        self.promise(|promise| promise.may.extend([id]));
    }

    fn create(&mut self, id: PartitionId) {
        self.may_come(id);
        self.store.create(&[id], 0).unwrap();
        self.promise(|promise| promise.at_least.extend([(id, 0)]));
    }

    fn apply(&mut self, id: PartitionId) {
        let index = self.store.applied(id).unwrap() + 1;
        self.expect(id, index);
        self.store.apply(&[command(id, index)]).unwrap();
        assert_eq!(self.history[&(id, index)], content_hash(&self.store, id).unwrap());
    }

    fn flush(&mut self, id: PartitionId) {
        self.store.flush(&[id]).unwrap();
        let flushed = self.store.flushed(id).unwrap();
        assert_eq!(flushed, self.store.applied(id).unwrap());
        self.promise(|promise| promise.at_least.extend([(id, flushed)]));
    }

    fn remove(&mut self, id: PartitionId) {
        self.promise(|promise| promise.at_least.retain(|at, _| *at != id));
        self.store.remove(id).unwrap();
        self.promise(|promise| promise.may.retain(|at| *at != id));
    }

    /// The first image that breaks its promise, and how many there are.
    fn judge(&self) -> (usize, Option<String>) {
        let images = self.images.lock().unwrap();
        let broken = images.values().find_map(|(image, promises)| {
            let store = open(&SimDisk::from_image(image.clone()), self.plants);
            promises.iter().find_map(|promise| self.broken(&store, promise))
        });
        (images.len(), broken)
    }

    fn broken(&self, store: &MemoryStore, promise: &Promise) -> Option<String> {
        let held = store.partitions().unwrap();
        if let Some(id) = promise.at_least.keys().find(|id| !held.contains(id)) {
            return Some(format!("partition {id} is lost"));
        }
        held.into_iter().find_map(|id| {
            let (index, hash) = (store.applied(id).unwrap(), content_hash(store, id).unwrap());
            if !promise.may.contains(&id) {
                return Some(format!("partition {id} is back"));
            }
            if promise.at_least.get(&id).is_some_and(|least| index < *least) {
                return Some(format!("partition {id} is back at {index}"));
            }
            let rows_differ = self.history.get(&(id, index)) != Some(&hash);
            rows_differ.then(|| format!("partition {id} has rows that are not those of index {index}"))
        })
    }
}

fn script(plants: Plants) -> World {
    let mut world = World::new(plants);
    world.create(ONE);
    for _ in 0..3 {
        world.apply(ONE);
    }
    world.flush(ONE);
    world.create(TWO);
    for _ in 0..6 {
        world.apply(ONE);
        world.apply(TWO);
    }
    world.flush(TWO);
    world.remove(ONE);
    world.apply(TWO);
    world.flush(TWO);
    world.apply(TWO);
    world.create(ONE);
    world
}

#[test]
fn every_image_keeps_the_promises() {
    let (images, broken) = script(Plants::NONE).judge();
    assert_eq!(broken, None);
    assert!(images > 100, "{images} images");
}

#[test]
fn an_applied_row_outside_its_batch_is_found() {
    let (_, broken) = script(Plants::of(Plant::AppliedOutsideBatch)).judge();
    let broken = broken.expect("the planted bug shows");
    assert!(broken.contains("rows that are not those of index"), "{broken}");
}

#[test]
fn a_failed_flush_says_so_and_promises_nothing() {
    let ops = [OpKind::Create, OpKind::Write, OpKind::Sync, OpKind::Rename, OpKind::SyncDir];
    let faults = [
        (Fault::Eio, code::STORE_IO),
        (Fault::Full, code::DISK_FULL),
        (Fault::ReadOnly, code::DIRECTORY_READ_ONLY),
    ];
    for (op, (fault, expected)) in ops.into_iter().flat_map(|op| faults.map(|fault| (op, fault))) {
        let mut world = World::new(Plants::NONE);
        world.create(ONE);
        world.apply(ONE);
        world.disk.set_faults(move |kind, _| (kind == op).then_some(fault));
        let error = world.store.flush(&[ONE]).unwrap_err();
        assert_eq!(error.code(), expected, "{op:?}: {error}");
        assert_eq!(world.store.flushed(ONE).unwrap(), 0, "{op:?}");
        world.may_come(TWO);
        assert_eq!(world.store.create(&[TWO], 0).unwrap_err().code(), expected, "{op:?}");
        assert_eq!(world.store.partitions().unwrap(), [ONE], "{op:?}");
        // Apply goes on: what it did is in the log.
        for _ in 0..4 {
            world.apply(ONE);
        }
        world.disk.clear_faults();
        world.flush(ONE);
        assert_eq!(world.judge().1, None, "{op:?}");
    }
}

#[test]
fn damage_and_strangers_in_the_directory() {
    let world = script(Plants::NONE);
    let path = Path::new(DIR).join("2.rows");
    let try_open =
        |disk: &SimDisk| MemoryStore::open(Arc::new(disk.clone()), Path::new(DIR), &limits(), Plants::NONE);
    // Everybody but the damaged is held.
    let code_of = |disk: &SimDisk, id| try_open(disk).unwrap().applied(id).unwrap_err().code();
    let disk = world.disk.after_process_death();
    // Half a file that was never renamed, and a file that is not ours.
    for name in ["3.rows.new", "README", "02.rows"] {
        disk.create(&Path::new(DIR).join(name)).unwrap();
    }
    drop(try_open(&disk).unwrap());
    assert!(disk.open(&Path::new(DIR).join("3.rows.new")).is_err(), "removed");
    let content = read_all(&*disk.open(&path).unwrap()).unwrap();
    disk.create(&Path::new(DIR).join("3.rows")).and_then(|file| file.write_at(0, &content)).unwrap();
    assert_eq!(code_of(&disk, PartitionId(3)), code::STORE_DAMAGED, "a file under another's name");
    assert_eq!(try_open(&disk).unwrap().applied(TWO).unwrap(), world.store.flushed(TWO).unwrap());
    disk.rot(&path, content.len() as u64 / 2, |bytes| bytes[0] ^= 1);
    assert_eq!(code_of(&disk, TWO), code::STORE_DAMAGED);
    let store = try_open(&disk).unwrap();
    assert_eq!(store.partitions().unwrap(), [ONE]);
    assert_eq!(
        store.create(&[TWO], 0).unwrap_err().code(),
        code::PARTITION_EXISTS,
        "nothing takes its place"
    );
    store.remove(PartitionId(3)).unwrap();
    assert!(disk.open(&Path::new(DIR).join("3.rows")).is_err(), "but it may be given up");
    disk.rot(&path, 8, |bytes| bytes[0] = 9);
    let error = try_open(&disk).unwrap().applied(TWO).unwrap_err();
    assert_eq!(error.code(), code::STORE_DAMAGED);
    assert!(error.to_string().contains("format 9"), "{error}");
    disk.unlink(&path).unwrap();
    disk.create_dir(&path).unwrap();
    assert_eq!(try_open(&disk).err().unwrap().code(), code::WRONG_FILE_TYPE);
}

#[test]
fn inspection_shows_headers_and_damage() {
    let mut world = script(Plants::NONE);
    world.apply(ONE);
    world.flush(ONE);
    world.flush(TWO);
    let disk = &world.disk;
    let found = inspect::memory(disk, Path::new(DIR)).unwrap();
    let rows: Vec<_> =
        found.rows.iter().map(|row| (row.partition, row.applied, row.keys, row.slot.as_str())).collect();
    assert_eq!(rows, [(ONE, 1, 4, "1.rows"), (TWO, 8, 11, "2.rows")]);
    disk.rot(&Path::new(DIR).join("1.rows"), 20, |bytes| bytes[0] ^= 1);
    let found = inspect::memory(disk, Path::new(DIR)).unwrap();
    assert_eq!((found.rows.len(), found.problems[0].1.code()), (1, code::STORE_DAMAGED));
}
