//! Replicas keep one history, whatever happens to their disks and the ways
//! between them; and known mistakes in that are found.
#![allow(missing_docs, reason = "a test")]
#![allow(clippy::disallowed_methods, reason = "seeds on threads: each is a world of its own")]

use env::Plant;
use std::thread;
use testkit::replicas::run;

/// How long leaders propose in each, in simulated time.
const WORK_MS: u64 = 15_000;

/// Runs seeds on two threads; returns what went wrong in the first that failed.
fn first_failure(seeds: std::ops::Range<u64>, plant: Option<Plant>) -> Option<String> {
    let half = |odd: u64| {
        let mut own = seeds.clone().filter(move |seed| seed % 2 == odd);
        own.find_map(|seed| {
            let verdict = run(seed, WORK_MS, plant, None);
            verdict.failures.first().map(|failure| format!("seed {seed}: {failure}"))
        })
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let own = half(0);
        own.or(other.join().expect("a world that breaks is a failed test"))
    })
}

#[test]
fn nothing_goes_wrong() {
    assert_eq!(first_failure(1..101, None), None);
}

#[test]
fn a_seed_is_the_same_every_time() {
    let trace = |seed| run(seed, WORK_MS, None, None).trace;
    let first = [3, 4].map(trace);
    assert_ne!(first[0], first[1]);
    // Whatever ran before it.
    assert_eq!([4, 3].map(trace), [first[1], first[0]]);
}

macro_rules! found {
    ($($name:ident: $plant:expr, within $seeds:expr;)*) => {
        $(
            #[test]
            fn $name() {
                let found = first_failure($seeds, Some($plant));
                assert!(found.is_some(), "{} was not found", $plant);
            }
        )*

        #[test]
        fn every_planted_mistake_has_its_test() {
            let tried = [$($plant),*];
            let of_replicas = Plant::ALL.iter().filter(|plant| plant.is_of_replicas());
            let untried: Vec<&Plant> = of_replicas.filter(|plant| !tried.contains(plant)).collect();
            assert!(untried.is_empty(), "{untried:?}");
        }
    };
}

found! {
    votes_that_no_disk_has_are_found: Plant::VoteNotPersisted, within 1..41;
    entries_that_no_disk_has_are_found: Plant::AppendAckedEarly, within 1..41;
    a_quorum_of_the_sent_is_found: Plant::QuorumCountedWrong, within 1..41;
    a_store_ahead_of_its_log_is_found: Plant::ApplyAheadOfLog, within 1..301;
    a_leader_that_goes_on_is_found: Plant::LeaderRestored, within 1..41;
    a_stale_read_is_found: Plant::ReadIndexStale, within 1..41;
    a_replica_that_comes_back_blank_is_found: Plant::ReplicaIdReused, within 1..101;
    a_vote_behind_the_log_is_found: Plant::VoteAfterLog, within 1..101;
    an_earlier_wish_is_found: Plant::StaleWish, within 1..401;
    an_early_answer_of_the_log_is_found: Plant::AckBeforeSync, within 1..41;
}
