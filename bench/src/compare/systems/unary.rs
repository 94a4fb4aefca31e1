//! Clients of `statehouse.data.v1` that make a call for each operation.

use super::caller::{Caller, Path};
use super::names::Names;
use super::statehouse::TABLE;
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::Bytes;
use proto::common::Header;
use proto::data::{
    ApplyRequest, ApplyResponse, CounterAdd, CounterCommand, GetRequest, GetResponse, ItemResult,
    MachineCommand, UpsertRequest, UpsertResponse, apply_result, counter_command, item_result,
    machine_command, row_result,
};

/// A client with one call under way.
pub struct Unary {
    caller: Caller,
    upsert: Path,
    get: Path,
    apply: Path,
    names: Option<Names>,
}

/// One client for each call under way, on connections that are spread over the
/// addresses, which stand apart by commas.
pub async fn connect(addresses: &str, shape: Shape, names: Option<Names>) -> Result<Vec<Unary>, Failure> {
    let mut clients = Vec::new();
    for address in addresses.split(',').cycle().take(shape.connections) {
        let caller = Caller::connect(address).await?;
        let upsert = caller.path("/statehouse.data.v1.Data/Upsert")?;
        let get = caller.path("/statehouse.data.v1.Data/Get")?;
        let apply = caller.path("/statehouse.data.v1.Data/Apply")?;
        let client = || Unary {
            caller: caller.clone(),
            upsert: upsert.clone(),
            get: get.clone(),
            apply: apply.clone(),
            names: names.clone(),
        };
        clients.extend((0..shape.in_flight).map(|_| client()));
    }
    Ok(clients)
}

/// The request that writes these rows.
pub fn upsert(items: Vec<Item>) -> UpsertRequest {
    UpsertRequest { header: anywhere(), table: TABLE.to_owned(), items, ..UpsertRequest::default() }
}

/// The request that reads this key.
pub fn get(key: Bytes) -> GetRequest {
    GetRequest { header: anywhere(), table: TABLE.to_owned(), keys: vec![key] }
}

/// Whichever node is asked finds out who knows.
fn anywhere() -> Option<Header> {
    Some(Header { allow_forward: true, ..Header::default() })
}

/// The request that adds to the one counter, so often.
pub fn add(times: usize) -> ApplyRequest {
    let add = CounterAdd { amount: 1, most: Some(i64::MAX / 2), ..CounterAdd::default() };
    let command = CounterCommand { command: Some(counter_command::Command::Add(add)) };
    let command = Some(machine_command::Command::Counter(command));
    let commands = vec![MachineCommand { key: Bytes::from_static(b"counter"), command }; times];
    ApplyRequest { header: None, table: TABLE.to_owned(), commands }
}

/// It was added so often: a refusal would be one in vain.
pub fn added(answer: &ApplyResponse, times: usize) -> Result<(), Failure> {
    if answer.results.len() != times {
        return Err(format!("{} results for {times} additions", answer.results.len()).into());
    }
    answer.results.iter().try_for_each(|result| match &result.outcome {
        Some(apply_result::Outcome::Reply(_)) => Ok(()),
        Some(apply_result::Outcome::Error(error)) => Err(format!("{} {}", error.code, error.message).into()),
        None => Err("a result says nothing".into()),
    })
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
    async fn add(&mut self, times: usize) -> Result<(), Failure> {
        let (header, sequence) = self.names.as_ref().map(|names| names.begin(times)).unzip();
        let answer = self.caller.call(&self.apply, &ApplyRequest { header, ..add(times) }).await?;
        if let (Some(names), Some(sequence)) = (&self.names, sequence) {
            names.end(sequence);
        }
        added(&answer, times)
    }

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
        let upsert = upsert(rows);
        let header = header.or(upsert.header.clone());
        let answer = self.caller.call(&self.upsert, &UpsertRequest { header, ..upsert }).await?;
        if let (Some(names), Some(sequence)) = (&self.names, sequence) {
            names.end(sequence);
        }
        written(&answer, items)
    }
}
