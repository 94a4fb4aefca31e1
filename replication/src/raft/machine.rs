//! The partition as the library's state machine: what is settled is passed on,
//! and applied by whoever owns the partition.

use super::arrival::Arrival;
use super::kind::{Kind, LogId, StoredMembership};
use super::outbox::Event;
use super::promise::Base;
use super::site::Site;
use env::Plant;
use futures_util::{Stream, TryStreamExt};
use openraft::alias::{SnapshotMetaOf, SnapshotOf};
use openraft::storage::{EntryResponder, RaftStateMachine};
use openraft::{EntryPayload, RaftSnapshotBuilder};
use std::sync::Arc;
use std::{io, mem};
use tokio::sync::oneshot;

/// One replica's.
pub(crate) struct Machine {
    site: Arc<Site>,
    /// The last entry passed on.
    applied: Option<LogId>,
    members: StoredMembership,
}

type Meta = SnapshotMetaOf<Kind>;

impl Machine {
    /// Goes on behind `applied`.
    pub fn new(site: Arc<Site>, applied: Option<LogId>) -> Machine {
        let members = site.journal().members_at(applied);
        Machine { site, applied, members }
    }

    /// What an export is announced as. What was passed on may be in memory alone, so
    /// it is what was flushed; one that is taken for a peer has that and more.
    fn export(&self) -> SnapshotOf<Kind, ()> {
        let Base { purged, members, .. } = self.site.flushed();
        let meta = if self.site.journal().is_tried() {
            Meta { last_log_id: self.applied, last_membership: self.members.clone() }
        } else {
            Meta { last_log_id: purged, last_membership: members }
        };
        SnapshotOf::<Kind, ()> { meta, snapshot: () }
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
                EntryPayload::Blank => self.site.tell(Event::Began(id.leader_id.term)),
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
        Machine { site: self.site.clone(), applied: self.applied, members: self.members.clone() }
    }

    /// The export that was fetched takes the store's place.
    async fn install_snapshot(&mut self, meta: &Meta, _: ()) -> io::Result<()> {
        self.applied = meta.last_log_id;
        self.members = meta.last_membership.clone();
        if self.site.journal().is_tried() {
            return Ok(());
        }
        let (done, taken) = oneshot::channel();
        let Arrival::Here(base) = mem::take(&mut *self.site.arrival()) else {
            return Err(io::Error::other("an export that nobody has fetched"));
        };
        *self.site.arrival() = Arrival::Taking(base, done);
        self.site.tell(Event::TakeExport);
        taken.await.map_err(|_| io::Error::other("the replica is closed"))
    }

    async fn get_current_snapshot(&mut self) -> io::Result<Option<SnapshotOf<Kind, ()>>> {
        let export = self.export();
        Ok(export.meta.last_log_id.is_some().then_some(export))
    }
}

impl RaftSnapshotBuilder<Kind> for Machine {
    type SnapshotData = ();

    async fn build_snapshot(&mut self) -> io::Result<SnapshotOf<Kind, ()>> {
        Ok(self.export())
    }
}
