//! The crate table: who may use whom.
//!
//! Dependencies point the way a request flows, from the server at the top down
//! to the nouns. A crate uses lower layers only, never a neighbour, so there is
//! no circle and reading the crates from top to bottom is reading the
//! architecture. The table names crates before they exist: a crate that is made
//! without a row here fails the check.

mod check;
mod metadata;

use crate::finding::Finding;
use std::path::Path;

/// Where a crate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layer {
    /// Uses any lower number.
    At(u8),
    /// Beside the stack: uses what its row lists, and is used where listed.
    Beside,
    /// Tests and tools: use anything, are used by nothing that ships.
    Dev,
}

/// One crate.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    layer: Layer,
    /// When given, these (with `env` and `model`) are all it may use of ours.
    only: Option<&'static [&'static str]>,
    /// Allowed although the layer would not.
    extra: &'static [&'static str],
    /// Forbidden although the layer would allow it; ours or foreign.
    never: &'static [&'static str],
}

/// A heavy dependency and the crates that may name it.
#[derive(Clone, Copy, Debug)]
struct Owned {
    package: &'static str,
    owners: &'static [&'static str],
}

use Layer::{At, Beside, Dev};

const PLAIN: Row = Row { name: "", layer: Dev, only: None, extra: &[], never: &[] };

/// Crates that every layer may use.
const EVERYWHERE: &[&str] = &["env", "model"];

/// Asynchrony and wire types, for rows that must know neither.
const ASYNC_AND_WIRE: &[&str] = &["tokio", "futures", "prost", "tonic", "tracing"];

#[rustfmt::skip] // one crate, one line: this is a table
const TABLE: &[Row] = &[
    Row { name: "server", layer: At(7), extra: &["sidecar", "satellite"], ..PLAIN },
    Row { name: "router", layer: At(6), never: &["statestore", "wal"], ..PLAIN },
    Row { name: "partition-mgr", layer: At(5), never: &["tonic"], ..PLAIN },
    Row { name: "partition", layer: At(4), never: &["tonic", "peer"], ..PLAIN },
    Row { name: "cli", layer: At(4), only: Some(&["client", "proto", "verify", "wal", "statestore"]), ..PLAIN },
    Row { name: "pipeline", layer: At(3), never: &["tokio", "peer"], ..PLAIN },
    Row { name: "coordinator", layer: At(3), only: Some(&["machine"]), extra: &["pipeline"], ..PLAIN },
    Row { name: "verify", layer: At(3), only: Some(&["proto"]), ..PLAIN },
    Row { name: "client", layer: At(3), only: Some(&["proto"]), ..PLAIN },
    Row { name: "statestore", layer: At(2), never: &["wal", "peer", "proto"], ..PLAIN },
    Row { name: "replication", layer: At(2), never: &["machine"], ..PLAIN },
    Row { name: "extlog", layer: At(2), never: &["machine"], ..PLAIN },
    Row { name: "wal", layer: At(1), ..PLAIN },
    Row { name: "machine", layer: At(1), never: &["env", "tokio", "futures", "tracing"], ..PLAIN },
    Row { name: "peer", layer: At(1), never: &["prost"], ..PLAIN },
    Row { name: "proto", layer: At(1), ..PLAIN },
    Row { name: "model", layer: At(0), never: ASYNC_AND_WIRE, ..PLAIN },
    Row { name: "env", layer: At(0), ..PLAIN },
    Row { name: "sidecar", layer: Beside, only: Some(&["client", "proto"]), ..PLAIN },
    Row { name: "satellite", layer: Beside, only: Some(&["machine", "client", "proto"]), ..PLAIN },
    Row { name: "testkit", ..PLAIN },
    Row { name: "tests", ..PLAIN },
    Row { name: "bench", ..PLAIN },
    Row { name: "xtask", ..PLAIN },
    Row { name: "fuzz", ..PLAIN },
];

#[rustfmt::skip] // one dependency, one line: this is a table
const OWNED: &[Owned] = &[
    Owned { package: "rust-rocksdb", owners: &["statestore"] },
    Owned { package: "openraft", owners: &["replication"] },
    Owned { package: "tonic", owners: &["proto", "router", "client", "server", "sidecar", "cli", "satellite"] },
    Owned { package: "prost", owners: &["proto"] },
    Owned { package: "tower", owners: &["router", "server", "client"] },
    Owned { package: "crossbeam-channel", owners: &["env"] },
    Owned { package: "object_store", owners: &["sidecar", "statestore"] },
];

/// Checks every crate of the workspace.
pub fn run(root: &Path) -> Result<Vec<Finding>, String> {
    let packages = metadata::read(root)?;
    println!("layers: {} crates against the table in xtask/src/layers.rs", packages.len());
    Ok(check::check(&packages))
}
