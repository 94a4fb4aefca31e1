//! What exports need of this node: its stores, its shards, and the way to others.

use super::Core;
use crate::exports::Office;
use crate::peers::Peers;
use crate::shard::{Inbox, Message, Order};
use crate::stores::Stores;
use bytes::Bytes;
use env::Env;
use model::{Index, NodeId, PartitionId};
use statestore::StoreError;
use statestore::manifest::Manifest;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Partitions of which an export is being made.
pub(super) type ExportsHeld = Arc<Mutex<BTreeSet<PartitionId>>>;

pub(super) struct Exporting {
    env: Env,
    stores: Stores,
    inboxes: Vec<Inbox>,
    peers: Arc<Peers>,
    bytes_per_s: u64,
    held: ExportsHeld,
}

impl Core {
    pub(super) fn exporting(&self) -> Arc<Exporting> {
        let (env, stores, inboxes) = (self.env.clone(), self.stores.clone(), self.inboxes.clone());
        let (peers, bytes_per_s) = (self.peers.clone(), self.limits.export_bytes_per_s);
        Arc::new(Exporting { env, stores, inboxes, peers, bytes_per_s, held: self.exports_held.clone() })
    }
}

impl Office for Exporting {
    fn export(&self, partition: PartitionId, dir: &Path) -> Result<Manifest, StoreError> {
        self.stores.files_holding(partition)?.export(partition, dir)
    }

    fn hold(&self, partition: PartitionId, held: bool) {
        let mut all = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held {
            all.insert(partition)
        } else {
            all.remove(&partition)
        };
    }

    fn base(&self, partition: PartitionId, index: Index) -> Option<Bytes> {
        let (tell, told) = self.env.channel(1);
        self.order(partition, Order::Base(partition, index, tell));
        // A shard that has ended tells nobody.
        told.recv().ok().flatten()
    }

    fn replace(&self, partition: PartitionId, dir: &Path) -> Result<Index, StoreError> {
        self.stores.files_holding(partition)?.replace(partition, dir)
    }

    fn order(&self, partition: PartitionId, order: Order) {
        let at = (partition.0 % self.inboxes.len() as u64) as usize;
        let _ = self.inboxes[at].send(Message::Order(order));
    }

    fn bytes_per_s(&self) -> u64 {
        self.bytes_per_s
    }

    fn send(&self, node: NodeId, frame: Bytes) {
        self.peers.send_bulk(node, frame);
    }
}
