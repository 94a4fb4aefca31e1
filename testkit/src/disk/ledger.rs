//! What must be there after a crash, and what must not.

use bytes::Bytes;
use machine::{At, Machine, Register, RegisterCommand, View, ViewError};
use model::{Index, KeyRange, Mutation, PartitionId, Stamp};
use statestore::Store;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, PoisonError};

/// One partition's history.
#[derive(Clone, Debug, Default)]
struct History {
    /// The commands in index order, each as submitted; index 1 first.
    submitted: Vec<RegisterCommand>,
    /// Up to here somebody was told that it is there: acknowledged, or shown
    /// by a recovery.
    promised: Index,
}

/// The histories of all partitions.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    histories: BTreeMap<PartitionId, History>,
}

/// A ledger that the host writes and the watcher of its disk reads.
#[derive(Clone, Debug)]
pub(crate) struct SharedLedger(Arc<Mutex<Ledger>>);

impl SharedLedger {
    pub fn new(ledger: Ledger) -> SharedLedger {
        SharedLedger(Arc::new(Mutex::new(ledger)))
    }

    pub fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ledger as it stands.
    pub fn now(&self) -> Ledger {
        self.change(|ledger| ledger.clone())
    }
}

/// What is wrong with a recovered state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Acknowledged and not recovered.
    Lost(String),
    /// Recovered though never submitted, or from a dropped suffix, or twice.
    Phantom(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Lost(what) => write!(f, "lost: {what}"),
            Verdict::Phantom(what) => write!(f, "phantom: {what}"),
        }
    }
}

impl Ledger {
    pub fn new(partitions: &[PartitionId]) -> Ledger {
        Ledger { histories: partitions.iter().map(|id| (*id, History::default())).collect() }
    }

    /// A command is on its way; returns its index.
    pub fn submit(&mut self, partition: PartitionId, command: RegisterCommand) -> Index {
        let history = self.histories.entry(partition).or_default();
        history.submitted.push(command);
        history.submitted.len() as Index
    }

    /// Everything submitted so far is acknowledged.
    pub fn acknowledge_all(&mut self) {
        for history in self.histories.values_mut() {
            history.promised = history.submitted.len() as Index;
        }
    }

    /// A recovery has shown this state to the world: it must not go back, and
    /// what it lacks will never come.
    pub fn shown(&mut self, applied: &BTreeMap<PartitionId, Index>) {
        for (partition, history) in &mut self.histories {
            let index = applied.get(partition).copied().unwrap_or(0);
            history.submitted.truncate(usize::try_from(index).unwrap_or(usize::MAX));
            history.promised = history.promised.max(index);
        }
    }

    /// The promise, so that equal images under equal promises are judged once.
    pub fn promise(&self) -> Vec<(Index, usize)> {
        self.histories.values().map(|history| (history.promised, history.submitted.len())).collect()
    }

    /// Judges a recovered store. `refused` partitions may lack anything, but
    /// what they hold must be right.
    pub fn judge(&self, store: &dyn Store, refused: &[PartitionId]) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        for (partition, history) in &self.histories {
            let verdict = history.judge(*partition, store, refused.contains(partition));
            verdicts.extend(verdict);
        }
        verdicts
    }
}

impl History {
    fn judge(&self, partition: PartitionId, store: &dyn Store, refused: bool) -> Option<Verdict> {
        let Ok(applied) = store.applied(partition) else {
            let lost = self.promised > 0 && !refused;
            return lost.then(|| Verdict::Lost(format!("partition {partition} is not there")));
        };
        if applied < self.promised && !refused {
            let promised = self.promised;
            return Some(Verdict::Lost(format!(
                "partition {partition} ends at index {applied}; {promised} was promised"
            )));
        }
        if applied > self.submitted.len() as Index {
            let submitted = self.submitted.len();
            return Some(Verdict::Phantom(format!(
                "partition {partition} ends at index {applied}; only {submitted} were submitted"
            )));
        }
        let (expected, found) = (self.state_at(applied), rows(store, partition));
        (expected != found).then(|| {
            Verdict::Phantom(format!(
                "partition {partition} at index {applied} holds {found:?} instead of {expected:?}"
            ))
        })
    }

    /// The rows after the first `applied` commands, by the machine itself.
    fn state_at(&self, applied: Index) -> BTreeMap<Bytes, Bytes> {
        let mut rows = Rows::default();
        let submitted = self.submitted.iter().take(usize::try_from(applied).unwrap_or(usize::MAX));
        for (index, command) in (1..).zip(submitted) {
            let at = At { index, stamp: Stamp(index) };
            let outcome = Register.apply(&rows, &command.encode(), at).unwrap_or_default();
            for mutation in outcome.mutations {
                match mutation {
                    Mutation::Put { key, value } => rows.0.insert(key, value),
                    Mutation::Delete { key } => rows.0.remove(&key),
                };
            }
        }
        rows.0
    }
}

#[derive(Default)]
struct Rows(BTreeMap<Bytes, Bytes>);

impl View for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, ViewError> {
        Ok(self.0.get(key).cloned())
    }

    fn range(&self, range: &KeyRange, most: usize) -> Result<Vec<(Bytes, Bytes)>, ViewError> {
        let within = self.0.iter().filter(|(key, _)| range.contains(key)).take(most);
        Ok(within.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

/// The data rows of a partition.
fn rows(store: &dyn Store, partition: PartitionId) -> BTreeMap<Bytes, Bytes> {
    let mut rows = BTreeMap::new();
    let data = KeyRange::new(&b"\x01"[..], Some(Bytes::from_static(b"\x02"))).unwrap_or_else(KeyRange::all);
    let scanned = store.scan(partition, &data, &mut |key, value| {
        rows.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
        ControlFlow::Continue(())
    });
    if scanned.is_err() { BTreeMap::new() } else { rows }
}
