//! What a partition's events tell, followed page by page across all restarts, and
//! held against what its machine did: nothing left out, nothing twice, nothing
//! made up, and nothing expired before its time.

use super::witness::Applied;
use model::{Event, EventKind, Index, PartitionId, Stamp};
use partition_mgr::Node;
use partition_mgr::following::{FollowError, Place, Wanted};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use xxhash_rust::xxh3::xxh3_64;

/// A row that is overdue by more than this at the end was forgotten: before, a clock
/// may just have been set.
const OVERDUE_NS: u64 = 60_000_000_000;

/// A change of a row: what happened, to which key, and the hash of its value.
pub type Change = (EventKind, Vec<u8>, u64);

/// What has been told so far.
#[derive(Clone, Default)]
pub struct Tale {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    chapters: BTreeMap<PartitionId, Chapter>,
    violations: Vec<String>,
    /// Somebody is just listening.
    busy: bool,
}

/// Of one partition.
struct Chapter {
    place: Place,
    events: Vec<(Index, Change)>,
    /// Indexes from and to which nobody could follow.
    gaps: Vec<(Index, Index)>,
    /// By key: until when its row lasts.
    lasting: BTreeMap<Vec<u8>, Stamp>,
    /// Of what was told last.
    stamp: Stamp,
    /// Everything was told.
    is_all: bool,
}

impl Default for Chapter {
    fn default() -> Chapter {
        let place = Place { next: 1, is_aligned: false };
        let (events, gaps, lasting) = (Vec::new(), Vec::new(), BTreeMap::new());
        Chapter { place, events, gaps, lasting, stamp: Stamp(0), is_all: false }
    }
}

impl Tale {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A node has ended: whoever listened there listens no more.
    pub fn interrupt(&self) {
        self.inner().busy = false;
    }

    /// May somebody begin to listen?
    pub fn begin(&self) -> bool {
        !std::mem::replace(&mut self.inner().busy, true)
    }

    /// Follows every partition of a table by so many bytes.
    pub fn listen(&self, node: &Node, table: &str, bytes: usize, applied: &Applied) {
        let map = node.directory().current();
        let places = map.table("default", table).map(|table| table.places.clone()).unwrap_or_default();
        for place in places {
            let partition_mgr::directory::Standing::Serving(handle) = &place.standing else { continue };
            let mut at = self.inner().chapters.entry(place.id).or_default().place.clone();
            let wanted = Wanted { keys: model::KeyRange::all(), bytes, expected: None };
            let told = handle.follow(&mut at, &wanted);
            let mut inner = self.inner();
            let Inner { chapters, violations, .. } = &mut *inner;
            let chapter = chapters.entry(place.id).or_default();
            match told {
                Ok(told) => {
                    applied.told(place.id, told.upto);
                    told.events.iter().for_each(|event| chapter.take(place.id, event, violations));
                    (chapter.place, chapter.is_all) = (at, told.is_all);
                }
                Err(FollowError::Compacted { given_up }) => {
                    chapter.gaps.push((chapter.place.next, given_up));
                    chapter.lasting.clear();
                    chapter.place = Place { next: given_up + 1, is_aligned: false };
                }
                Err(FollowError::Future { next, applied }) => {
                    violations.push(format!("partition {}: {next} was told, {applied} is applied", place.id));
                }
                // It is just being stopped.
                Err(FollowError::Read(_)) => {}
            }
        }
        self.inner().busy = false;
    }

    /// What should not have been, held against what was done. Of those that may not be
    /// served any more nobody takes away what is over.
    pub fn violations(&self, applied: &Applied, may_rest: impl Fn(PartitionId) -> bool) -> Vec<String> {
        let inner = self.inner();
        let mut violations = inner.violations.clone();
        for (id, chapter) in &inner.chapters {
            let done = applied.changes(*id);
            let is_told = |index: &Index| {
                *index < chapter.place.next
                    && !chapter.gaps.iter().any(|(from, upto)| (*from..=*upto).contains(index))
            };
            let expected: Vec<(Index, Change)> =
                done.into_iter().filter(|(index, _)| is_told(index)).collect();
            let told = chapter
                .events
                .iter()
                .filter(|(index, (kind, ..))| *kind != EventKind::Expired && is_told(index));
            let told: Vec<(Index, Change)> = told.cloned().collect();
            let goes_on = chapter.is_all && !may_rest(*id);
            let late = |due: &Stamp| goes_on && due.0 + OVERDUE_NS < chapter.stamp.0;
            for (key, _) in chapter.lasting.iter().filter(|(_, due)| late(due)) {
                violations.push(format!("partition {id}: {} was forgotten", key.escape_ascii()));
            }
            if let Some(what) = first_difference(&expected, &told) {
                violations.push(format!("partition {id}: {what}"));
            }
        }
        violations
    }
}

impl Chapter {
    fn take(
        &mut self,
        id: PartitionId,
        (index, stamp, event): &(Index, Stamp, Event),
        violations: &mut Vec<String>,
    ) {
        if *index < self.place.next {
            violations.push(format!("partition {id}: {index} was told again"));
        }
        let key = event.key.as_bytes().to_vec();
        let due = self.lasting.remove(&key);
        if event.kind == EventKind::Expired && due.is_some_and(|due| due > *stamp) {
            violations.push(format!("partition {id}: a row expired at index {index} before its time"));
        }
        self.stamp = *stamp;
        if let (EventKind::Put, Some(ttl_ms)) = (event.kind, super::guest::ttl_of(&key, &event.body)) {
            self.lasting.insert(key.clone(), Stamp(stamp.0 + ttl_ms * 1_000_000));
        }
        self.events.push((*index, (event.kind, key, xxh3_64(&event.body))));
    }
}

fn first_difference(expected: &[(Index, Change)], told: &[(Index, Change)]) -> Option<String> {
    let at = expected.iter().zip(told).position(|(expected, told)| expected != told);
    let at = at.or_else(|| (expected.len() != told.len()).then(|| expected.len().min(told.len())))?;
    let said = |events: &[(Index, Change)]| match events.get(at) {
        Some((index, (kind, key, _))) => format!("{kind:?} of {} at {index}", key.escape_ascii()),
        None => "nothing".to_owned(),
    };
    Some(format!("the events tell of {}, and what happened is {}", said(told), said(expected)))
}
