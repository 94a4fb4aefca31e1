//! The disk that a node's data is on: a directory as it comes; or, where faults
//! of disks are wanted, ext4 on a device that lies on a file system that can be
//! taken away from under it.
//!
//! ```text
//! node ─► ext4 (disk/) ─► loop device ─► image ─► ext4 (base/) ─► loop device ─► image ─► tmpfs (room/)
//!         slow: frozen                            eio: shut down, so that the device fails
//!         full: filled up                              and forgets what it was not told to flush
//!         power: shut down, and the one below with it
//! ```
#![allow(clippy::disallowed_methods, reason = "real file systems, mounted and unmounted by commands")]

use crate::system;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each holds all of the one above it.
const DISK_MIB: u64 = 256;
const BASE_MIB: u64 = DISK_MIB + 64;
const ROOM_MIB: u64 = BASE_MIB + 16;
/// A device goes a moment after the last mount of it.
const UNMOUNT_TRIES: u32 = 200;
/// So often it is tried to fill a disk that somebody else writes to.
const FILLS_MAX: u32 = 20;
const IMAGE: &str = "image";
/// The witnesses of a power loss.
const SYNCED: &str = "witness-synced";
const UNSYNCED: &str = "witness-unsynced";
const WITNESS: [u8; 8192] = [7; 8192];

/// Where data is.
#[derive(Debug)]
pub struct Disk {
    at: PathBuf,
    /// What lies under it, if it is of our own.
    under: Option<Under>,
}

/// Two file systems under a disk.
#[derive(Debug)]
struct Under {
    base: PathBuf,
    room: PathBuf,
}

impl Disk {
    /// A directory below `dir`.
    pub fn plain(dir: &Path) -> io::Result<Disk> {
        let at = dir.join("disk");
        fs::create_dir(&at)?;
        Ok(Disk { at, under: None })
    }

    /// File systems of our own below `dir`; an error says what the machine lacks.
    pub fn of_our_own(dir: &Path) -> io::Result<Disk> {
        if !system::is_root() {
            return Err(io::Error::other("mounting takes root"));
        }
        system::mounts_of_our_own()?;
        run("mount", &["--make-rprivate", "/"])?;
        let [at, base, room] = ["disk", "base", "room"].map(|name| dir.join(name));
        for place in [&at, &base, &room] {
            fs::create_dir(place)?;
        }
        let size = format!("size={ROOM_MIB}m");
        run("mount", &["-t", "tmpfs", "-o", &size, "statehouse-chaos", text(&room)?])?;
        let disk = Disk { at, under: Some(Under { base, room }) };
        let under = disk.under()?;
        format(&under.room, BASE_MIB)?;
        mount(&under.room, &under.base)?;
        format(&under.base, DISK_MIB)?;
        mount(&under.base, &disk.at)?;
        Ok(disk)
    }

    /// For the node.
    pub fn data(&self) -> PathBuf {
        self.at.join("data")
    }

    fn under(&self) -> io::Result<&Under> {
        self.under.as_ref().ok_or_else(|| io::Error::other("the disk is a plain directory"))
    }

    /// Unmounted and mounted again, with what lies under it: nothing that was
    /// only in memory is left. Nobody has a file open there.
    pub fn remount(&self) -> io::Result<()> {
        let under = self.under()?;
        unmount(&self.at)?;
        unmount(&under.base)?;
        mount(&under.room, &under.base)?;
        mount(&under.base, &self.at)
    }

    /// Two files that say later whether power was really gone.
    pub fn leave_witnesses(&self) -> io::Result<()> {
        for name in [SYNCED, UNSYNCED] {
            let mut file = File::create(self.at.join(name))?;
            file.write_all(&WITNESS)?;
            if name == SYNCED {
                file.sync_all()?;
            }
        }
        Ok(())
    }

    /// Power is gone: for the file system, and for the device under it.
    pub fn lose_power(&self) -> io::Result<()> {
        system::shut_down(&self.at)?;
        self.fail()
    }

    /// From now on the device fails, whatever it is asked.
    pub fn fail(&self) -> io::Result<()> {
        system::shut_down(&self.under()?.base)
    }

    /// What was synced is there and what was not is gone; both go now.
    pub fn hear_witnesses(&self) -> Result<(), String> {
        let read = |name| fs::read(self.at.join(name)).unwrap_or_default() == WITNESS;
        let (synced, unsynced) = (read(SYNCED), read(UNSYNCED));
        for name in [SYNCED, UNSYNCED] {
            let _ = fs::remove_file(self.at.join(name));
        }
        match (synced, unsynced) {
            (true, false) => Ok(()),
            (false, _) => Err("what was synced before the power was lost is gone".to_owned()),
            (true, true) => Err("what was not synced has survived: power was not lost".to_owned()),
        }
    }

    /// Takes all that is free, but so much.
    pub fn fill(&self, leave_bytes: u64) -> io::Result<()> {
        let fill = || {
            let take = number_of(&self.at, "avail")?.saturating_sub(leave_bytes);
            run("fallocate", &["-l", &take.to_string(), text(&self.filler())?])
        };
        // The node writes meanwhile, and may take some of it first.
        let mut filled = fill();
        for _ in 0..FILLS_MAX {
            if filled.is_ok() {
                break;
            }
            let _ = self.empty();
            filled = fill();
        }
        filled
    }

    /// Gives it back.
    pub fn empty(&self) -> io::Result<()> {
        fs::remove_file(self.filler())
    }

    fn filler(&self) -> PathBuf {
        self.at.join("filler")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let Some(Under { base, room }) = &self.under else { return };
        for place in [&self.at, base, room] {
            // What does not let go goes with our mounts, at our end.
            let _ = unmount(place);
        }
    }
}

/// An image with ext4 on it, below a directory.
fn format(dir: &Path, mib: u64) -> io::Result<()> {
    let image = dir.join(IMAGE);
    File::create(&image)?.set_len(mib << 20)?;
    let whole = "lazy_itable_init=0,lazy_journal_init=0,nodiscard";
    run("mkfs.ext4", &["-q", "-F", "-b", "4096", "-m", "0", "-E", whole, text(&image)?])
}

/// The image of a directory. Its loop device goes when the mount does.
fn mount(dir: &Path, at: &Path) -> io::Result<()> {
    run("mount", &["-t", "ext4", "-o", "loop", text(&dir.join(IMAGE))?, text(at)?])
}

fn unmount(at: &Path) -> io::Result<()> {
    let mut unmounted = run("umount", &[text(at)?]);
    for _ in 0..UNMOUNT_TRIES {
        match &unmounted {
            Err(error) if error.to_string().contains("busy") => unmounted = run("umount", &[text(at)?]),
            _ => break,
        }
    }
    unmounted
}

/// A file system that waits, until this is dropped.
pub struct Frozen(PathBuf);

impl Frozen {
    /// Freezes it.
    pub fn freeze(disk: &Disk) -> io::Result<Frozen> {
        system::freeze(&disk.at)?;
        Ok(Frozen(disk.at.clone()))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = system::thaw(&self.0);
    }
}

fn text(path: &Path) -> io::Result<&str> {
    path.to_str().ok_or_else(|| io::Error::other("the scratch directory's name is no text"))
}

/// A number of `df`, in bytes.
fn number_of(path: &Path, column: &str) -> io::Result<u64> {
    let column = format!("--output={column}");
    let said = Command::new("df").args([&column, "-B1", text(path)?]).output()?;
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let number = said.lines().nth(1).and_then(|line| line.trim().parse().ok());
    number.ok_or_else(|| io::Error::other(format!("`df` says {said:?}")))
}

fn run(program: &str, args: &[&str]) -> io::Result<()> {
    let missing = |error| io::Error::other(format!("{program}: {error}"));
    let done = Command::new(program).args(args).output().map_err(missing)?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(io::Error::other(format!("`{program} {}`: {why}", args.join(" "))))
}
