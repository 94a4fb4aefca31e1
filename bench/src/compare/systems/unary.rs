//! Clients of `statehouse.data.v1` that make a call for each operation.

use super::caller::{Caller, Path};
use super::names::Names;
use super::statehouse::TABLE;
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::Bytes;
use proto::data::{
    GetRequest, GetResponse, ItemResult, UpsertRequest, UpsertResponse, item_result, row_result,
};

/// A client with one call under way.
pub struct Unary {
    caller: Caller,
    upsert: Path,
    get: Path,
    names: Option<Names>,
}

/// One client for each call under way.
pub async fn connect(address: &str, shape: Shape, names: Option<Names>) -> Result<Vec<Unary>, Failure> {
    let mut clients = Vec::new();
    for _ in 0..shape.connections {
        let caller = Caller::connect(address).await?;
        let upsert = caller.path("/statehouse.data.v1.Data/Upsert")?;
        let get = caller.path("/statehouse.data.v1.Data/Get")?;
        let client = || Unary {
            caller: caller.clone(),
            upsert: upsert.clone(),
            get: get.clone(),
            names: names.clone(),
        };
        clients.extend((0..shape.in_flight).map(|_| client()));
    }
    Ok(clients)
}

/// The request that writes these rows.
pub fn upsert(items: Vec<Item>) -> UpsertRequest {
    UpsertRequest { header: None, table: TABLE.to_owned(), items, ..UpsertRequest::default() }
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
        self.write_batch(vec![row]).await
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        found(&self.caller.call(&self.get, &get(key)).await?)
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        let items = rows.len();
        let name = self.names.as_ref().map(|names| names.begin(items));
        let (header, sequence) = name.unzip();
        let answer = self.caller.call(&self.upsert, &UpsertRequest { header, ..upsert(rows) }).await?;
        if let (Some(names), Some(sequence)) = (&self.names, sequence) {
            names.end(sequence);
        }
        written(&answer, items)
    }
}
