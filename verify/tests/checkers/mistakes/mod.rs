//! Valid histories with one mistake in them. Each is made where it matters, so
//! it has to be found each time: by version order under the name of a rule, and
//! by the search wherever it can be seen without indexes.

mod case;
mod harmless;
mod receipts;
mod rows;
mod writes;

use super::world::{self, MIXED};
use case::Case;
use env::Rng;
use env::rng::Stream;
use verify::check::{Verdict, all};
use verify::history::History;

/// How often each mistake is made.
const TIMES: usize = 120;
/// Among how many histories a place for it is looked for.
const SEEDS_MAX: u64 = 4_000;

/// What the search, which sees no index, has to say.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Search {
    /// That there is no order.
    Finds,
    /// That there is one: only numbers of the server are wrong.
    Blind,
    /// Either, depending on what was under way beside it.
    Either,
}

/// Makes a mistake in a history, if there is a place for it.
type Mistake = fn(&mut Case, &mut Stream) -> bool;

use Search::{Blind, Either, Finds};

/// A read is too old. Which it is depends on what it should have shown.
const OLDER: &[&str] = &["stale", "vanished"];

#[rustfmt::skip] // one mistake, one line: this is a table
const TABLE: &[(&str, Mistake, &[&str], Search)] = &[
    // What receipts say.
    ("indexes swapped", receipts::swap_indexes, &["order"], Blind),
    ("one index, two writes", receipts::share_index, &["index"], Blind),
    ("one write, two indexes", receipts::second_index, &["index"], Blind),
    ("an unknown write at two indexes", receipts::unknown_at_two, &["index"], Blind),
    ("index 0", receipts::index_zero, &["index"], Blind),
    ("a torn batch", receipts::tear_batch, &["batch"], Blind),
    ("a batch backwards", receipts::reverse_batch, &["batch"], Blind),
    ("a write under an old epoch", receipts::old_epoch_write, &["epoch"], Blind),
    ("a read under an old epoch", receipts::old_epoch_read, &["epoch"], Blind),
    ("an epoch nobody wanted", receipts::unwanted_epoch, &["epoch"], Blind),
    ("another partition", receipts::other_partition, &["partition"], Blind),
    ("a receipt from before", receipts::behind, &["behind"], Blind),
    // What reads show.
    ("a stale row", rows::stale, OLDER, Finds),
    ("a stale row of writes that overlap", rows::stale_among_overlapping, OLDER, Either),
    ("rows of two reads swapped", rows::swap_rows, &["stale", "vanished", "future"], Finds),
    ("a value that nobody wrote", rows::phantom, &["phantom"], Finds),
    ("a value of another key", rows::other_key, &["phantom"], Finds),
    ("a value from the future", rows::future, &["future"], Finds),
    ("no row where one is", rows::nothing, OLDER, Finds),
    ("a removed row", rows::resurrected, OLDER, Finds),
    ("a row that was seen gone", rows::seen_gone, OLDER, Finds),
    ("an old row at the end", rows::old_at_the_end, &["lost"], Finds),
    ("no row at the end", rows::none_at_the_end, &["lost"], Finds),
    // What became of writes.
    ("an acknowledged put is lost", writes::lose, OLDER, Finds),
    ("an unknown put vanishes", writes::vanish, OLDER, Finds),
    ("a refused put is seen", writes::refuse, &["phantom"], Finds),
    ("a put is applied again", writes::apply_twice, &["index"], Finds),
    ("values of two puts swapped", writes::swap_values, &["index"], Finds),
    ("a remove is wrong about the row", writes::wrong_found, &["found"], Either),
    ("a remove alone is wrong about the row", writes::wrong_found_alone, &["found"], Finds),
];

#[test]
fn every_mistake_is_found_each_time() {
    let valid = histories();
    for (name, mistake, rules, search) in TABLE {
        let mut dice = Rng::from_seed(5).stream(name);
        let mut times = 0;
        for (seed, case) in valid.iter().enumerate() {
            let mut case = case.clone();
            if !mistake(&mut case, &mut dice) {
                continue;
            }
            times += 1;
            let place = format!("{name}, seed {seed}");
            judge(&case, &place, rules, *search);
            if times == TIMES {
                break;
            }
        }
        assert!(times >= 100, "{name}: a place for it in {times} histories only");
    }
}

fn histories() -> Vec<Case> {
    let valid = |seed| {
        let (history, end) = world::valid(seed, MIXED);
        Case { ops: history.into_ops(), end }
    };
    (0..SEEDS_MAX).map(valid).collect()
}

fn judge(case: &Case, place: &str, rules: &[&str], search: Search) {
    let history = History::new(case.ops.clone()).unwrap_or_else(|error| panic!("{place}: {error}"));
    let report = all(&history, &case.end);
    let told = report.violations.told.iter().any(|violation| rules.contains(&violation.rule));
    assert!(told && !report.is_clean() && report.is_violated(), "{place}: no {rules:?}\n{report}");
    let fits = match report.verdict {
        Verdict::Linearizable => search != Finds,
        Verdict::NotLinearizable(_) => search != Blind,
        Verdict::TimedOut { .. } => false,
    };
    assert!(fits, "{place}: {search:?}\n{report}");
}
