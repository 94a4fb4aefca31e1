//! Mistakes in what receipts say: indexes, epochs, partitions. No row is wrong,
//! so only who looks at receipts can see them.

use super::case::{Case, Write, pairs, pick};
use env::rng::Stream;
use std::collections::BTreeMap;
use verify::history::{Epoch, Outcome, Row};

const OLD: Epoch = Epoch { generation: 0, term: 9 };

pub fn swap_indexes(case: &mut Case, dice: &mut Stream) -> bool {
    let writes = case.writes();
    let places = pairs(&writes, &writes);
    let ordered = |(a, b): &(Write, Write)| a.partition == b.partition && case.precedes(a.at, b.at);
    let Some((a, b)) = pick(dice, places.into_iter().filter(ordered)) else { return false };
    swap(case, a, b);
    true
}

fn swap(case: &mut Case, a: Write, b: Write) {
    case.number(a.at, b.index);
    case.number(b.at, a.index);
}

pub fn share_index(case: &mut Case, dice: &mut Stream) -> bool {
    let writes = case.writes();
    let places =
        pairs(&writes, &writes).into_iter().filter(|(a, b)| a.partition == b.partition && a.at < b.at);
    let Some((a, b)) = pick(dice, places) else { return false };
    case.number(b.at, a.index);
    true
}

pub fn second_index(case: &mut Case, dice: &mut Stream) -> bool {
    let acknowledged: BTreeMap<u64, u64> =
        case.puts().into_iter().map(|(write, row)| (row.value, write.index)).collect();
    let known = |row: Row| acknowledged.contains_key(&row.value);
    let places =
        case.reads().into_iter().filter_map(|read| read.row.filter(|row| known(*row)).map(|row| (read, row)));
    let Some((read, row)) = pick(dice, places) else { return false };
    case.show(read.at, Some(Row { revision: row.revision + 1 + dice.below(3), ..row }));
    true
}

pub fn unknown_at_two(case: &mut Case, dice: &mut Stream) -> bool {
    let open = case.open_puts();
    let mut seen: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for read in case.reads() {
        if let Some(row) = read.row.filter(|row| open.contains_key(&row.value)) {
            seen.entry(row.value).or_default().push(read.at);
        }
    }
    let Some((value, reads)) = pick(dice, seen.into_iter().filter(|(_, reads)| reads.len() > 1)) else {
        return false;
    };
    case.show(reads[1], Some(Row { revision: 1_000, value }));
    true
}

pub fn index_zero(case: &mut Case, dice: &mut Stream) -> bool {
    let Some(write) = pick(dice, case.writes()) else { return false };
    case.number(write.at, 0);
    true
}

/// Two items of one request and partition that follow each other.
fn neighbours(case: &Case) -> Vec<(Write, Write)> {
    let writes = case.writes();
    let batch = |write: &Write| case.ops[write.at].batch;
    let together = |(a, b): &(Write, Write)| {
        batch(a).is_some() && batch(a) == batch(b) && a.partition == b.partition && b.index == a.index + 1
    };
    pairs(&writes, &writes).into_iter().filter(together).collect()
}

/// Somebody else's write gets between two items.
pub fn tear_batch(case: &mut Case, dice: &mut Stream) -> bool {
    let writes = case.writes();
    let places = pairs(&neighbours(case), &writes).into_iter().filter(|((_, b), other)| {
        let stranger = case.ops[other.at].batch.is_none() || case.ops[other.at].batch != case.ops[b.at].batch;
        other.partition == b.partition && other.index == b.index + 1 && stranger
    });
    let Some(((_, b), other)) = pick(dice, places) else { return false };
    swap(case, b, other);
    true
}

pub fn reverse_batch(case: &mut Case, dice: &mut Stream) -> bool {
    let Some((a, b)) = pick(dice, neighbours(case)) else { return false };
    swap(case, a, b);
    true
}

pub fn old_epoch_write(case: &mut Case, dice: &mut Stream) -> bool {
    let writes = case.writes();
    let behind = |(a, b): &(Write, Write)| a.partition == b.partition && a.index < b.index;
    let Some((_, b)) = pick(dice, pairs(&writes, &writes).into_iter().filter(behind)) else { return false };
    under(case, b.at, OLD);
    true
}

pub fn old_epoch_read(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.writes(), &case.reads());
    let later = |(write, read): &(Write, _)| told_before(case, *write, *read);
    let Some((_, read)) = pick(dice, places.into_iter().filter(later)) else { return false };
    under(case, read.at, OLD);
    true
}

pub fn unwanted_epoch(case: &mut Case, dice: &mut Stream) -> bool {
    let answered = (0..case.ops.len()).filter_map(|at| case.ops[at].answered_by().map(|by| (at, by)));
    let Some((at, (_, epoch))) = pick(dice, answered.collect::<Vec<_>>()) else { return false };
    case.ops[at].expected_epoch = Some(Epoch { term: epoch.term + 1, ..epoch });
    true
}

fn under(case: &mut Case, at: usize, old: Epoch) {
    if let Outcome::Wrote { epoch, .. } | Outcome::Read { epoch, .. } = &mut case.ops[at].outcome {
        *epoch = old;
    }
}

pub fn other_partition(case: &mut Case, dice: &mut Stream) -> bool {
    let answered = |at: &usize| case.ops[*at].answered_by().is_some();
    let all: Vec<usize> = (0..case.ops.len()).filter(answered).collect();
    let places = pairs(&all, &all).into_iter().filter(|(a, b)| a < b && case.ops[*a].key == case.ops[*b].key);
    let Some((_, at)) = pick(dice, places) else { return false };
    if let Outcome::Wrote { partition, .. } | Outcome::Read { partition, .. } = &mut case.ops[at].outcome {
        *partition += 1;
    }
    true
}

/// A read's receipt says that it is older than a write acknowledged before.
pub fn behind(case: &mut Case, dice: &mut Stream) -> bool {
    let places = pairs(&case.writes(), &case.reads());
    // Receipt 0 and no row is what a client says that hears of no receipt.
    let later = |(write, read): &(Write, super::case::Read)| {
        told_before(case, *write, *read) && (write.index > 1 || read.row.is_some())
    };
    let Some((write, read)) = pick(dice, places.into_iter().filter(later)) else { return false };
    if let Outcome::Read { applied, .. } = &mut case.ops[read.at].outcome {
        *applied = write.index - 1;
    }
    true
}

/// The write was acknowledged before the read of the same partition was begun.
fn told_before(case: &Case, write: Write, read: super::case::Read) -> bool {
    let here = case.ops[read.at].answered_by().map(|(partition, _)| partition);
    here == Some(write.partition) && case.precedes(write.at, read.at)
}
