//! The enumeration as a test: clean without planted bugs, and failing with
//! each of them. Covers P4 and the first sentence of A11.
#![allow(missing_docs, reason = "a test")]

use env::{Plant, Plants};
use testkit::disk::Enumeration;

fn clean(habit: usize) {
    let enumeration = Enumeration { ops: 40, seed: 1, plants: Plants::NONE, failures_enough: 20 };
    let tally = enumeration.run_habit(habit);
    assert!(tally.is_clean(), "{:#?}", tally.examples);
    assert!(tally.images > 5_000, "only {} images", tally.images);
}

fn found(plant: Plant) {
    let enumeration = Enumeration { ops: 40, seed: 1, plants: Plants::of(plant), failures_enough: 1 };
    let found = Enumeration::HABITS.map(|habit| enumeration.run_habit(habit)).find(|tally| !tally.is_clean());
    assert!(found.is_some(), "nothing noticed {plant}");
}

#[test]
fn no_crash_loses_anything_under_sync_each() {
    clean(0);
}

#[test]
fn no_crash_loses_anything_under_sync_every() {
    clean(1);
}

#[test]
fn no_crash_loses_anything_when_marks_come_before_acks() {
    clean(2);
}

#[test]
fn a_run_is_the_same_every_time() {
    let enumeration = Enumeration { ops: 12, seed: 7, plants: Plants::NONE, failures_enough: 1 };
    let once = enumeration.run_habit(1);
    assert_eq!(once.images, enumeration.run_habit(1).images);
    assert!(once.is_clean());
}

macro_rules! plants {
    ($($test:ident: $plant:ident,)*) => {
        $(
            #[test]
            fn $test() {
                found(Plant::$plant);
            }
        )*

        #[test]
        fn every_plant_has_its_test() {
            let of_the_disk = Plant::ALL.iter().copied().filter(|plant| plant.is_of_the_disk());
            assert_eq!([$(Plant::$plant),*].to_vec(), of_the_disk.collect::<Vec<_>>());
        }
    };
}

plants! {
    an_ack_before_its_sync_is_found: AckBeforeSync,
    a_sync_that_is_retried_is_found: SyncRetried,
    a_recovery_that_only_syncs_is_found: RecoverySyncs,
    a_cut_at_the_first_bad_checksum_is_found: TruncateAtFirstBad,
    a_torn_batch_taken_for_corruption_is_found: RecordInTornBatch,
    a_directory_that_is_not_synced_is_found: DirectoryNotSynced,
    a_purge_before_its_mark_is_found: PurgeBeforeMark,
    a_footer_without_checksum_is_found: FooterUnchecked,
    an_applied_index_outside_its_batch_is_found: AppliedOutsideBatch,
}
