//! The shapes of JSON that programs read. Fields are added, never renamed.

use crate::encoding::base64;
use client::{Receipt, Retry, Token};
use proto::control::{DroppedTable, Partition, Range, Table};
use serde_json::{Map, Value, json};
use std::time::SystemTime;

/// An object without fields.
pub(crate) fn object() -> Map<String, Value> {
    Map::new()
}

/// Bytes under `name` when they are UTF-8, else under `name_base64`.
pub(crate) fn bytes(object: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => object.insert(name.to_owned(), text.into()),
        Err(_) => object.insert(format!("{name}_base64"), base64(bytes).into()),
    };
}

/// When a row expires, if it does.
pub(crate) fn expires(object: &mut Map<String, Value>, at: Option<SystemTime>) {
    if let Some(at) = at {
        object.insert("expires_ms".to_owned(), crate::moment::ms(at).into());
    }
}

pub(crate) fn receipt(receipt: &Receipt) -> Value {
    json!({
        "partition": receipt.partition.0,
        "epoch": { "generation": receipt.epoch.generation, "term": receipt.epoch.term },
        "index": receipt.index,
        "durability": receipt.durability.name(),
        "stale": receipt.stale,
        "age_ms": receipt.age_ms,
        "token": token(receipt),
    })
}

/// What is read after this lies behind the answer: for `--token`.
fn token(receipt: &Receipt) -> String {
    let mut token = Token::default();
    token.add(receipt.position());
    base64(&token.encode())
}

pub(crate) fn error(error: &client::Error) -> Value {
    let retry = match error.retry() {
        Retry::Never => "never",
        Retry::Later => "later",
        Retry::Elsewhere => "elsewhere",
        Retry::WithOpId => "with_op_id",
    };
    json!({ "code": error.code(), "message": error.message(), "hint": error.hint(), "retry": retry })
}

pub(crate) fn table(table: &Table) -> Value {
    let profile = table.profile.clone().unwrap_or_default();
    json!({
        "namespace": table.namespace,
        "name": table.name,
        "layout": table.layout,
        "machine": table.machine,
        "profile": {
            "store": profile.store,
            "log": profile.log,
            "durability": profile.durability,
            "dispatcher": profile.dispatcher,
            "binlog": profile.binlog,
            "replication": profile.replication,
        },
    })
}

pub(crate) fn dropped(dropped: &DroppedTable) -> Value {
    json!({
        "drop": dropped.drop,
        "table": table(&dropped.table.clone().unwrap_or_default()),
        "partitions": dropped.partitions,
        "erased": dropped.erased,
        "dropped_ms": dropped.dropped_ms,
        "left_ms": dropped.left_ms,
    })
}

pub(crate) fn partition(partition: &Partition, hashed: bool) -> Value {
    let mut object = object();
    let epoch = partition.epoch.unwrap_or_default();
    let fields = [
        ("id", json!(partition.id)),
        ("namespace", json!(partition.namespace)),
        ("table", json!(partition.table)),
        ("role", json!(partition.role)),
        ("state", json!(partition.state)),
        ("reason", json!(partition.reason)),
        ("epoch", json!({ "generation": epoch.generation, "term": epoch.term })),
        ("applied", json!(partition.applied)),
        ("requests", json!(partition.requests)),
        ("request_bytes", json!(partition.request_bytes)),
        ("node", json!(partition.node)),
    ];
    object.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    let Range { start, end } = partition.range.clone().unwrap_or_default();
    for (name, bound) in [("start", start), ("end", end)] {
        if hashed {
            object.insert(name.to_owned(), crate::encoding::hex(&bound).into());
        } else {
            bytes(&mut object, name, &bound);
        }
    }
    object.into()
}
