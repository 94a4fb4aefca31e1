//! The partition as the library's state machine: what is settled is passed on,
//! and applied by whoever owns the partition.

use super::kind::{Kind, LogId, StoredMembership};
use super::outbox::Event;
use super::site::Site;
use env::Plant;
use futures_util::{Stream, TryStreamExt};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, RaftSnapshotBuilder};
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One replica's.
pub(crate) struct Machine {
    site: Arc<Site>,
    /// The last entry passed on.
    applied: Option<LogId>,
    members: StoredMembership,
    /// What an export of it would be, as far as there is one.
    exported: Arc<Mutex<Option<Meta>>>,
}

type Meta = SnapshotMetaOf<Kind>;

impl Machine {
    /// Goes on behind `applied`.
    pub fn new(site: Arc<Site>, applied: Option<LogId>) -> Machine {
        let members = site.journal().members_at(applied);
        Machine { site, applied, members, exported: Arc::default() }
    }

    fn exported(&self) -> MutexGuard<'_, Option<Meta>> {
        self.exported.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RaftStateMachine<Kind> for Machine {
    type SnapshotData = ();
    type SnapshotBuilder = Machine;

    async fn applied_state(&mut self) -> io::Result<(Option<LogId>, StoredMembership)> {
        Ok((self.applied, self.members.clone()))
    }

    /// Passes on what is settled once this node has it on its own disk: the
    /// library commits what enough others have.
    async fn apply<S>(&mut self, mut entries: S) -> io::Result<()>
    where
        S: Stream<Item = Result<EntryResponder<Kind>, io::Error>> + Unpin + Send,
    {
        while let Some((entry, responder)) = entries.try_next().await? {
            let id = entry.log_id;
            if !self.site.plants.has(Plant::ApplyAheadOfLog) {
                self.site.durable(id.index).await;
            }
            match entry.payload {
                EntryPayload::Blank => {}
                EntryPayload::Membership(members) => {
                    self.members = StoredMembership::new(Some(id), members);
                }
                EntryPayload::Normal(proposal) => self.site.tell(Event::Committed(proposal.0)),
            }
            self.applied = Some(id);
            if let Some(responder) = responder {
                responder.send(());
            }
        }
        Ok(())
    }

    async fn get_snapshot_builder(&mut self) -> Machine {
        Machine {
            site: self.site.clone(),
            applied: self.applied,
            members: self.members.clone(),
            exported: self.exported.clone(),
        }
    }

    async fn install_snapshot(&mut self, meta: &SnapshotMetaOf<Kind>, _: ()) -> io::Result<()> {
        self.applied = meta.last_log_id;
        self.members = meta.last_membership.clone();
        *self.exported() = Some(meta.clone());
        Ok(())
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Kind, ()>>> {
        Ok(self.exported().clone().map(|meta| SnapshotOf::<Kind, ()> { meta, snapshot: () }))
    }
}

impl RaftSnapshotBuilder<Kind> for Machine {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Kind, ()>> {
        // What was passed on may be in memory alone: an export is what was flushed.
        let flushed = self.site.flushed().clone();
        let (last_log_id, last_membership) = match flushed {
            Some((upto, members)) => (Some(upto), members),
            None if self.site.journal().is_tried() => (self.applied, self.members.clone()),
            None => {
                let base = self.site.journal().base.clone();
                (base.purged, base.members)
            }
        };
        let meta = Meta { last_log_id, last_membership };
        *self.exported() = Some(meta.clone());
        Ok(SnapshotOf::<Kind, ()> { meta, snapshot: () })
    }
}
