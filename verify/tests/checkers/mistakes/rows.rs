//! Mistakes in what reads show.

use super::case::{Case, Read, Write, pairs, pick};
use env::rng::Stream;
use verify::history::{Call, Row};

type Put = (Write, Row);

/// Two puts and a read of one key; the second put is acknowledged before the
/// read is begun and has the higher index.
fn overtaken(case: &Case) -> Vec<(Put, Put, Read)> {
    let puts = case.puts();
    let newer = |(old, new): &(Put, Put)| old.0.key == new.0.key && old.0.index < new.0.index;
    let couples: Vec<(Put, Put)> = pairs(&puts, &puts).into_iter().filter(newer).collect();
    let triples = pairs(&couples, &case.reads()).into_iter();
    let triples = triples.filter(|((_, new), read)| case.follows((new.0.key, new.0.at), (read.key, read.at)));
    triples.map(|((old, new), read)| (old, new, read)).collect()
}

pub fn stale(case: &mut Case, dice: &mut Stream) -> bool {
    let places = overtaken(case).into_iter().filter(|(old, new, _)| case.precedes(old.0.at, new.0.at));
    let Some((old, _, read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(old.1));
    true
}

pub fn stale_among_overlapping(case: &mut Case, dice: &mut Stream) -> bool {
    let places = overtaken(case).into_iter().filter(|(old, new, _)| !case.precedes(old.0.at, new.0.at));
    let Some((old, _, read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(old.1));
    true
}

/// Two reads, one after the other, of two puts, one after the other.
pub fn swap_rows(case: &mut Case, dice: &mut Stream) -> bool {
    let (puts, reads) = (case.puts(), case.reads());
    let writer = |read: &Read| puts.iter().find(|put| Some(put.1) == read.row).map(|put| put.0.at);
    let places = pairs(&reads, &reads).into_iter().filter(|(a, b)| {
        let ordered = writer(a).zip(writer(b)).is_some_and(|(first, then)| case.precedes(first, then));
        ordered && case.follows((a.key, a.at), (b.key, b.at))
    });
    let Some((a, b)) = pick(dice, places) else { return false };
    case.show(a.at, b.row);
    case.show(b.at, a.row);
    true
}

pub fn phantom(case: &mut Case, dice: &mut Stream) -> bool {
    let Some(read) = pick(dice, case.reads()) else { return false };
    case.show(read.at, Some(Row { revision: 1 + dice.below(40), value: 7 }));
    true
}

pub fn other_key(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.puts(), &case.reads()).into_iter().filter(|(put, read)| put.0.key != read.key);
    let Some((put, read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(put.1));
    true
}

pub fn future(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.reads(), &case.puts()).into_iter();
    let places = places.filter(|(read, put)| case.follows((read.key, read.at), (put.0.key, put.0.at)));
    let Some((read, put)) = pick(dice, places) else { return false };
    case.show(read.at, Some(put.1));
    true
}

/// A put was acknowledged and nothing can have removed it.
pub fn nothing(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.puts(), &case.reads()).into_iter().filter(|(put, read)| {
        let (put, read) = ((put.0.key, put.0.at), (read.key, read.at));
        case.follows(put, read) && case.no_remove_since(put.0, put.1)
    });
    let Some((_, read)) = pick(dice, places) else { return false };
    case.show(read.at, None);
    true
}

/// A put, then a remove, then a read that shows the put.
pub fn resurrected(case: &mut Case, dice: &mut Stream) -> bool {
    let removes: Vec<Write> = case.writes().into_iter().filter(|write| write.call == Call::Remove).collect();
    let removed = pairs(&case.puts(), &removes).into_iter();
    let removed: Vec<_> = removed
        .filter(|(put, remove)| case.follows((put.0.key, put.0.at), (remove.key, remove.at)))
        .collect();
    let places = pairs(&removed, &case.reads()).into_iter();
    let places =
        places.filter(|((_, remove), read)| case.follows((remove.key, remove.at), (read.key, read.at)));
    let Some(((put, _), read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(put.1));
    true
}

/// A put, then a read that shows no row, then one that shows the put: whoever
/// removed it, it is gone.
pub fn seen_gone(case: &mut Case, dice: &mut Stream) -> bool {
    let reads = case.reads();
    let none: Vec<Read> = reads.iter().filter(|read| read.row.is_none()).copied().collect();
    let gone = pairs(&case.puts(), &none).into_iter();
    let gone: Vec<_> =
        gone.filter(|(put, read)| case.follows((put.0.key, put.0.at), (read.key, read.at))).collect();
    let places = pairs(&gone, &reads).into_iter();
    let places = places.filter(|((_, first), then)| case.follows((first.key, first.at), (then.key, then.at)));
    let Some(((put, _), read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(put.1));
    true
}

pub fn old_at_the_end(case: &mut Case, dice: &mut Stream) -> bool {
    let puts = case.puts();
    let ordered = |(old, new): &(Put, Put)| case.follows((old.0.key, old.0.at), (new.0.key, new.0.at));
    let Some((old, _)) = pick(dice, pairs(&puts, &puts).into_iter().filter(ordered)) else { return false };
    at_the_end(case, old.0.key, Some(old.1));
    true
}

pub fn none_at_the_end(case: &mut Case, dice: &mut Stream) -> bool {
    let places = case.puts().into_iter().filter(|put| case.no_remove_since(put.0.key, put.0.at));
    let Some(put) = pick(dice, places.collect::<Vec<_>>()) else { return false };
    at_the_end(case, put.0.key, None);
    true
}

fn at_the_end(case: &mut Case, key: u32, row: Option<Row>) {
    case.end.rows.get_mut(&key).expect("the key's final row").row = row;
}
