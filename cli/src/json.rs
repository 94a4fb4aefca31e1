//! The shapes of JSON that programs read. Fields are added, never renamed.

use crate::encoding::base64;
use client::{Receipt, Retry};
use proto::control::{Partition, Range, Table};
use serde_json::{Map, Value, json};

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

pub(crate) fn receipt(receipt: &Receipt) -> Value {
    json!({
        "partition": receipt.partition.0,
        "epoch": { "generation": receipt.epoch.generation, "term": receipt.epoch.term },
        "index": receipt.index,
        "durability": receipt.durability.name(),
        "stale": receipt.stale,
        "age_ms": receipt.age_ms,
    })
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
        },
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
