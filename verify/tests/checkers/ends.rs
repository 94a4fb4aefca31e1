//! The end of a history: what is found when all is over.

use super::world::{self, MIXED};
use verify::check::{End, dense};

#[test]
fn a_partition_that_ends_too_early_or_too_late_is_told() {
    for seed in 0..100 {
        let (history, end) = world::valid(seed, MIXED);
        assert!(dense(&history, &end).is_empty(), "seed {seed}");
        assert!(dense(&history, &End::default()).is_empty(), "seed {seed}");
        for partition in end.last.keys() {
            let mut short = end.clone();
            short.last.get_mut(partition).expect("a partition").index = 0;
            assert_eq!(dense(&history, &short).told[0].rule, "lost", "seed {seed}");
            let mut long = end.clone();
            let open = history.ops().iter().filter(|op| op.is_open_write()).count() as u64;
            long.last.get_mut(partition).expect("a partition").index += open + 1;
            assert_eq!(dense(&history, &long).told[0].rule, "dense", "seed {seed}");
        }
    }
}
