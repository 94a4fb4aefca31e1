//! Three simulated nodes that agree on a table: seeds are clean, the same each time,
//! and planted mistakes are found.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "it runs the tool")]

use std::process::{Command, Output};

fn sim(seeds: &str, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_statehouse-sim"));
    command.args(["cluster", "--jobs", "1", "--seconds", "20", "--seeds", seeds]).args(more);
    command.output().expect("it runs")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn seeds_of_three_nodes_are_clean() {
    let output = sim("1..16", &[]);
    assert!(output.status.success(), "{}", said(&output));
    assert!(said(&output).contains("seeds 15 failures 0 "), "{}", said(&output));
}

#[test]
fn a_seed_of_three_nodes_is_the_same_each_time() {
    let trace = |seed| {
        let said = said(&sim(seed, &[]));
        let (_, from) = said.split_once("\"trace\":\"").expect("it says what happened");
        from.split_once('"').map(|(trace, _)| trace.to_owned()).expect("all of it")
    };
    assert_eq!(trace("7"), trace("7"));
    assert_ne!(trace("7"), trace("8"));
}

#[test]
fn mistakes_of_replicas_are_found_by_their_users() {
    for plant in ["stale-read-index-round", "quorum-counted-wrong"] {
        let output = sim("1..11", &["--plant", plant]);
        assert_eq!(output.status.code(), Some(1), "{plant}: {}", said(&output));
    }
}

#[test]
fn mistakes_of_clusters_are_found_by_their_operators() {
    for plant in env::Plant::ALL.iter().filter(|plant| plant.is_of_clusters()) {
        let output = sim("1..11", &["--plant", plant.name()]);
        assert_eq!(output.status.code(), Some(1), "{plant}: {}", said(&output));
    }
}
