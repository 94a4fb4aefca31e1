//! A read model: rows in this process, kept up by a watch.

use super::{Event, Positions, State, Tailing, Watch, Watched, Watching};
use crate::error::Error;
use crate::runtime::{self, Instant};
use crate::table::Table;
use bytes::Bytes;
use model::{BootId, EventKind, Index, PartitionId, code};
use proto::convert::Receipt;
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::AbortHandle;

/// The rows of a range of a `kv` table, in this process, kept up by a watch. Cheap
/// to clone; dropping the last one ends the watch.
///
/// - **What it shows was true.** The rows of each partition are those of its index
///   in [`positions`](View::positions): every change up to it, and none behind it.
///   A row whose time is over is shown until its end has been told. Partitions are
///   shown at indexes of their own, as they come.
/// - **It may be old**, by [`age`](View::age), and says so. Who has to see a write
///   waits for it: [`reaches`](View::reaches).
/// - **Readers wait for nobody** but, for the moment in which a message is put in,
///   the watch: never for a node.
/// - **It goes on by itself** however long a node is away, with what it has. When
///   events that it needs are gone (`SH2230`), or the node's history is another
///   (`SH2231`) or one that nobody there knows (`SH2119`), it is filled anew, beside
///   what it shows meanwhile, and counts that in [`refills`](View::refills). What does
///   not pass by waiting, as a table that is not there, ends it: it shows what it has,
///   and says why.
/// - **It holds all rows of its range**, keys and values, in memory.
#[derive(Clone, Debug)]
pub struct View {
    table: Table,
    shared: Arc<Shared>,
    _keeper: Arc<Keeper>,
    changes: watch::Receiver<u64>,
}

/// A row of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The index of the command that wrote it.
    pub revision: Index,
    /// Its content.
    pub value: Bytes,
}

/// Ends the watch with the last view.
#[derive(Debug)]
struct Keeper(AbortHandle);

impl Drop for Keeper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[derive(Debug)]
struct Shared {
    content: RwLock<Content>,
    /// Counts the changes of what is shown, and the end.
    changes: watch::Sender<u64>,
    /// The same, and each mark.
    steps: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Content {
    filled: Option<Filled>,
    refills: u64,
    /// Why it is kept up no longer.
    end: Option<Error>,
}

/// Rows, and what they are worth.
#[derive(Clone, Debug, Default)]
struct Filled {
    rows: BTreeMap<Bytes, Shown>,
    positions: Positions,
    /// When each partition last said that this was all.
    current: BTreeMap<PartitionId, Instant>,
}

impl View {
    /// Follows rows of a table; those of `watching`, which may say which keys. Returns
    /// at once: see [`ready`](View::ready). Needs a runtime around it.
    pub fn follow(table: &Table, watching: Watching) -> View {
        let (changes, seen) = watch::channel(0);
        let steps = watch::Sender::new(0);
        let shared = Arc::new(Shared { content: RwLock::default(), changes, steps });
        let (watching, kept, of) = (watching.of_a_view(), shared.clone(), table.clone());
        let task = runtime::spawn(async move {
            let end = kept.keep(&of, &watching).await;
            kept.content().end = Some(end);
            kept.tell(true);
        });
        View { table: table.clone(), shared, _keeper: Arc::new(Keeper(task)), changes: seen }
    }

    /// Returns when all rows are there; an error when they never will be.
    pub async fn ready(&self) -> Result<(), Error> {
        self.shared.until(|content| content.filled.is_some()).await
    }

    /// Returns when something that is shown has changed since this was last asked of
    /// this view; an error when nothing will.
    pub async fn changed(&mut self) -> Result<(), Error> {
        // Its sender is in what this view shares.
        let _ = self.changes.changed().await;
        self.shared.read().end.clone().map_or(Ok(()), Err)
    }

    /// Returns when a write is shown, or what came behind it, by its receipt; an error
    /// when it never will be, because it is lost (`SH2231`) or the view has ended. A
    /// partition that holds no key of the view never gets there.
    pub async fn reaches(&self, receipt: &Receipt) -> Result<(), Error> {
        let shown = |filled: &Filled| filled.positions.iter().find(|at| at.partition == receipt.partition);
        let reached = |content: &Content, told: &dyn Fn(BootId) -> bool| {
            let at = content.filled.as_ref().and_then(shown);
            at.is_some_and(|at| at.index >= receipt.index && told(at.boot))
        };
        self.shared.until(|content| reached(content, &|_| true)).await?;
        let Some(before) = self.shared.read().filled.as_ref().and_then(shown) else { return Ok(()) };
        if before.boot == receipt.boot {
            return Ok(());
        }
        // Told by another boot of the node: perhaps that has lost the write, and other
        // commands have come as far; perhaps the view has yet to hear of the receipt's.
        let current = self.boot_behind(receipt).await?;
        self.shared.until(|content| reached(content, &|boot| boot == current || boot != before.boot)).await
    }

    /// Which boot has the receipt in its history, if one has.
    async fn boot_behind(&self, receipt: &Receipt) -> Result<BootId, Error> {
        let client = &self.table.client;
        let none = || Error::new(code::INTERNAL, "a tail that tells all has told nothing");
        let behind = Tailing::behind(receipt.position()).ends(true);
        let told = match client.tail(receipt.partition, behind).next().await.ok_or_else(none)? {
            // It has, and tells no more what came behind it.
            Err(error) if error.is(code::COMPACTED) => {
                let now = Tailing::now().ends(true);
                client.tail(receipt.partition, now).next().await.ok_or_else(none)?
            }
            told => told,
        };
        Ok(told?.at.boot)
    }

    /// A row as it is shown.
    pub fn get(&self, key: &[u8]) -> Option<Shown> {
        self.shared.read().filled.as_ref()?.rows.get(key).cloned()
    }

    /// The rows from `start` up to, not including, `end`, in the order of keys; an
    /// empty one is open. All of one moment of the view.
    pub fn range(&self, start: &[u8], end: &[u8]) -> Vec<(Bytes, Shown)> {
        if !end.is_empty() && end <= start {
            return Vec::new();
        }
        let upto = if end.is_empty() { Bound::Unbounded } else { Bound::Excluded(end) };
        let content = self.shared.read();
        let Some(filled) = &content.filled else { return Vec::new() };
        let rows = filled.rows.range::<[u8], _>((Bound::Included(start), upto));
        rows.map(|(key, row)| (key.clone(), row.clone())).collect()
    }

    /// How many rows are shown.
    pub fn len(&self) -> usize {
        self.shared.read().filled.as_ref().map_or(0, |filled| filled.rows.len())
    }

    /// Is none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Up to which index of each partition it shows everything; `None` before it is
    /// ready.
    pub fn positions(&self) -> Option<Positions> {
        self.shared.read().filled.as_ref().map(|filled| filled.positions.clone())
    }

    /// How old it may be: the time since a message came that said "this is all" of the
    /// partition that said so longest ago. The message's own way is not in it. Of a
    /// table at rest it is up to a second or so, which is how often that is said.
    /// `None` before all have said so.
    pub fn age(&self) -> Option<Duration> {
        let content = self.shared.read();
        let filled = content.filled.as_ref()?;
        let oldest = filled.positions.iter().map(|at| filled.current.get(&at.partition));
        let oldest = oldest.min()??;
        Some(runtime::now().saturating_duration_since(*oldest))
    }

    /// How often it was filled anew, because events were gone.
    pub fn refills(&self) -> u64 {
        self.shared.read().refills
    }
}

impl Shared {
    fn read(&self) -> RwLockReadGuard<'_, Content> {
        self.content.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn content(&self) -> RwLockWriteGuard<'_, Content> {
        self.content.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, is_change: bool) {
        if is_change {
            self.changes.send_modify(|count| *count += 1);
        }
        self.steps.send_modify(|count| *count += 1);
    }

    /// Returns when this holds, or with why nothing changes any more.
    async fn until(&self, holds: impl Fn(&Content) -> bool) -> Result<(), Error> {
        let mut steps = self.steps.subscribe();
        loop {
            steps.borrow_and_update();
            {
                let content = self.read();
                if holds(&content) {
                    return Ok(());
                }
                if let Some(end) = &content.end {
                    return Err(end.clone());
                }
            }
            // Its sender is in `self`.
            let _ = steps.changed().await;
        }
    }

    /// Fills and follows until that makes no sense; why.
    async fn keep(&self, table: &Table, watching: &Watching) -> Error {
        loop {
            let (error, was_ready) = self.follow(table.watch(watching.clone())).await;
            // Of one that had no positions it is the table's own token that is refused.
            let is_unknown = error.is(code::TOKEN_FOREIGN) && was_ready;
            if !(is_unknown || error.is(code::COMPACTED) || error.is(code::FROM_FUTURE)) {
                return error;
            }
            self.content().refills += 1;
        }
    }

    /// Follows one watch to its end: why, and whether it had got anywhere.
    async fn follow(&self, mut watch: Watch) -> (Error, bool) {
        let mut filling = Some(Filled::default());
        loop {
            let watched = match watch.next().await {
                Some(Ok(watched)) => watched,
                Some(Err(error)) => return (error, watch.positions().is_some()),
                None => return (Error::new(code::INTERNAL, "a watch without an end has ended"), false),
            };
            match (&mut filling, watched) {
                (_, Watched::Restarted) => filling = Some(Filled::default()),
                (_, Watched::Ready) => {
                    if let Some(filled) = filling.take() {
                        self.content().filled = Some(filled);
                        self.tell(true);
                    }
                }
                (Some(filling), watched) => drop(filling.take(watched)),
                (None, watched) => {
                    let is_change = self.content().filled.as_mut().is_some_and(|filled| filled.take(watched));
                    self.tell(is_change);
                }
            }
        }
    }
}

impl Filled {
    /// Puts a message in; does that change what is shown?
    fn take(&mut self, watched: Watched) -> bool {
        match watched {
            Watched::State(State { at, rows, is_last }) => {
                for row in rows {
                    self.rows.insert(own(&row.key), Shown { revision: row.revision, value: own(&row.value) });
                }
                if is_last {
                    self.positions.set(at);
                }
                true
            }
            Watched::Events(events) => {
                let is_change = !events.is_mark();
                events.events.into_iter().for_each(|event| self.change(&event));
                self.positions.set(events.at);
                if events.is_all {
                    self.current.insert(events.at.partition, runtime::now());
                }
                is_change
            }
            Watched::Ready | Watched::Restarted => false,
        }
    }

    fn change(&mut self, event: &Event) {
        match event.kind {
            EventKind::Put => {
                let shown = Shown { revision: event.index, value: own(&event.value) };
                self.rows.insert(own(&event.key), shown);
            }
            EventKind::Removed | EventKind::Expired => {
                self.rows.remove(&event.key);
            }
            // A table with rows has no machine that tells anything else.
            EventKind::Told => {}
        }
    }
}

/// A copy: a slice would keep the whole message it came in.
fn own(bytes: &Bytes) -> Bytes {
    Bytes::copy_from_slice(bytes)
}
