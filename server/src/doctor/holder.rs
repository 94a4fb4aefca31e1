//! Who has the directory open.
//!
//! Trying the lock would write to the directory, so it is not tried. Instead:
//! LOCK names the process that took it last, and the system lists the locks
//! that are held.

use env::Files;
use std::path::Path;

const LOCKS: &str = "/proc/locks";
const LOCKS_BYTES_MAX: usize = 4 << 20;

/// What is known of the last process to open the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// It has let go, or nobody ever opened it.
    Nobody,
    /// It holds a lock, presumably this one.
    Process(u32),
    /// The system does not tell whether it still has it.
    Unknown(u32),
}

pub(super) fn holder(files: &dyn Files, last_pid: Option<u32>) -> Holder {
    let Some(pid) = last_pid else { return Holder::Nobody };
    match held_locks(files) {
        Some(locks) if holds(&locks, pid) => Holder::Process(pid),
        Some(_) => Holder::Nobody,
        None => Holder::Unknown(pid),
    }
}

fn held_locks(files: &dyn Files) -> Option<String> {
    let device = files.open_read(Path::new(LOCKS)).ok()?;
    // It says it is 0 bytes long, like all of its kind.
    let mut content = vec![0; LOCKS_BYTES_MAX];
    let read = device.read_at(0, &mut content).ok()?;
    content.truncate(read);
    String::from_utf8(content).ok()
}

/// Does the process hold a lock of the kind that the data directory has?
/// A waiting one has an arrow in the second place.
fn holds(locks: &str, pid: u32) -> bool {
    let pid = pid.to_string();
    locks.lines().any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        matches!(fields[..], [_, "FLOCK", _, "WRITE", holder, ..] if holder == pid)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_that_is_held_for_writing_counts() {
        let locks = "1: POSIX  ADVISORY  WRITE 11 fe:00:7 0 EOF\n\
                     2: FLOCK  ADVISORY  READ 12 fe:00:8 0 EOF\n\
                     3: FLOCK  ADVISORY  WRITE 13 fe:00:9 0 EOF\n\
                     3: -> FLOCK  ADVISORY  WRITE 14 fe:00:9 0 EOF\n\n";
        let held: Vec<u32> = (10..16).filter(|pid| holds(locks, *pid)).collect();
        assert_eq!(held, [13]);
    }
}
