//! A client that nobody here wrote: Python's gRPC, which learns the schema from
//! the node itself and has no code made from ours.

use crate::process::Launch;
use expect_test::expect_file;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names the interpreter; without it, the one that `make deps-test` made.
const VARIABLE: &str = "STATEHOUSE_PYTHON";

fn python() -> PathBuf {
    let made = || {
        let home = std::env::var_os("HOME").unwrap_or_default();
        Path::new(&home).join(".cache/statehouse/venv/bin/python")
    };
    std::env::var_os(VARIABLE).map_or_else(made, PathBuf::from)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_lists_describes_and_calls() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let python = python();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/node/stranger.py");
    let mut command = Command::new(&python);
    // Isolated: with its own packages and nobody else's.
    command.arg("-I").arg(script).args([node.at.data.to_string(), node.at.control.to_string()]);
    let said = command.output();
    let missing = |why: &str| {
        format!(
            "no Python with gRPC at {}: `make deps-test` makes one ({VARIABLE} names another)\n{why}",
            python.display()
        )
    };
    let said = said.unwrap_or_else(|error| panic!("{}", missing(&error.to_string())));
    let errors = String::from_utf8_lossy(&said.stderr);
    assert!(!errors.contains("ModuleNotFoundError"), "{}", missing(&errors));
    let found = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{}: {errors}\nafter:\n{found}", said.status);
    expect_file!["stranger.txt"].assert_eq(&without_boots(&found));
}

/// Every boot draws its own number.
fn without_boots(found: &str) -> String {
    let mut parts = found.split("boot: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + "boot: DRAWN" + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}
