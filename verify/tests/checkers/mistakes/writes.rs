//! Mistakes in what becomes of writes.

use super::case::{Case, Write, pairs, pick};
use env::rng::Stream;
use verify::history::{Call, Outcome, Row};

/// As if a put had never been: whoever saw it sees the one before.
pub fn lose(case: &mut Case, dice: &mut Stream) -> bool {
    let puts = case.puts();
    let couples = pairs(&puts, &puts).into_iter();
    let couples: Vec<_> =
        couples.filter(|(old, lost)| case.follows((old.0.key, old.0.at), (lost.0.key, lost.0.at))).collect();
    let places = pairs(&couples, &case.reads()).into_iter();
    let places =
        places.filter(|((_, lost), read)| read.row == Some(lost.1) && case.precedes(lost.0.at, read.at));
    let Some(((old, lost), _)) = pick(dice, places) else { return false };
    for read in case.reads().into_iter().filter(|read| read.row == Some(lost.1)) {
        case.show(read.at, Some(old.1));
    }
    let end = case.end.rows.get_mut(&lost.0.key).expect("the key's final row");
    if end.row == Some(lost.1) {
        end.row = Some(old.1);
    }
    true
}

/// An unknown put was seen, and later what was there before it.
pub fn vanish(case: &mut Case, dice: &mut Stream) -> bool {
    let (open, reads) = (case.open_puts(), case.reads());
    let writer = |row: Option<Row>| row.and_then(|row| open.get(&row.value)).copied();
    let seen: Vec<(usize, usize)> =
        reads.iter().filter_map(|read| writer(read.row).map(|write| (write, read.at))).collect();
    let befores = pairs(&case.puts(), &seen).into_iter();
    let befores: Vec<_> = befores
        .filter(|(put, (write, _))| case.follows((put.0.key, put.0.at), (case.ops[*write].key, *write)))
        .collect();
    let places = pairs(&befores, &reads).into_iter();
    let places =
        places.filter(|((put, (_, read)), then)| case.follows((put.0.key, *read), (then.key, then.at)));
    let Some(((put, _), read)) = pick(dice, places) else { return false };
    case.show(read.at, Some(put.1));
    true
}

/// The put that somebody sees was refused.
pub fn refuse(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.puts(), &case.reads()).into_iter().filter(|(put, read)| read.row == Some(put.1));
    let Some((put, _)) = pick(dice, places) else { return false };
    case.ops[put.0.at].outcome = Outcome::Refused;
    true
}

/// A put, then another, then the first again at an index of its own, as when a
/// retry is taken for something new.
pub fn apply_twice(case: &mut Case, dice: &mut Stream) -> bool {
    let puts = case.puts();
    let couples = pairs(&puts, &puts).into_iter();
    let couples: Vec<_> =
        couples.filter(|(one, two)| case.follows((one.0.key, one.0.at), (two.0.key, two.0.at))).collect();
    let places = pairs(&couples, &case.reads()).into_iter();
    let places = places.filter(|((_, two), read)| case.follows((two.0.key, two.0.at), (read.key, read.at)));
    let Some(((one, _), read)) = pick(dice, places) else { return false };
    let above = case.writes().iter().map(|write| write.index).max().unwrap_or(0);
    case.show(read.at, Some(Row { revision: above + 1, ..one.1 }));
    true
}

/// Each of two puts wrote what the other should have.
pub fn swap_values(case: &mut Case, dice: &mut Stream) -> bool {
    let puts = case.puts();
    let couples = pairs(&puts, &puts).into_iter();
    let couples: Vec<_> =
        couples.filter(|(one, two)| case.follows((one.0.key, one.0.at), (two.0.key, two.0.at))).collect();
    let places = pairs(&couples, &case.reads()).into_iter();
    let places =
        places.filter(|((_, two), read)| read.row == Some(two.1) && case.precedes(two.0.at, read.at));
    let Some(((one, two), _)) = pick(dice, places) else { return false };
    case.ops[one.0.at].call = Call::Put { value: two.1.value };
    case.ops[two.0.at].call = Call::Put { value: one.1.value };
    true
}

/// Removes on keys where every write is known.
fn removes(case: &Case) -> Vec<Write> {
    let removes = case.writes().into_iter().filter(|write| write.call == Call::Remove);
    removes.filter(|write| !case.has_open(write.key, false)).collect()
}

pub fn wrong_found(case: &mut Case, dice: &mut Stream) -> bool {
    let Some(remove) = pick(dice, removes(case)) else { return false };
    flip(case, remove.at);
    true
}

/// No other write to the key is under way beside the remove, nor beside the
/// write before it, so there is one order only.
pub fn wrong_found_alone(case: &mut Case, dice: &mut Stream) -> bool {
    let writes = case.writes();
    let alone = |write: &Write| {
        let mut others = writes.iter().filter(|other| other.key == write.key && other.at != write.at);
        others.all(|other| case.precedes(other.at, write.at) || case.precedes(write.at, other.at))
    };
    let before = |remove: &Write| {
        let earlier = writes.iter().filter(|other| other.key == remove.key && other.index < remove.index);
        earlier.max_by_key(|other| other.index)
    };
    let places = removes(case).into_iter();
    let places = places.filter(|remove| alone(remove) && before(remove).is_none_or(alone));
    let Some(remove) = pick(dice, places) else { return false };
    flip(case, remove.at);
    true
}

fn flip(case: &mut Case, at: usize) {
    if let Outcome::Wrote { found, .. } = &mut case.ops[at].outcome {
        *found = !*found;
    }
}
