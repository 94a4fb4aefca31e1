//! The library's own suite for log stores, on the journal.

use super::super::kind::Kind;
use super::super::machine::Machine;
use super::super::outbox::Outbox;
use super::super::recover::Recovered;
use super::super::runtime::ShardRuntime;
use super::super::site::Site;
use super::LogStore;
use env::Plants;
use model::{PartitionId, ReplicaId};
use openraft::StorageError;
use openraft::testing::log::{StoreBuilder, Suite};
use openraft_rt::AsyncRuntime;
use std::sync::{Arc, Weak};

/// Makes a store whose disk is quick.
struct Quick;

impl StoreBuilder<Kind, LogStore, Machine, ()> for Quick {
    async fn build(&self) -> Result<((), LogStore, Machine), StorageError<Kind>> {
        let outbox = Arc::<Outbox>::default();
        let recovered = Recovered::nothing(PartitionId(7), 1);
        let site = Site::new(ReplicaId(1), Plants::NONE, recovered, outbox.clone());
        site.journal().suits = true;
        ShardRuntime::spawn(sync(Arc::downgrade(&outbox)));
        Ok(((), LogStore(site.clone()), Machine::new(site, None)))
    }
}

async fn sync(outbox: Weak<Outbox>) {
    while let Some(outbox) = outbox.upgrade() {
        outbox.take().flushes.into_iter().for_each(|flush| flush.done());
        drop(outbox);
        tokio::task::yield_now().await;
    }
}

#[test]
fn the_journal_is_a_log_store() {
    ShardRuntime.block_on(Suite::test_all(Quick)).expect("the suite has its own assertions");
}
