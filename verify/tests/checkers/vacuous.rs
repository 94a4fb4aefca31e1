//! Too little is too little of something by name.

use super::world::{self, MIXED};
use verify::check::{Counts, Enough, vacuous};
use verify::history::Recorder;

#[test]
fn too_little_of_anything_is_told() {
    let (history, _) = world::valid(3, MIXED);
    let counts = Counts::of(&history);
    let none = Enough::default();
    let absent = counts.reads - counts.reads_found + counts.removes - counts.removes_found;
    let failed = counts.refused + counts.unknown_writes + counts.unknown_reads;
    let percent = (failed * 100).div_ceil(history.len() as u64);
    let rows: [(&str, Enough, Enough); 6] = [
        ("puts that", Enough { puts_min: counts.puts, ..none }, Enough { puts_min: counts.puts + 1, ..none }),
        (
            "removes that",
            Enough { removes_found_min: counts.removes_found, ..none },
            Enough { removes_found_min: counts.removes_found + 1, ..none },
        ),
        (
            "reads that",
            Enough { reads_found_min: counts.reads_found, ..none },
            Enough { reads_found_min: counts.reads_found + 1, ..none },
        ),
        ("no row", Enough { absent_min: absent, ..none }, Enough { absent_min: absent + 1, ..none }),
        (
            "unknown outcome",
            Enough { unknown_writes_min: counts.unknown_writes, ..none },
            Enough { unknown_writes_min: counts.unknown_writes + 1, ..none },
        ),
        (
            "too little succeeded",
            Enough { failed_percent_max: percent, ..none },
            Enough { failed_percent_max: percent - 1, ..none },
        ),
    ];
    for (name, enough, too_much) in rows {
        assert!(vacuous(&history, &enough).is_empty(), "{name}");
        let found = vacuous(&history, &too_much);
        assert!(found.found == 1 && found.told[0].what.contains(name), "{name}: {found}");
    }
}

#[test]
fn nothing_at_all_is_enough_for_nobody_who_asks() {
    let nothing = Recorder::new().finish().expect("a history");
    assert!(vacuous(&nothing, &Enough::default()).is_empty());
    assert_eq!(vacuous(&nothing, &Enough { puts_min: 1, ..Enough::default() }).found, 1);
}
