//! The simulated world as tests: seeds are clean, planted mistakes are found,
//! plans of bugs that were found stay clean, and a failure can be seen again.
//! Covers P1, P2 and P4 on one node.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "it runs the tool, and looks at the files it leaves")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn sim(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_statehouse-sim")).args(arguments).output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn clean(seeds: &str) {
    let output = sim(&["run", "--jobs", "1", "--seeds", seeds]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains(" failures 0 seeds/min "), "{}", said(&output));
}

#[test]
fn seeds_are_clean_one() {
    clean("1..31");
}

#[test]
fn seeds_are_clean_two() {
    clean("31..61");
}

#[test]
fn seeds_are_clean_three() {
    clean("61..91");
}

#[test]
fn seeds_are_clean_four() {
    clean("91..121");
}

#[test]
fn what_was_found_once_stays_away() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
    let mut plans: Vec<PathBuf> =
        dir.read_dir().expect("there").map(|entry| entry.expect("one").path()).collect();
    plans.sort();
    assert!(plans.len() >= 3, "{plans:?}");
    for plan in plans {
        let output = sim(&["run", "--replay", plan.to_str().expect("a name")]);
        assert!(output.status.success(), "{}: {}", plan.display(), said(&output));
    }
}

#[test]
fn a_failure_leaves_its_plan_and_fails_again() {
    let out = tempfile::tempdir().expect("a scratch directory");
    let out = out.path().to_str().expect("a name");
    let found = sim(&[
        "run",
        "--plant",
        "stale-read-after-restart",
        "--seeds",
        "1..100",
        "--jobs",
        "1",
        "--out",
        out,
    ]);
    assert_eq!(found.status.code(), Some(1), "{}", said(&found));
    let told = said(&found);
    let again =
        told.lines().find_map(|line| line.strip_prefix("repeat with: statehouse-sim ")).expect("told");
    let again = sim(&again.split(' ').collect::<Vec<_>>());
    assert_eq!(again.status.code(), Some(1), "{}", said(&again));
    let plan = told.lines().find_map(|line| line.strip_prefix("or with:     statehouse-sim run --replay "));
    let replayed = sim(&["run", "--replay", plan.expect("told"), "--out", out]);
    assert_eq!(replayed.status.code(), Some(1), "{}", said(&replayed));
    clean_without("stale-read-after-restart", &told);
}

#[test]
fn a_run_in_which_nothing_happens_fails() {
    let out = tempfile::tempdir().expect("a scratch directory");
    let mut plan = testkit::world::Plan::of_seed(2, 1_000);
    (plan.knobs.users, plan.faults) = (0, Vec::new());
    let file = out.path().join("idle.json");
    std::fs::write(&file, serde_json::to_vec(&plan).expect("plain data")).expect("written");
    let output = sim(&["run", "--replay", file.to_str().expect("a name")]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    assert!(said(&output).contains("nothing happened"), "{}", said(&output));
}

/// The same plan without the mistake is clean: it was that which was found.
fn clean_without(plant: &str, told: &str) {
    let plan = told.lines().find_map(|line| line.strip_prefix("or with:     statehouse-sim run --replay "));
    // Of a disk's enumeration there is no plan; it has tests of its own.
    let Some(plan) = plan else { return };
    let text = std::fs::read_to_string(plan).expect("a plan");
    let honest = Path::new(plan).with_file_name("honest.json");
    std::fs::write(&honest, text.replace(&format!("\"plant\": \"{plant}\","), "")).expect("written");
    let output = sim(&["run", "--replay", honest.to_str().expect("a name")]);
    assert!(output.status.success(), "{}", said(&output));
    let _ = std::fs::remove_dir_all(Path::new(plan).parent().expect("a directory"));
}

macro_rules! plants {
    ($($test:ident: $name:literal,)*) => {
        $(
            #[test]
            fn $test() {
                let output = sim(&["run", "--plant", $name, "--seeds", "1..501", "--jobs", "1", "--minutes", "1"]);
                assert_eq!(output.status.code(), Some(1), "nothing noticed {}: {}", $name, said(&output));
                assert!(said(&output).contains(" failures 1 "), "{}", said(&output));
                clean_without($name, &said(&output));
            }
        )*

        #[test]
        fn every_planted_mistake_has_its_test() {
            let listed = sim(&["plants"]);
            let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
            let of_worlds: Vec<&str> = listed.lines().filter(|name| !is_of_replicas(name)).collect();
            assert_eq!(of_worlds, [$($name),*]);
        }
    };
}

/// Those of replication have theirs in `replicas.rs` and `cluster.rs`.
fn is_of_replicas(name: &str) -> bool {
    let is_one = |plant: &env::Plant| plant.is_of_replicas() || plant.is_of_clusters();
    env::Plant::ALL.iter().any(|plant| plant.name() == name && is_one(plant))
}

plants! {
    an_ack_before_its_sync_is_found: "ack-before-sync",
    a_sync_that_is_retried_is_found: "sync-retried-after-eio",
    a_recovery_that_only_syncs_is_found: "recovery-syncs-instead-of-rewriting",
    a_cut_at_the_first_bad_checksum_is_found: "truncate-at-first-bad-checksum",
    a_torn_batch_taken_for_corruption_is_found: "record-in-torn-batch-is-corruption",
    a_directory_that_is_not_synced_is_found: "directory-not-synced",
    a_purge_before_its_mark_is_found: "purge-before-mark",
    a_footer_without_checksum_is_found: "footer-trusted-without-checksum",
    an_applied_index_outside_its_batch_is_found: "applied-index-outside-batch",
    a_reply_before_its_commit_is_found: "reply-before-commit",
    a_stale_read_after_a_restart_is_found: "stale-read-after-restart",
    indexes_with_holes_are_found: "index-not-dense",
    a_lost_reply_is_found: "parked-reply-lost",
    a_request_torn_across_partitions_is_found: "batch-torn-across-partitions",
    an_owner_that_is_not_asked_for_is_found: "epoch-unchecked-at-release",
    an_operation_done_twice_is_found: "retry-applied-twice",
    a_clock_of_the_process_s_own_is_found: "ttl-by-wall-clock",
    an_event_that_nobody_is_told_of_is_found: "watch-gap",
    a_table_that_is_lost_on_restart_is_found: "table-lost-on-restart",
    a_token_that_is_not_asked_is_found: "token-ignored",
}
