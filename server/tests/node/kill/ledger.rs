//! What a writer knows: what was acknowledged, and what may have happened
//! beside it. Held against what a node has after it was killed.
//!
//! A writer owns its keys, and has one request under way for each at most.

use super::value;
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};

/// One writer's knowledge.
#[derive(Debug, Default)]
pub struct Ledger {
    rows: BTreeMap<Bytes, Row>,
    /// The furthest index of each partition that an answer spoke of.
    reached: BTreeMap<u64, u64>,
    requests: u64,
    /// What went against the rules, in words.
    pub wrongs: Vec<String>,
}

/// A key, and what its row may be.
#[derive(Debug, Default)]
struct Row {
    /// Versions of the key are never used again.
    last_version: u64,
    /// What the row is, unless something under way has changed it.
    version: Option<u64>,
    /// Under which index that was written, or a later one.
    revision: u64,
    /// Sent, and not answered.
    pending: Vec<Sent>,
}

/// One change of one row, under way.
#[derive(Clone, Copy, Debug)]
struct Sent {
    request: u64,
    /// `None` removes.
    version: Option<u64>,
}

/// A change to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub key: Bytes,
    /// `None` removes.
    pub version: Option<u64>,
}

/// What became of a change, as the node says.
#[derive(Clone, Copy, Debug)]
pub enum Ending {
    Applied {
        revision: u64,
        not_found: bool,
    },
    /// It was not and will not be.
    Refused,
    Unknown,
}

/// A row as it was read, and where.
#[derive(Clone, Debug)]
pub struct Seen {
    pub partition: u64,
    /// Revision and value.
    pub row: Option<(u64, Bytes)>,
}

/// What a node has.
#[derive(Clone, Debug, Default)]
pub struct Found {
    pub rows: BTreeMap<Bytes, Seen>,
    /// How far each partition is applied.
    pub reached: BTreeMap<u64, u64>,
}

impl Ledger {
    /// Keys whose rows nobody has written.
    pub fn of_keys(keys: impl IntoIterator<Item = Bytes>) -> Ledger {
        Ledger { rows: keys.into_iter().map(|key| (key, Row::default())).collect(), ..Ledger::default() }
    }

    pub fn keys(&self) -> Vec<Bytes> {
        self.rows.keys().cloned().collect()
    }

    /// Rows that are there, as far as is known.
    pub fn rows_there(&self) -> usize {
        self.rows.values().filter(|row| row.version.is_some()).count()
    }

    /// Is nothing under way for this key?
    pub fn is_idle(&self, key: &Bytes) -> bool {
        self.rows[key].pending.is_empty()
    }

    fn row(&mut self, key: &Bytes) -> &mut Row {
        self.rows.get_mut(key).expect("one of our keys")
    }

    /// A change to a version that was never used.
    pub fn upsert(&mut self, key: Bytes) -> Change {
        let row = self.row(&key);
        row.last_version += 1;
        let version = Some(row.last_version);
        Change { key, version }
    }

    /// Notes what is about to be sent, as one request.
    pub fn send(&mut self, changes: &[Change]) -> u64 {
        self.requests += 1;
        let request = self.requests;
        for change in changes {
            self.row(&change.key).pending.push(Sent { request, version: change.version });
        }
        request
    }

    /// Notes an answer: what became of each change, in the order of the request.
    pub fn answer(&mut self, request: u64, endings: &[(Bytes, Ending)]) {
        for (key, ending) in endings {
            let row = self.row(key);
            let at = row.pending.iter().position(|sent| sent.request == request).expect("it was sent");
            match *ending {
                Ending::Unknown => {}
                Ending::Refused => drop(row.pending.remove(at)),
                Ending::Applied { revision, not_found } => {
                    let sent = row.pending.remove(at);
                    let before = (row.version, row.revision);
                    (row.version, row.revision) = (sent.version, revision);
                    self.compare(key, sent, before, (revision, not_found));
                }
            }
        }
    }

    fn compare(
        &mut self,
        key: &Bytes,
        sent: Sent,
        (version, last): (Option<u64>, u64),
        (revision, not_found): (u64, bool),
    ) {
        if revision <= last {
            self.wrongs.push(format!("{key:?}: acknowledged at {revision}, after {last}"));
        }
        if sent.version.is_none() && not_found != version.is_none() {
            self.wrongs.push(format!("{key:?}: removed with not_found {not_found}, it was {version:?}"));
        }
    }

    /// Notes how far a partition is, by a receipt.
    pub fn reach(&mut self, partition: u64, index: u64) {
        let reached = self.reached.entry(partition).or_default();
        *reached = index.max(*reached);
    }

    /// Holds this against what a node has after a restart, and goes on from
    /// there: what is not in it now will never be.
    pub fn check(&mut self, found: &Found) {
        let mut applied: BTreeMap<(u64, u64), BTreeSet<bool>> = BTreeMap::new();
        let mut places = BTreeSet::new();
        for (key, row) in &mut self.rows {
            let Some(seen) = found.rows.get(key) else {
                self.wrongs.push(format!("{key:?}: was not read"));
                continue;
            };
            if let Some((revision, _)) = &seen.row
                && !places.insert((seen.partition, *revision))
            {
                self.wrongs.push(format!("{key:?}: shares revision {revision} with another row"));
            }
            match row.resolve(key, seen) {
                Ok(outcomes) => {
                    for (request, outcome) in outcomes {
                        applied.entry((request, seen.partition)).or_default().insert(outcome);
                    }
                }
                Err(wrong) => self.wrongs.push(wrong),
            }
        }
        for ((request, partition), outcomes) in applied {
            if outcomes.len() > 1 {
                self.wrongs.push(format!("request {request} was applied to partition {partition} in part"));
            }
        }
        for (partition, index) in &mut self.reached {
            let now = found.reached.get(partition).copied().unwrap_or_default();
            if now < *index {
                self.wrongs.push(format!("partition {partition} went back from {index} to {now}"));
            }
            *index = now;
        }
    }
}

impl Row {
    /// Accepts what was seen, if it can be. For each request under way: was it
    /// applied, as far as this row shows?
    fn resolve(&mut self, key: &Bytes, seen: &Seen) -> Result<Vec<(u64, bool)>, String> {
        // Of a request that changes a row twice, only the second may be seen.
        let last: BTreeMap<u64, Option<u64>> =
            self.pending.drain(..).map(|sent| (sent.request, sent.version)).collect();
        let (revision, version) = match &seen.row {
            None => (self.revision, None),
            Some((revision, bytes)) => match value::version(key, bytes) {
                Some(version) => (*revision, Some(version)),
                None => return Err(format!("{key:?}: holds what nobody wrote: {bytes:?}")),
            },
        };
        let (before, last_revision) = (self.version, self.revision);
        (self.version, self.revision) = (version, revision);
        let of_pending = last.values().any(|sent| *sent == version);
        if version == before {
            let same = version.is_none() || revision == last_revision;
            let wrong = || format!("{key:?}: {before:?} was written at {last_revision}, not at {revision}");
            same.then_some(()).ok_or_else(wrong)?;
        } else if !of_pending {
            let known = format!("{before:?} at {last_revision}");
            return Err(format!(
                "{key:?}: is {version:?} at {revision}, was {known}, and under way was {last:?}"
            ));
        } else if version.is_some() && revision <= last_revision {
            return Err(format!("{key:?}: a later change at {revision}, the one before at {last_revision}"));
        }
        // A row that was absent and is absent shows nothing of a removal.
        let telling = last.into_iter().filter(|(_, sent)| *sent != before);
        Ok(telling.map(|(request, sent)| (request, sent == version)).collect())
    }
}
