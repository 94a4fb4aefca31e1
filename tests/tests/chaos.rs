//! `statehouse-chaos` for a short time: each fault once, as far as the machine
//! can give it.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "another process, and the directory it leaves")]

use std::path::Path;
use std::process::{Command, Output};

const CHAOS: &str = env!("CARGO_BIN_EXE_statehouse-chaos");

/// Runs it with everything it writes below `dir`.
fn chaos(dir: &Path, args: &[&str]) -> Output {
    let program = Path::new(CHAOS).with_file_name("statehouse");
    assert!(program.is_file(), "{} is missing: build the whole workspace", program.display());
    Command::new(CHAOS).args(args).env("TMPDIR", dir).output().expect("it starts")
}

/// Each of these faults once, with a clean end that leaves nothing behind;
/// false if the machine cannot give them.
fn once(faults: &str) -> bool {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let output = chaos(dir.path(), &["--minutes", "0", "--faults", faults]);
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(2) && errors.starts_with("impossible on this machine: ") {
        eprintln!("{errors}");
        return false;
    }
    assert!(output.status.success(), "{}\n{said}{errors}", output.status);
    let last = said.lines().last().expect("a summary");
    for fault in faults.split(',') {
        assert!(!last.contains(&format!(" {fault} 0")) && last.contains(&format!(" {fault} ")), "{last}");
    }
    assert!(last.ends_with(" lost 0 duplicated 0 stale 0"), "{last}");
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("a list of mounts");
    assert!(!mounts.contains(&*dir.path().to_string_lossy()), "it left a mount: {mounts}");
    let left: Vec<_> = std::fs::read_dir(dir.path()).expect("our own").collect();
    assert!(left.is_empty(), "it left {left:?}");
    true
}

#[test]
fn a_process_that_is_killed_stopped_and_cut_off_keeps_its_word() {
    assert!(once("kill,stop,cut"), "these take no rights");
}

/// Takes root and loop devices. Where they are missing it says so.
#[test]
fn a_process_on_a_disk_in_trouble_keeps_its_word() {
    once("power,eio,full,slow");
}

#[test]
fn what_cannot_be_is_refused_with_its_reason() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    for (args, why) in [
        (&["--nodes", "3"][..], "a node has no peers yet"),
        (&["--faults", "kill,quake"], "no such fault; there are kill, stop, cut, power, eio, full, slow"),
    ] {
        let output = chaos(dir.path(), args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.code() == Some(2) && errors.contains(why), "{args:?}: {errors}");
    }
}

/// The same with a program that is no node.
#[test]
fn a_node_that_does_not_start_fails_the_run() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let output = chaos(dir.path(), &["--minutes", "0", "--faults", "kill", "--program", "false"]);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.code() == Some(1) && said.contains("the node cannot be started"), "{said}");
}
