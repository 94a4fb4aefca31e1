//! A disk that fills up: writes are refused, reads and removals go on, and when
//! there is room again, writes resume by themselves.
//!
//! The disk is a file system in memory that the test mounts, which takes root.
//! Where mounting is not allowed the test is run again in a user and mount
//! namespace of its own, in which it is; where that is refused too, it fails
//! and says so: a disk cannot be filled safely otherwise.

use crate::process::{Launch, Node};
use crate::talk::{self, Data, Table};
use model::code;
use proto::Failure;
use proto::data::RemoveRequest;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

const TABLES: [Table; 2] = [Table::durable("rocks"), Table { store: "memory", ..Table::durable("memory") }];
const DISK_MIB: u64 = 64;
const VALUE_BYTES: usize = 64 << 10;

/// Says that this is the run inside the namespace.
const INSIDE: &str = "STATEHOUSE_TEST_MAY_MOUNT";

/// A small file system, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path) -> Option<Disk> {
        std::fs::create_dir(at).expect("a place for it");
        let size = format!("size={DISK_MIB}m");
        let mut mount = Command::new("mount");
        let done = mount.args(["-t", "tmpfs", "-o", &size, "statehouse-test"]).arg(at).output();
        done.is_ok_and(|done| done.status.success()).then(|| Disk(at.to_owned()))
    }

    /// Takes all that is left, but so much.
    fn fill(&self, leave_bytes: u64) {
        let out = Command::new("df").args(["--output=avail", "-B1"]).arg(&self.0).output().expect("df");
        let text = String::from_utf8_lossy(&out.stdout).into_owned();
        let free: u64 = text.lines().nth(1).and_then(|line| line.trim().parse().ok()).expect("a number");
        let filler = vec![0; usize::try_from(free.saturating_sub(leave_bytes)).expect("it fits")];
        std::fs::write(self.filler(), filler).expect("there is room for so much");
    }

    fn make_room(&self) {
        std::fs::remove_file(self.filler()).expect("it is there");
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: whatever still has files open lets go of them first.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

/// Runs this very test where mounting is allowed.
fn again_inside() {
    assert!(
        std::env::var_os(INSIDE).is_none(),
        "no file system can be mounted, even in a namespace of its own"
    );
    let program = std::env::current_exe().expect("this program");
    let mut inside = Command::new("unshare");
    inside.args(["--user", "--map-root-user", "--mount"]).arg(program).env(INSIDE, "1");
    let name = "full_disk::a_full_disk_refuses_writes_and_nothing_else";
    let status = inside.args(["--exact", name, "--nocapture"]).status();
    let status = status.expect("mounting takes root, or `unshare` of util-linux");
    assert!(status.success(), "inside a namespace of its own: {status}");
}

/// A key of a table and what it has to hold.
fn key(number: u64) -> String {
    format!("key {number:06}")
}

fn value(number: u64) -> Vec<u8> {
    (0..VALUE_BYTES).map(|at| (at as u64).wrapping_mul(number + 1) as u8).collect()
}

async fn write(data: &mut Data, table: &str, number: u64) -> Result<(), Failure> {
    let request = talk::upsert_of(table, vec![talk::item(key(number), value(number))]);
    data.upsert(request).await.map(drop).map_err(Failure::from)
}

/// Writes until it is refused for want of room; how many rows were taken.
async fn write_until_refused(data: &mut Data, table: &str, first: u64) -> u64 {
    for number in first.. {
        match write(data, table, number).await {
            Ok(()) => {}
            Err(failure) => {
                assert!(failure.is(code::LOG_FULL) && !failure.hint.is_empty(), "{failure}");
                return number;
            }
        }
        assert!(number < first + DISK_MIB * 64, "more was taken than the disk has");
    }
    unreachable!("numbers do not end")
}

/// It tries again by itself; until then it refuses by the same name.
async fn write_until_taken(data: &mut Data, table: &str, number: u64) {
    while let Err(failure) = write(data, table, number).await {
        assert!(failure.is(code::LOG_FULL), "{failure}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn all_there(node: &Node, table: &str, rows: std::ops::Range<u64>) {
    let mut data = talk::data(node).await;
    for number in rows {
        let read = data.get(talk::get_of(table, &[key(number)])).await.expect("reads go on").into_inner();
        assert!(talk::values(read)[0].as_deref() == Some(&value(number)[..]), "row {number} of {table}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_writes_and_nothing_else() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let Some(disk) = Disk::mount(&dir.path().join("disk")) else { return again_inside() };
    let launch =
        Launch::server(&disk.0).set("limits.log-segment-bytes=1MiB").set("limits.log-recycled-max=0");
    let mut node = launch.start().await;
    let mut data = talk::data(&node).await;
    for table in TABLES {
        table.create(&node).await;
        write(&mut data, table.name, 0).await.expect("there is room");
    }
    disk.fill(8 << 20);
    let mut taken = Vec::new();
    for table in TABLES {
        taken.push(write_until_refused(&mut data, table.name, 1).await);
    }
    assert!(taken[0] > 1, "nothing was taken although there was room");
    for (table, taken) in TABLES.into_iter().zip(&taken) {
        all_there(&node, table.name, 0..*taken).await;
        let request = RemoveRequest {
            header: None,
            table: table.name.to_owned(),
            keys: vec![key(0).into()],
            ..RemoveRequest::default()
        };
        data.remove(request).await.expect("removals are taken");
    }
    disk.make_room();
    for (table, taken) in TABLES.into_iter().zip(&mut taken) {
        write_until_taken(&mut data, table.name, *taken).await;
        *taken += 1;
    }
    node.process.kill();
    let node = launch.start().await;
    for (table, taken) in TABLES.into_iter().zip(taken) {
        all_there(&node, table.name, 1..taken).await;
        let read = talk::data(&node).await.get(talk::get_of(table.name, &[key(0)])).await.expect("a read");
        assert_eq!(talk::values(read.into_inner()), [None], "what was removed is back in {}", table.name);
    }
    drop(node);
    drop(disk);
}
