//! Calls to a node, as any client would make them.

use crate::process::Node;
use bytes::Bytes;
use proto::common::Header;
use proto::control::control_client::ControlClient;
use proto::control::{CreateTableRequest, Profile};
use proto::data::data_client::DataClient;
use proto::data::{GetRequest, GetResponse, Item, UpsertRequest, row_result};
use std::net::SocketAddr;
use tonic::transport::{Channel, Endpoint};

pub type Data = DataClient<Channel>;
pub type Control = ControlClient<Channel>;

/// A connection of its own.
pub async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("a node that listens")
}

/// A client of tables.
pub async fn data(node: &Node) -> Data {
    DataClient::new(channel(node.at.data).await).max_decoding_message_size(usize::MAX)
}

/// An operator.
pub async fn control(node: &Node) -> Control {
    ControlClient::new(channel(node.at.control).await)
}

/// What a table is to be.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    pub name: &'static str,
    pub layout: &'static str,
    pub store: &'static str,
    pub log: &'static str,
    pub partitions: u32,
    pub machine: &'static str,
}

impl Table {
    /// In RocksDB, behind the node's log.
    pub const fn durable(name: &'static str) -> Table {
        Table { name, layout: "hashed", store: "rocksdb", log: "local", partitions: 4, machine: "kv" }
    }

    pub fn request(&self) -> CreateTableRequest {
        let durability = if self.log == "none" { "memory".to_owned() } else { String::new() };
        let profile =
            Profile { store: self.store.into(), log: self.log.into(), durability, ..Profile::default() };
        CreateTableRequest {
            name: self.name.to_owned(),
            layout: self.layout.to_owned(),
            machine: self.machine.to_owned(),
            profile: Some(profile),
            partitions: self.partitions,
            ..CreateTableRequest::default()
        }
    }

    pub async fn create(&self, node: &Node) -> Vec<u64> {
        let made = control(node).await.create_table(self.request()).await.expect("a new table");
        made.into_inner().partitions
    }
}

/// Asks for nothing else.
pub const NO_HEADER: Option<Header> = None;

pub fn item(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Item {
    let bytes = |of: &[u8]| Bytes::copy_from_slice(of);
    Item { key: bytes(key.as_ref()), value: bytes(value.as_ref()), ..Item::default() }
}

pub fn upsert_of(table: &str, items: Vec<Item>) -> UpsertRequest {
    UpsertRequest { header: NO_HEADER, table: table.to_owned(), items, ..UpsertRequest::default() }
}

pub fn get_of(table: &str, keys: &[impl AsRef<[u8]>]) -> GetRequest {
    let keys = keys.iter().map(|key| Bytes::copy_from_slice(key.as_ref())).collect();
    GetRequest { header: NO_HEADER, table: table.to_owned(), keys }
}

/// The values of keys, `None` for those without a row.
pub fn values(response: GetResponse) -> Vec<Option<Bytes>> {
    let value = |result: proto::data::RowResult| match result.outcome {
        Some(row_result::Outcome::Row(row)) => row.found.then_some(row.value),
        other => panic!("no row was read: {other:?}"),
    };
    response.results.into_iter().map(value).collect()
}
