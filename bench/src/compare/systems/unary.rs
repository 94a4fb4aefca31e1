//! Clients of `statehouse.data.v1` that make a call for each operation.

use super::statehouse::TABLE;
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::Bytes;
use proto::data::data_client::DataClient;
use proto::data::{
    GetRequest, GetResponse, ItemResult, UpsertRequest, UpsertResponse, item_result, row_result,
};
use tonic::transport::{Channel, Endpoint};

/// As the server has them.
pub const STREAM_WINDOW: u32 = 1 << 20;
/// As the server has them.
pub const CONNECTION_WINDOW: u32 = 4 << 20;

/// A client with one call under way.
pub struct Unary {
    client: DataClient<Channel>,
}

/// One client for each call under way.
pub async fn connect(address: &str, shape: Shape) -> Result<Vec<Unary>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..shape.connections {
        let client = DataClient::new(channel(address).await?);
        clients.extend((0..shape.in_flight).map(|_| Unary { client: client.clone() }));
    }
    Ok(clients)
}

/// A connection.
pub async fn channel(address: &str) -> Result<Channel, Failure> {
    let endpoint = Endpoint::from_shared(format!("http://{address}"))?
        .tcp_nodelay(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    Ok(endpoint.connect().await?)
}

/// The request that writes these rows.
pub fn upsert(items: Vec<Item>) -> UpsertRequest {
    UpsertRequest { header: None, table: TABLE.to_owned(), items }
}

/// The request that reads this key.
pub fn get(key: Bytes) -> GetRequest {
    GetRequest { header: None, table: TABLE.to_owned(), keys: vec![key] }
}

/// Every row was written.
pub fn written(answer: &UpsertResponse, items: usize) -> Result<(), Failure> {
    if answer.results.len() != items {
        return Err(format!("{} results for {items} rows", answer.results.len()).into());
    }
    match answer.results.iter().find_map(refused) {
        Some(why) => Err(why.into()),
        None => Ok(()),
    }
}

fn refused(result: &ItemResult) -> Option<String> {
    match &result.outcome {
        Some(item_result::Outcome::Applied(_)) => None,
        Some(item_result::Outcome::Error(error)) => Some(format!("{} {}", error.code, error.message)),
        None => Some("a result says nothing".to_owned()),
    }
}

/// One row was read, whole.
pub fn found(answer: &GetResponse) -> Result<(), Failure> {
    match answer.results.first().and_then(|result| result.outcome.as_ref()) {
        Some(row_result::Outcome::Row(row)) if row.found && row.value.len() == VALUE_BYTES => Ok(()),
        Some(row_result::Outcome::Error(error)) => Err(format!("{} {}", error.code, error.message).into()),
        _ => Err("a row that was written is not there".into()),
    }
}

impl Client for Unary {
    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        written(self.client.upsert(upsert(vec![row])).await?.get_ref(), 1)
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        found(self.client.get(get(key)).await?.get_ref())
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        let items = rows.len();
        written(self.client.upsert(upsert(rows)).await?.get_ref(), items)
    }
}
