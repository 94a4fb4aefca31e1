//! `statehouse-chaos` for a short time: each fault once, as far as the machine
//! can give it.
#![allow(missing_docs, reason = "tests")]
#![allow(clippy::disallowed_methods, reason = "another process, and the directory it leaves")]

use std::os::unix::fs::PermissionsExt;
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

/// Syncs what a node begins with; later it says that it does.
const LIAR: &str = r#"
    use std::sync::atomic::{AtomicU32, Ordering};
    static CALLS: AtomicU32 = AtomicU32::new(0);
    unsafe extern "C" { fn fsync(file: i32) -> i32; }
    #[unsafe(no_mangle)]
    pub extern "C" fn fdatasync(file: i32) -> i32 {
        if CALLS.fetch_add(1, Ordering::Relaxed) < 60 { unsafe { fsync(file) } } else { 0 }
    }
"#;

/// A node whose syncs do nothing loses what it acknowledged when power goes. If
/// that were not found, nothing that the other tests say would mean anything.
#[test]
fn a_node_that_does_not_sync_is_caught() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let [source, library, program] = ["liar.rs", "libliar.so", "node"].map(|name| dir.path().join(name));
    std::fs::write(&source, LIAR).expect("a file");
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let mut compile = Command::new(rustc);
    compile.args(["--edition", "2024", "--crate-type", "cdylib", "-C", "panic=abort", "-o"]);
    let compiled = compile.args([&library, &source]).output().expect("a compiler");
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    let real = Path::new(CHAOS).with_file_name("statehouse");
    let script = format!("#!/bin/sh\nLD_PRELOAD='{}' exec '{}' \"$@\"\n", library.display(), real.display());
    std::fs::write(&program, script).expect("a file");
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).expect("our own file");
    let named = program.to_string_lossy();
    let args = ["--minutes", "0", "--faults", "power", "--program", &named];
    // The system may have written what was not synced by the time the power goes.
    let mut output = chaos(dir.path(), &args);
    for _ in 0..5 {
        if output.status.code() != Some(0) {
            break;
        }
        output = chaos(dir.path(), &args);
    }
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.code() == Some(2) && errors.starts_with("impossible on this machine: ") {
        eprintln!("{errors}");
        return;
    }
    // Rows are gone, or so much else that partitions or the node do not even start.
    let signs = ["lost: ", "the node ended instead of starting", "its store does not hold it"];
    let caught = signs.iter().any(|sign| said.contains(sign) || errors.contains(sign));
    assert!(output.status.code() == Some(1) && caught, "{}\n{said}{errors}", output.status);
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
