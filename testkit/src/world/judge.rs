//! The verdict on a run.

use super::end::{Closing, FRESH};
use super::ledger::Counts;
use super::run::World;
use super::site::Site;
use super::trace;
use crate::fibers;
use model::PartitionId;
use partition_mgr::directory::Standing as Served;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use verify::check::{self, End, Last, Verdict};
use verify::history::Malformed;

/// Fewer answers than this, and nothing was tried.
const ANSWERS_MIN: u64 = 10;

/// What a run came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    /// Its seed.
    pub seed: u64,
    /// What was wrong, in words; nothing, if all is well.
    pub failures: Vec<String>,
    /// Of everything that happened.
    pub trace: String,
    /// How many events that is.
    pub events: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// What users saw.
    pub found: Found,
    /// How often each fault came to pass.
    pub faults: BTreeMap<String, u64>,
    /// How often each rare thing was met.
    pub sometimes: BTreeMap<String, u64>,
}

/// What users saw, in numbers.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Found {
    /// Writes that took effect.
    pub written: u64,
    /// Reads that were answered.
    pub read: u64,
    /// Operations that did nothing.
    pub refused: u64,
    /// Writes of unknown outcome.
    pub unknown: u64,
    /// Records that the node applied.
    pub records: u64,
    /// Times that the node was started.
    pub boots: u64,
}

/// Partitions of the users' table that the node has stopped, and why.
pub(super) fn stopped(site: &Site) -> BTreeMap<PartitionId, String> {
    let Some(node) = site.node() else { return BTreeMap::new() };
    let map = node.directory().current();
    let places =
        map.table("default", super::node::TABLE).map(|table| table.places.clone()).unwrap_or_default();
    let stopped = places.into_iter().filter_map(|place| match place.standing {
        Served::Serving(handle) if handle.published.is_serving() => None,
        Served::Serving(_) => Some((place.id, "it has been stopped".to_owned())),
        Served::Failed(why) => Some((place.id, why)),
        Served::Elsewhere(node) => Some((place.id, format!("it is said to be on {node:?}"))),
    });
    stopped.collect()
}

/// Nothing may grow without a bound.
pub(super) fn look_at_bounds(world: &mut World<'_>, disk_bytes: u64) {
    let Some(node) = world.site.node() else { return };
    let knobs = &world.plan.knobs;
    let limits = node.limits();
    let waiting = node.waiting();
    let most = (limits.shard_inbox_max + partition_mgr::shard::SLACK) * knobs.shards as usize;
    let mut broken = Vec::new();
    if waiting > most {
        broken.push(format!("{waiting} messages wait for shards, {most} may"));
    }
    // The log, spares of it, a checkpoint of each partition beside its next, and
    // what is written while housekeeping looks away. Of a damaged partition the log keeps everything, until
    // somebody has dealt with it.
    let rows = u64::from(knobs.keys + 32) * u64::from(knobs.value_bytes + 128);
    let events = u64::from(knobs.partitions) * (knobs.binlog_bytes * 2 + (16 << 10));
    let most = knobs.log_bytes_max * 3 + knobs.segment_bytes * 16 + (rows + events) * 4 + (6 << 20);
    if disk_bytes > most && !world.rotten.any() {
        broken.push(format!("the disk holds {} bytes, {most} would be much", disk_bytes));
    }
    if !world.trouble.is_excuse() {
        let stopped = stopped(&world.site).into_iter().filter(|(id, _)| !world.rotten.may_cost(*id));
        broken.extend(stopped.map(|(id, why)| format!("partition {id} stopped by itself: {why}")));
    }
    for broken in broken {
        let told = format!("bounds: {broken}");
        if !world.failures.contains(&told) && world.failures.len() < 50 {
            world.failures.push(told);
        }
    }
}

/// Judges a run that is over.
pub(super) fn judge(mut world: World<'_>, closing: &Closing) -> Outcome {
    let mut failures = std::mem::take(&mut world.failures);
    let mut ledger = world.crowd.ledger.borrow_mut();
    let counts = ledger.counts();
    let (recorder, strange) = ledger.finish();
    failures.extend(strange);
    failures.extend(world.site.applied.violations());
    failures.extend(world.site.tale.violations(&world.site.applied, |id| world.rotten.may_cost(id)));
    // What rot has hit is refused or lost by name.
    if !world.rotten.any() {
        failures.extend(world.books.borrow().violations());
        failures.extend(world.leases.borrow().violations().iter().cloned());
    }
    let stopped = stopped(&world.site);
    let unexcused = stopped.iter().filter(|(id, _)| !world.rotten.may_cost(**id));
    failures.extend(unexcused.map(|(id, why)| format!("liveness: partition {id} is not served: {why}")));
    let end = End { rows: closing.rows.clone(), last: last(&world.site, closing) };
    match recorder.finish() {
        Ok(history) => {
            let report = check::all(&history, &end);
            failures.extend(report.violations.told.iter().map(ToString::to_string));
            if report.verdict != Verdict::Linearizable {
                failures.push(report.verdict.to_string());
            }
        }
        Err(mistake) => failures.push(told(&mistake)),
    }
    if world.answered < ANSWERS_MIN {
        failures.push(format!("nothing happened: {} answers to users", world.answered));
    }
    let rows = world.plan.knobs.keys + FRESH;
    if !world.rotten.any() && (closing.fresh < FRESH || closing.rows.len() < rows as usize) {
        failures.push(format!("liveness: not everything was served at the end: {}", closing.told()));
    }
    let faults = world.happened.iter().map(|(name, count)| ((*name).to_owned(), *count));
    let injected = world.trouble.happened().into_iter().map(|(name, count)| (format!("{name}-hit"), count));
    let (sum, events) = trace::sum();
    let outcome = Outcome {
        seed: world.plan.seed,
        failures,
        trace: format!("{sum:016x}"),
        events,
        simulated_ms: world.now_ms(),
        found: found(&world.site, counts),
        faults: faults.chain(injected).collect(),
        sometimes: env::sometimes::counts(),
    };
    drop(ledger);
    // The process ends here: what a node would do at its end is not asked for.
    fibers::forget(world.site.host);
    std::mem::forget(world);
    outcome
}

fn told(mistake: &Malformed) -> String {
    format!("the history is not one: {mistake}")
}

/// How far partitions came, if everybody is gone who might still write.
fn last(site: &Site, closing: &Closing) -> BTreeMap<u64, Last> {
    let Some(node) = site.node().filter(|_| closing.done) else { return BTreeMap::new() };
    let map = node.directory().current();
    let places =
        map.table("default", super::node::TABLE).map(|table| table.places.clone()).unwrap_or_default();
    let last = |place: &partition_mgr::directory::Place| {
        Some((place.id.0, Last { index: place.applied()?, own: site.applied.idle(place.id) }))
    };
    places.iter().filter_map(last).collect()
}

fn found(site: &Site, counts: Counts) -> Found {
    Found {
        written: counts.written,
        read: counts.read,
        refused: counts.refused,
        unknown: counts.unknown,
        records: site.applied.count(),
        boots: site.boots(),
    }
}
