//! Findings about the stores and each partition in them.

use super::super::examine::Found;
use super::super::log::Log;
use super::super::standing::{Loss, Standing, between};
use super::{Finding, Level, some};
use crate::failure::Failure;
use model::{Index, PartitionId, code};
use std::path::Path;
use wal::LogError;
use wal::roster::ANYBODY;

pub(super) fn findings(found: &Found, standings: &[Standing]) -> Vec<Finding> {
    let mut all: Vec<Finding> =
        found.stores.problems.iter().map(|problem| Finding::failed("store", problem)).collect();
    all.extend(instances(found));
    all.extend(found.stores.twice.iter().map(|partition| {
        let what = format!("partition {partition} lies in two places");
        Finding::coded(Level::Fail, "held-twice", code::STORE_DAMAGED, what).about(*partition)
    }));
    if all.is_empty() && !found.is_of_later_build() {
        let what = format!(
            "{} in the stores, each with the index it has",
            some(found.stores.rows.len() as u64, "partition")
        );
        all.push(Finding::pass("stores", what, "What a store has flushed needs no log."));
    }
    all.extend(standings.iter().flat_map(|standing| of_one(found, standing)));
    if let Some(log) = &found.log {
        all.extend(ahead(log, standings));
        all.extend(strangers(found, log));
        all.extend(unheld_damage(found, log));
    }
    all
}

/// FORMAT says how many instances there are; a directory that was never served
/// from RocksDB has none.
fn instances(found: &Found) -> Option<Finding> {
    let wanted = usize::from(found.directory.format.good()?.stores.get());
    let numbers = &found.stores.instances;
    let fits = numbers.is_empty() || numbers.iter().copied().eq(0..wanted);
    (!fits).then(|| {
        let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
        let what = format!("FORMAT says {wanted} store instances; there are {}", numbers.join(", "));
        Finding::coded(Level::Fail, "store-instances", code::STORE_LAYOUT, what)
    })
}

fn of_one(found: &Found, standing: &Standing) -> Vec<Finding> {
    let mut all = Vec::new();
    if !standing.harmless.is_empty() {
        let what = format!("partition {}: {} cannot be read", standing.partition, places(&standing.harmless));
        let safe = format!("Its store has flushed up to index {} and needs none of it.", standing.applied);
        all.push(Finding::pass("damage-harmless", what, &safe).about(standing.partition));
    }
    if standing.is_damaged() {
        all.push(damaged(&found.dir, standing));
    } else if let Some(next) = standing.gap {
        all.push(gap(standing, next));
    } else if is_missing_a_segment(found) {
        all.push(can_keep(standing));
    }
    all
}

fn is_missing_a_segment(found: &Found) -> bool {
    matches!(&found.log, Some(Log { survey: Err(LogError::Missing { .. }), .. }))
}

fn damaged(dir: &Path, standing: &Standing) -> Finding {
    let partition = standing.partition;
    let what = format!(
        "partition {partition}: {} cannot be read; its store has index {}, the log carries it to {}",
        places(&standing.losses),
        standing.applied,
        standing.reach
    );
    let next = match standing.acceptable() {
        Some((first, last)) => format!(
            "Check the disk. Rebuild the partition from replicas or a snapshot, or give up its tail: \
             `statehouse doctor --dir {} --repair {partition} --accept-loss-after INDEX`, INDEX {}.",
            dir.display(),
            between(first, last)
        ),
        None => "Check the disk. Rebuild the partition from replicas or a snapshot. No INDEX can be \
                 accepted: the store is past the place where the loss begins."
            .to_owned(),
    };
    Finding::coded(Level::Fail, "damage", code::LOG_DAMAGED, what).about(partition).but_next(next)
}

fn gap(standing: &Standing, next: Index) -> Finding {
    let what = format!(
        "partition {}: it can keep what it has up to index {}; the log goes on at {next}",
        standing.partition, standing.reach
    );
    Finding::coded(Level::Fail, "replay-gap", code::REPLAY_GAP, what).about(standing.partition)
}

fn can_keep(standing: &Standing) -> Finding {
    let what = format!(
        "partition {}: its store has index {}; with the records that can be read it comes to {}",
        standing.partition, standing.applied, standing.reach
    );
    let (safe, next) = ("What the store has stays.", "Nothing, once the missing file is back.");
    Finding::warn("can-keep", what, safe, next).about(standing.partition)
}

fn places(losses: &[Loss]) -> String {
    let place = |loss: &Loss| format!("{} (segment {}, offset {})", lost(loss), loss.segment, loss.offset);
    losses.iter().map(place).collect::<Vec<_>>().join(", ")
}

fn lost(loss: &Loss) -> String {
    let lost = &loss.lost;
    let indexes = match (lost.first, lost.last) {
        (first, Index::MAX) => format!("what may have been behind index {}", first - 1),
        (first, last) if last < first => return "a promise to peers".to_owned(),
        (first, last) if first == last => format!("index {first}"),
        (first, last) => format!("indexes {first} to {last}"),
    };
    if lost.promise { format!("{indexes} and promises to peers") } else { indexes }
}

/// A store may be ahead of a log that lost its unsynced tail.
fn ahead(log: &Log, standings: &[Standing]) -> Vec<Finding> {
    let last = log.last();
    let ahead = standings.iter().filter_map(|standing| {
        let last = last.get(&standing.partition).filter(|last| **last < standing.applied)?;
        let what = format!(
            "partition {}: its store has index {}, the log ends at {last}",
            standing.partition, standing.applied
        );
        let safe = "The store has everything that was in the log, and more.";
        let next = "With `sync = every` nothing: the next start notes the gap. Otherwise ask who took records from the log.";
        Some(Finding::warn("store-ahead", what, safe, next).about(standing.partition))
    });
    ahead.collect()
}

/// Partitions with records in the log that no store holds.
fn strangers(found: &Found, log: &Log) -> Vec<Finding> {
    let unheld = log.partitions().into_iter().filter(|partition| {
        ![PartitionId::LOG, ANYBODY].contains(partition) && !found.stores.held.contains_key(partition)
    });
    let finding = |partition: PartitionId| {
        let what = format!("partition {partition} has records in the log, and no store holds it");
        let failure = Failure::new(code::PARTITION_UNKNOWN, what);
        let next = "If it was removed on purpose, nothing. If not, see what happened to its store.";
        let finding = Finding::coded(Level::Warn, "no-store", failure.code, failure.what);
        let safe = "Its records stay in the log; no segment with them goes.".to_owned();
        Finding { safe, ..finding }.about(partition).but_next(next)
    };
    unheld.map(finding).collect()
}

/// Damage to partitions that no store holds: it keeps nobody from being
/// served, unless the store that holds them could not be read.
fn unheld_damage(found: &Found, log: &Log) -> Vec<Finding> {
    let damages = log.survey.as_ref().map(wal::inspect::outstanding).unwrap_or_default();
    let level = if found.stores.problems.is_empty() { Level::Warn } else { Level::Fail };
    let mut all = Vec::new();
    for damage in &damages {
        let unheld = damage.condemned.iter().filter(|lost| !found.stores.held.contains_key(&lost.partition));
        for lost in unheld.filter(|lost| lost.partition != ANYBODY) {
            let loss = Loss { segment: damage.segment.0, offset: damage.offset, lost: *lost, named: true };
            let what = format!(
                "partition {}: {} cannot be read, and no store here holds it",
                lost.partition,
                places(&[loss])
            );
            all.push(Finding::coded(level, "damage-no-store", code::LOG_DAMAGED, what).about(lost.partition));
        }
    }
    all
}
