//! The memory store keeps what the traits promise: on a simulated disk, on a
//! real one, and without files.
#![allow(clippy::unwrap_used, reason = "tests")]

use env::sim::SimDisk;
use env::{Files, Plants};
use model::Limits;
use statestore::conformance::{self, Exchange, Subject};
use statestore::{MemoryStore, Store};
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn limits() -> Limits {
    // Small, so that checkpoints are also written on their own.
    Limits { checkpoint_bytes: 512, ..Limits::default() }
}

fn open(files: Arc<dyn Files>, dir: &Path) -> MemoryStore {
    MemoryStore::open(files, dir, &limits(), Plants::NONE).unwrap()
}

/// On a simulated disk that loses power.
struct OnSimDisk {
    disk: SimDisk,
    store: MemoryStore,
}

impl OnSimDisk {
    fn new() -> OnSimDisk {
        let disk = SimDisk::new();
        for dir in ["/data", "/scratch"] {
            disk.create_dir(Path::new(dir)).unwrap();
        }
        disk.sync_dir(Path::new("/")).unwrap();
        OnSimDisk { store: open(Arc::new(disk.clone()), Path::new("/data/memory")), disk }
    }
}

impl Subject for OnSimDisk {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn crash(&mut self) {
        // The last image visited keeps everything; the first, nothing.
        let mut least = None;
        self.disk.pending().each_image(&mut env::Rng::from_seed(1).stream("power loss"), |image| {
            least.get_or_insert(image);
        });
        self.disk = SimDisk::from_image(least.unwrap());
        self.store = open(Arc::new(self.disk.clone()), Path::new("/data/memory"));
    }

    fn exchange(&self) -> Option<Exchange<'_>> {
        let disk = Arc::new(self.disk.clone());
        Some(Exchange { store: &self.store, disk, scratch: PathBuf::from("/scratch") })
    }

    fn open_checkpoint(&self, dir: &Path) -> Box<dyn Store> {
        Box::new(open(Arc::new(self.disk.clone()), dir))
    }
}

/// On the machine's own disk.
struct OnDisk {
    dir: tempfile::TempDir,
    store: MemoryStore,
}

impl OnDisk {
    fn new() -> OnDisk {
        let dir = tempfile::tempdir().unwrap();
        env::real::OsFiles.create_dir(&dir.path().join("scratch")).unwrap();
        OnDisk { store: open(Arc::new(env::real::OsFiles), &dir.path().join("memory")), dir }
    }
}

impl Subject for OnDisk {
    fn store(&self) -> &dyn Store {
        &self.store
    }

    fn crash(&mut self) {
        self.store = open(Arc::new(env::real::OsFiles), &self.dir.path().join("memory"));
    }

    fn exchange(&self) -> Option<Exchange<'_>> {
        let scratch = self.dir.path().join("scratch");
        Some(Exchange { store: &self.store, disk: Arc::new(env::real::OsFiles), scratch })
    }

    fn open_checkpoint(&self, dir: &Path) -> Box<dyn Store> {
        Box::new(open(Arc::new(env::real::OsFiles), dir))
    }
}

/// Without files.
struct Volatile(MemoryStore);

impl Subject for Volatile {
    fn store(&self) -> &dyn Store {
        &self.0
    }

    fn crash(&mut self) {
        self.0.crash();
    }

    fn exchange(&self) -> Option<Exchange<'_>> {
        None
    }

    fn open_checkpoint(&self, _dir: &Path) -> Box<dyn Store> {
        unreachable!("it writes none")
    }
}

#[test]
fn conforms_on_a_simulated_disk() {
    conformance::run(&mut || Box::new(OnSimDisk::new()));
}

#[test]
fn conforms_on_a_real_disk() {
    conformance::run(&mut || Box::new(OnDisk::new()));
}

#[test]
fn conforms_without_files() {
    conformance::run(&mut || Box::new(Volatile(MemoryStore::volatile(&limits(), Plants::NONE))));
}
