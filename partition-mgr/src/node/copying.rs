//! Copying a table while it serves.
//!
//! First the list says which partitions are being made, then each store makes
//! its own of the source's rows, then the list says that they are a table. What
//! is cut short in between belongs to nobody: the next start, or the next copy,
//! deletes it under the tombstone that this made of it.

use super::change::write_down;
use super::{ChangeError, Core, Node, State};
use crate::delta::Held;
use coordinator::{CopyPart, CopyPlan, TableName};
use env::sometimes;
use model::{Index, PartitionId};
use pipeline::retries;

/// A partition that was copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Whose rows it got.
    pub source: PartitionId,
    /// Its own id.
    pub id: PartitionId,
    /// At which index; its own history goes on behind it.
    pub applied: Index,
}

impl Node {
    /// Makes a table like another and with its rows, each partition's as they are
    /// at one index, at this moment or later. What the source remembers of its
    /// clients' operations is not copied: they are operations on another table.
    pub fn copy_table(&self, from: &TableName, to: TableName) -> Result<Vec<Copied>, ChangeError> {
        // One after another: what is unfinished beside it is given up.
        let _copying = self.core.copying.hold();
        let plan = self.core.begin_copy(from, to)?;
        let made = self.core.make_copy(&plan).and_then(|made| {
            self.core.finish_copy(&plan, &made)?;
            Ok(made)
        });
        if made.is_err() {
            self.core.give_up_copy();
        }
        made
    }
}

impl Core {
    fn begin_copy(&self, from: &TableName, to: TableName) -> Result<CopyPlan, ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        self.make_sure(state)?;
        let mut next = state.desired.clone();
        next.give_up_copies();
        let plan = next.begin_copy(from, to).map_err(ChangeError::Refused)?;
        for CopyPart { source, .. } in &plan.parts {
            let failed = self.reports.failure_of(*source);
            if failed.is_some() || !state.handles.contains_key(source) {
                let why = failed.or_else(|| state.why_not(*source)).unwrap_or_default();
                return Err(ChangeError::NotServed(*source, why));
            }
        }
        self.note_leftovers(state);
        write_down(state, next)?;
        Ok(plan)
    }

    /// The rows of all partitions. The list is free meanwhile.
    fn make_copy(&self, plan: &CopyPlan) -> Result<Vec<Copied>, ChangeError> {
        let profile = &plan.spec.profile;
        let absent = || ChangeError::Unable(format!("this node has no store `{}`", profile.store));
        let files = self.stores.files_of(profile).ok_or_else(absent)?;
        let copy = |part: &CopyPart| {
            let CopyPart { source, id, .. } = *part;
            let applied = files.copy(source, id, &retries::whole());
            let applied = applied.map_err(|error| ChangeError::NotCopied(source, error))?;
            Ok(Copied { source, id, applied })
        };
        plan.parts.iter().map(copy).collect()
    }

    fn finish_copy(&self, plan: &CopyPlan, made: &[Copied]) -> Result<(), ChangeError> {
        let mut state = self.state();
        let state: &mut State = &mut state;
        self.make_sure(state)?;
        let mut next = state.desired.clone();
        next.finish_copy(plan)?;
        write_down(state, next)?;
        for Copied { id, applied, .. } in made {
            state.held.insert(*id, Held { applied: *applied, serving: false, refusal: None });
            state.begin_history(*id);
        }
        let ids: Vec<PartitionId> = made.iter().map(|copied| copied.id).collect();
        self.follow(state, &ids)
    }

    /// What there is of it is deleted. If that cannot be written down, it stays
    /// until the next copy or the next start.
    fn give_up_copy(&self) {
        let mut state = self.state();
        let state: &mut State = &mut state;
        let mut next = state.desired.clone();
        if !next.give_up_copies() {
            return;
        }
        sometimes!("a copy was given up");
        let given_up = self.make_sure(state).and_then(|()| {
            self.note_leftovers(state);
            write_down(state, next)
        });
        match given_up {
            // What cannot be deleted is listed, and tried again.
            Ok(()) => drop(self.reconcile(state)),
            Err(error) => {
                tracing::error!(code = %error.code(), %error, "what is left of a copy stays for now");
            }
        }
    }

    /// Partitions of unfinished copies that a store has made: they lie here.
    fn note_leftovers(&self, state: &mut State) {
        for id in state.desired.copies.keys() {
            if let Ok(store) = self.stores.holding(*id) {
                let applied = store.applied(*id).unwrap_or_default();
                let refusal = Some("its copy was not finished".to_owned());
                state.held.insert(*id, Held { applied, serving: false, refusal });
            }
        }
    }
}
