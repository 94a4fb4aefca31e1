//! What only the operating system's own calls can do to a process or to a file
//! system.
#![allow(unsafe_code, reason = "calls of libc with plain numbers and one open file")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// `_IOR('X', 125, u32)`: ext4 stops at once, as if power were gone.
const EXT4_IOC_SHUTDOWN: libc::c_ulong = 0x8004_587d;
/// Without flushing its journal.
const NO_LOG_FLUSH: u32 = 2;
/// `_IOWR('X', 119, int)` and the one behind it.
const FIFREEZE: libc::c_ulong = 0xc004_5877;
const FITHAW: libc::c_ulong = 0xc004_5878;

/// Sends a signal to a process that we have started and not yet waited for.
pub fn signal(pid: u32, signal: libc::c_int) -> io::Result<()> {
    let pid = libc::pid_t::try_from(pid).map_err(io::Error::other)?;
    // SAFETY: two numbers go in and one comes out; no memory is touched.
    checked(unsafe { libc::kill(pid, signal) })
}

/// Are we root?
pub fn is_root() -> bool {
    // SAFETY: it takes nothing, touches nothing and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

/// From here on, what this thread and its children mount is seen by nobody
/// else, and gone when the last of them is.
pub fn mounts_of_our_own() -> io::Result<()> {
    // SAFETY: a number goes in; no memory is touched.
    checked(unsafe { libc::unshare(libc::CLONE_NEWNS) })
}

/// Power is gone for the file system at `at`: what was not synced is lost, and
/// everything fails until it is mounted again.
pub fn shut_down(at: &Path) -> io::Result<()> {
    let dir = open(at)?;
    let flags = NO_LOG_FLUSH;
    // SAFETY: the file is open, and the call reads the u32 that lives in `flags`.
    checked(unsafe { libc::ioctl(dir.as_raw_fd(), EXT4_IOC_SHUTDOWN as _, &raw const flags) })
}

/// Whatever writes to the file system at `at` waits from now on.
pub fn freeze(at: &Path) -> io::Result<()> {
    told(at, FIFREEZE)
}

/// It waits no more.
pub fn thaw(at: &Path) -> io::Result<()> {
    told(at, FITHAW)
}

fn told(at: &Path, request: libc::c_ulong) -> io::Result<()> {
    let dir = open(at)?;
    // SAFETY: the file is open; the kernel ignores the argument of these two.
    checked(unsafe { libc::ioctl(dir.as_raw_fd(), request as _, 0) })
}

#[allow(clippy::disallowed_methods, reason = "a real file system")]
fn open(at: &Path) -> io::Result<File> {
    File::open(at)
}

fn checked(result: libc::c_int) -> io::Result<()> {
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
