//! The journal as the library's log store.

#[cfg(test)]
mod tests;

use super::kind::{Ballot, Entry, Kind, LogId};
use super::outbox::Flush;
use super::site::Site;
use env::Plant;
use futures_util::{Stream, stream};
use openraft::storage::{IOFlushed, RaftLogStorage};
use openraft::{LogState, RaftLogReader};
use std::fmt::Debug;
use std::io;
use std::ops::{Bound, RangeBounds, RangeInclusive};
use std::sync::Arc;
use tokio::sync::oneshot;

/// Bytes of one message to a peer, beyond its first entry.
const MESSAGE_BYTES_MAX: usize = 1 << 20;

/// One replica's.
#[derive(Clone)]
pub(crate) struct LogStore(pub Arc<Site>);

impl LogStore {
    /// Entries without a hole before them: what was let go of would be one.
    fn entries(&self, from: u64, end: u64, bytes_max: usize) -> io::Result<Vec<Entry>> {
        let journal = self.0.journal();
        if from < journal.first() && from < end {
            return Err(io::Error::other(format!("entry {from} was let go of")));
        }
        Ok(journal.entries(from, end, bytes_max))
    }
}

fn bounds(range: &impl RangeBounds<u64>) -> (u64, u64) {
    let from = match range.start_bound() {
        Bound::Included(from) => *from,
        Bound::Excluded(before) => before + 1,
        Bound::Unbounded => 0,
    };
    let end = match range.end_bound() {
        Bound::Included(last) => last + 1,
        Bound::Excluded(end) => *end,
        Bound::Unbounded => u64::MAX,
    };
    (from, end)
}

impl RaftLogReader<Kind> for LogStore {
    /// What of them is there.
    async fn try_get_log_entries<RB: RangeBounds<u64> + Clone + Debug + Send>(
        &mut self,
        range: RB,
    ) -> io::Result<Vec<Entry>> {
        let (from, end) = bounds(&range);
        Ok(self.0.journal().entries(from, end, usize::MAX))
    }

    /// What is to be applied: all of it.
    async fn entries_stream<RB>(&mut self, range: RB) -> impl Stream<Item = io::Result<Entry>> + Send
    where
        RB: RangeBounds<u64> + Clone + Debug + Send,
    {
        let (from, end) = bounds(&range);
        let found = self.entries(from, end, usize::MAX);
        let results: Vec<_> = match found {
            Ok(entries) => entries.into_iter().map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(results)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> io::Result<Vec<Entry>> {
        self.entries(start, end, MESSAGE_BYTES_MAX)
    }

    async fn read_vote(&mut self) -> io::Result<Option<Ballot>> {
        Ok(self.0.journal().ballot)
    }

    /// The last entry of each term in the range. (The library's page says the
    /// first ones; its own lists are of the last ones.)
    async fn get_key_log_ids(&mut self, range: RangeInclusive<LogId>) -> io::Result<Vec<LogId>> {
        let (first, last) = range.into_inner();
        let journal = self.0.journal();
        let mut found: Vec<LogId> = vec![first];
        for id in (first.index + 1..=last.index).filter_map(|position| journal.id_at(position)) {
            match found.last_mut().filter(|known| known.leader_id == id.leader_id) {
                Some(known) => *known = id,
                None => found.push(id),
            }
        }
        Ok(found)
    }
}

impl RaftLogStorage<Kind> for LogStore {
    type LogReader = LogStore;

    async fn get_log_state(&mut self) -> io::Result<LogState<Kind>> {
        let journal = self.0.journal();
        Ok(LogState { last_purged_log_id: journal.base.purged, last_log_id: journal.last() })
    }

    async fn get_log_reader(&mut self) -> LogStore {
        self.clone()
    }

    /// Returns when it is on disk: nobody hears of a vote before.
    async fn save_vote(&mut self, ballot: &Ballot) -> io::Result<()> {
        let append = self.0.journal().vote(*ballot);
        if self.0.plants.has(Plant::VoteNotPersisted) {
            return Ok(());
        }
        if self.0.plants.has(Plant::VoteAfterLog) {
            self.0.hold_back(append);
            return Ok(());
        }
        let (done, waits) = oneshot::channel();
        self.0.log(vec![append], Some(Flush::Vote(done)));
        waits.await.map_err(|_| io::Error::other("the log has ended"))
    }

    /// Kept with what is appended next: after a crash it may be behind, and a
    /// leader says how far it is behind.
    async fn save_committed(&mut self, committed: Option<LogId>) -> io::Result<()> {
        self.0.journal().committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> io::Result<Option<LogId>> {
        Ok(self.0.journal().committed)
    }

    async fn append<I>(&mut self, entries: I, done: IOFlushed<Kind>) -> io::Result<()>
    where
        I: IntoIterator<Item = Entry> + Send,
        I::IntoIter: Send,
    {
        let (appends, underway) = self.0.journal().append(entries).map_err(io::Error::other)?;
        self.0.place(&appends);
        if self.0.plants.has(Plant::AppendAckedEarly) {
            self.0.log(appends, None);
            self.0.settle(underway);
            done.io_completed(Ok(()));
            return Ok(());
        }
        let flush = Flush::Entries { site: self.0.clone(), underway, done };
        self.0.log(appends, Some(flush));
        Ok(())
    }

    async fn truncate_after(&mut self, last: Option<LogId>) -> io::Result<()> {
        let append = self.0.journal().truncate(last);
        self.0.log(vec![append], None);
        Ok(())
    }

    /// After an export has taken the store's place, or when the store has flushed.
    async fn purge(&mut self, upto: LogId) -> io::Result<()> {
        let taken = self.0.arrival().take_taken();
        let appends = {
            let mut journal = self.0.journal();
            let base = taken.or_else(|| journal.base_upto(upto));
            // Only an export knows which command that is.
            let none = || io::Error::other("entries that are not there cannot be let go of");
            journal.purge(base.ok_or_else(none)?)
        };
        self.0.log(appends, None);
        Ok(())
    }
}
