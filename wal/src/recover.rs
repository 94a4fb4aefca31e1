//! Opening a log: survey it, then continue it in a new segment.
//!
//! What recovery keeps above the proven LSN is written anew, into the opening
//! of a new segment, and synced before anything uses it. Syncing the old file
//! again would not do: after an EIO, or a kill, the page cache shows bytes that
//! are not on disk, and a second sync says OK without writing them.

use crate::carrier::index;
use crate::config::LogConfig;
use crate::damage::{Condemned, Damage};
use crate::error::LogError;
use crate::opening::Predecessor;
use crate::place::{Lsn, SegmentId};
use crate::reader::{Pins, Reader};
use crate::roster::Roster;
use crate::rotate::{OpeningPlan, open_segment, opening_extent};
use crate::segment::{Loaded, path_of};
use crate::spare::{SparePool, Urgency};
use crate::survey::{Accepted, Survey, survey};
use crate::writer::{Sealed, Writer};
use env::{Files, Mono, Plant, sometimes};
use model::{Index, PartitionId, Record, RecordKind};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What was found on opening.
#[derive(Clone, Debug, Default)]
pub struct Recovery {
    /// Segments that hold the log.
    pub segments: usize,
    /// Records in them.
    pub records: u64,
    /// Bytes of batches in them.
    pub bytes: u64,
    /// Records that were written anew because nothing proved them durable.
    pub kept: usize,
    /// A batch that was being written when the process ended; never acknowledged.
    pub torn: bool,
    /// What should be readable and is not, less what was given up since.
    pub damages: Vec<Damage>,
    /// The last index that the log has had, by partition. A store that holds
    /// more than this is ahead of its log.
    pub last: BTreeMap<PartitionId, Index>,
}

/// A log that is open.
pub struct OpenLog {
    /// Continues it.
    pub writer: Writer,
    /// What was found.
    pub recovery: Recovery,
    /// Reads everything in it, for replay.
    pub reader: Reader,
}

/// Opens the log in `config.dir`, which exists, or begins one there.
pub fn open(files: Arc<dyn Files>, config: LogConfig, now: Mono) -> Result<OpenLog, LogError> {
    let mut found = survey(&*files, &config.dir, config.identity, config.plants)?;
    for lost in found.damages.iter().flat_map(|damage| &damage.condemned).filter(|lost| lost.promise) {
        found.carriers.suspect(lost.partition);
    }
    if config.plants.has(Plant::RecoverySyncs) {
        believe_the_cache(&*files, &config, &mut found)?;
    }
    let recovery = summarize(&found);
    count(&found);
    let accepted = renumbered(&found, found.proven.next());
    let predecessor = found.resume;
    let mut writer = continue_log(files, config, found)?;
    // It also proves the opening, with all that is kept in it, to be on disk.
    writer.repeat_opening(now, predecessor)?;
    let reader = writer.reader(Lsn(0)).without(accepted);
    Ok(OpenLog { writer, recovery, reader })
}

/// What simulation should meet.
fn count(found: &Survey) {
    if found.torn.is_some() {
        sometimes!("a torn tail was dropped");
    }
    if !found.kept.is_empty() {
        sometimes!("a log was recovered with unproven records");
    }
    if !found.damages.is_empty() {
        sometimes!("a log was recovered with damage");
    }
}

/// Opens the next segment behind what is proven, with what is kept in it.
fn continue_log(files: Arc<dyn Files>, config: LogConfig, found: Survey) -> Result<Writer, LogError> {
    let carried: Vec<Record> = found.carriers.records().collect();
    let own = opening_extent(carried.iter().chain(&found.kept), &found.resume_roster);
    let bytes = config.limits.log_segment_bytes.max(3 * own);
    let mut spares = spares(&*files, &config, &found)?;
    let spare = spares.take(&*files, bytes, Urgency::Urgent)?;
    let lsn = found.proven.next();
    let plan = OpeningPlan {
        id: SegmentId(found.highest.0 + 1),
        lsn,
        durable: found.proven,
        released: found.released,
        predecessor: found.resume,
        prior: &found.resume_roster,
        carried,
        kept: &found.kept,
    };
    let active = open_segment(&*files, &config, spare, &plan)?;
    let sealed = sealed(&*files, &config, &found)?;
    clear_leftovers(&*files, &config, &found)?;
    Ok(Writer {
        prior: active.roster.clone(),
        files,
        active,
        sealed,
        carriers: found.carriers,
        released: found.released,
        spares,
        pins: Pins::default(),
        next: lsn.next(),
        durable: lsn,
        unsynced: None,
        unmarked: None,
        release_due: true,
        poisoned: false,
        header: Vec::new(),
        config,
    })
}

/// The spares that are there. One that was being laid out when the process
/// ended holds zeroes and would be in the way of its name.
fn spares(files: &dyn Files, config: &LogConfig, found: &Survey) -> Result<SparePool, LogError> {
    for path in &found.unfinished {
        files.unlink(path).map_err(LogError::io("unlink", path))?;
    }
    Ok(SparePool::new(&config.dir, found.spares.clone()))
}

/// The segments that stay, as far as the new opening names them.
fn sealed(files: &dyn Files, config: &LogConfig, found: &Survey) -> Result<VecDeque<Sealed>, LogError> {
    let mut sealed = VecDeque::new();
    for segment in found.segments.iter().filter(|segment| segment.id <= found.resume.segment) {
        let path = path_of(&config.dir, segment.id);
        let device = files.open_read(&path).map_err(LogError::io("open", &path))?;
        let bytes = device.bytes().map_err(LogError::io("measure", &path))?;
        let (id, end, last, roster) = (segment.id, segment.end, segment.last, segment.roster.clone());
        sealed.push_back(Sealed { id, path, bytes, end, last, roster });
    }
    Ok(sealed)
}

/// Unlinks what holds nothing: released segments, files that nobody opened,
/// openings that this recovery has written anew. Anything else stays, and so
/// does a file that somebody else put there.
fn clear_leftovers(files: &dyn Files, config: &LogConfig, found: &Survey) -> Result<(), LogError> {
    let mut gone = found.leftovers.clone();
    let superseded = found.segments.iter().filter(|segment| segment.id > found.resume.segment);
    gone.extend(superseded.map(|segment| segment.id));
    gone.extend(found.unproven);
    for id in gone.into_iter().filter(|id| *id <= found.released || *id > found.resume.segment) {
        let segment = Loaded::read_opening(files, &config.dir, config.identity, id)?;
        if segment.is_ours() {
            files.unlink(&segment.path).map_err(LogError::io("unlink", &segment.path))?;
        }
    }
    files.sync_dir(&config.dir).map_err(LogError::io("sync", &config.dir))
}

/// Planted: the old file is synced once more and believed from then on.
fn believe_the_cache(files: &dyn Files, config: &LogConfig, found: &mut Survey) -> Result<(), LogError> {
    let Some(last) = found.segments.last_mut().filter(|last| last.id == found.resume.segment) else {
        return Ok(());
    };
    if found.kept.is_empty() {
        return Ok(());
    }
    let path = path_of(&config.dir, last.id);
    let device = files.open(&path).map_err(LogError::io("open", &path))?;
    device.sync().map_err(LogError::io("sync", &path))?;
    let (end, lsn) = found.kept_end;
    let kept = Roster::of(&found.kept);
    last.roster.merge(&kept);
    (last.end, last.last, found.proven) = (end, lsn, lsn);
    found.resume = Predecessor { segment: last.id, end, lsn, footer: last.footer };
    found.resume_roster.merge(&kept);
    found.kept.clear();
    Ok(())
}

/// Losses accepted in records that are written anew get the numbers that those
/// records have from now on.
fn renumbered(found: &Survey, opening: Lsn) -> BTreeMap<PartitionId, Vec<Accepted>> {
    let mut accepted = found.accepted.clone();
    for all in accepted.values_mut() {
        all.retain(|one| one.lsn <= found.proven);
    }
    for (ordinal, record) in found.kept.iter().enumerate() {
        if record.kind == RecordKind::AcceptLoss {
            let after = index(&record.payload).unwrap_or(0);
            accepted.entry(record.partition).or_default().push(Accepted { lsn: opening, ordinal, after });
        }
    }
    accepted
}

fn summarize(found: &Survey) -> Recovery {
    let mut last: BTreeMap<PartitionId, Index> =
        found.carriers.iter().map(|(partition, carrier)| (partition, carrier.purged)).collect();
    let rosters = found.segments.iter().map(|segment| segment.roster.clone());
    for roster in rosters.chain([Roster::of(&found.kept)]) {
        for span in roster.spans().iter().filter(|span| span.is_indexed()) {
            let known = last.entry(span.partition).or_default();
            *known = span.last.max(*known);
        }
    }
    Recovery {
        segments: found.segments.len(),
        records: found.segments.iter().map(|s| s.records).sum::<u64>() + found.kept.len() as u64,
        bytes: found.segments.iter().map(|s| s.end).sum(),
        kept: found.kept.len(),
        torn: found.torn.is_some(),
        damages: outstanding(&found.damages, &found.accepted),
        last,
    }
}

/// Damage that nobody has given up yet.
pub(crate) fn outstanding(
    damages: &[Damage],
    accepted: &BTreeMap<PartitionId, Vec<Accepted>>,
) -> Vec<Damage> {
    let given_up = |damage: &Damage, lost: &Condemned| {
        let mut all = accepted.get(&lost.partition).into_iter().flatten();
        all.any(|one| damage.lsn < one.lsn && one.after < lost.first)
    };
    let still = damages.iter().map(|damage| {
        let (gone, condemned): (Vec<Condemned>, Vec<Condemned>) =
            damage.condemned.iter().partition(|lost| given_up(damage, lost));
        let unnamed = accepted.iter().filter(|(partition, all)| {
            all.iter().any(|one| damage.lsn < one.lsn)
                && !damage.condemned.iter().any(|lost| lost.partition == **partition)
        });
        let forgiven = gone.iter().map(|lost| lost.partition).chain(unnamed.map(|(p, _)| *p)).collect();
        Damage { condemned, forgiven, ..damage.clone() }
    });
    still.filter(|damage| damage.everybody || !damage.condemned.is_empty()).collect()
}
