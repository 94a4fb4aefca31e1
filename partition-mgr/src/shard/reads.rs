//! Reads of a replicated partition that wait: first for word that the replica here
//! leads, then until it has applied what that word covers.

use model::Index;
use partition::ReplyTo;
use std::collections::BTreeMap;

/// Those of one partition.
#[derive(Default)]
pub(super) struct Reads {
    /// By the number under which the group was asked.
    asked: BTreeMap<u64, ReplyTo>,
    /// Confirmed, for when this is applied.
    confirmed: Vec<(Index, ReplyTo)>,
}

impl Reads {
    /// The group is asked under this number.
    pub fn ask(&mut self, serial: u64, reader: ReplyTo) {
        self.asked.insert(serial, reader);
    }

    /// They may read once this is applied.
    pub fn confirm(&mut self, serials: &[u64], index: Index) {
        let readers = serials.iter().filter_map(|serial| self.asked.remove(serial));
        self.confirmed.extend(readers.map(|reader| (index, reader)));
    }

    /// They may not read here.
    pub fn refuse(&mut self, serials: &[u64]) -> Vec<ReplyTo> {
        serials.iter().filter_map(|serial| self.asked.remove(serial)).collect()
    }

    /// Who may read now that so much is applied.
    pub fn take_ready(&mut self, applied: Index) -> Vec<ReplyTo> {
        if self.confirmed.is_empty() {
            return Vec::new();
        }
        let (ready, wait) = self.confirmed.drain(..).partition(|(index, _)| *index <= applied);
        self.confirmed = wait;
        let ready: Vec<(Index, ReplyTo)> = ready;
        ready.into_iter().map(|(_, reader)| reader).collect()
    }

    /// Everybody: the partition ends here.
    pub fn take_all(&mut self) -> Vec<ReplyTo> {
        let asked = std::mem::take(&mut self.asked).into_values();
        asked.chain(self.confirmed.drain(..).map(|(_, reader)| reader)).collect()
    }
}
