//! From a table's name to its map, and from what a request asks to what its
//! table gives.

use super::DataPlane;
use coordinator::{OWN_NAMESPACE, TableName};
use env::Plant;
use machine::Machine;
use model::{Durability, PartitionId, Position, code};
use partition_mgr::directory::{Handle, Map, TableMap};
use pipeline::BinlogChoice;
use proto::Failure;
use proto::convert::Asked;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The table that a request names.
pub(super) fn table(map: &Map, asked: &Asked, name: &str) -> Result<Arc<TableMap>, Failure> {
    let namespace = namespace(asked);
    match map.table(namespace, name) {
        Some(table) => check_positions(table, asked).map(|()| table.clone()),
        None if name.is_empty() => Err(Failure::new(code::MALFORMED, "the request names no table")),
        None => {
            let name: String = name.chars().take(128).collect();
            Err(Failure::new(
                code::NO_TABLE,
                format!("there is no table `{name}` in namespace `{namespace}`"),
            ))
        }
    }
}

/// Nobody but the cluster itself changes its own tables.
pub(super) fn refuse_own(table: &TableMap) -> Result<(), Failure> {
    match table.name.namespace() == OWN_NAMESPACE {
        true => Err(Failure::new(code::OWN_TABLE, format!("table `{}` is the cluster's own", table.name))),
        false => Ok(()),
    }
}

/// The namespace that a request means.
pub(super) fn namespace(asked: &Asked) -> &str {
    asked.namespace.as_deref().unwrap_or(TableName::DEFAULT_NAMESPACE)
}

/// Does the table keep events, and with what rows were before if that is wanted?
pub(super) fn events(table: &TableMap, before: bool) -> Result<(), Failure> {
    let message = match table.spec.profile.binlog {
        BinlogChoice::Off => "the table keeps no events (its binlog is `off`)",
        BinlogChoice::On if before => {
            "the table's events do not say what rows were before (its binlog is `on`, not `previous`)"
        }
        BinlogChoice::On | BinlogChoice::Previous => return Ok(()),
    };
    Err(Failure::new(code::NO_EVENTS, message))
}

/// A token of another table is refused, whatever is asked of this one.
pub(super) fn check_positions(table: &TableMap, asked: &Asked) -> Result<(), Failure> {
    if asked.after.is_empty() {
        return Ok(());
    }
    let here: BTreeSet<PartitionId> = table.places.iter().map(|place| place.id).collect();
    match asked.after.iter().find(|position| !here.contains(&position.partition)) {
        None => Ok(()),
        Some(Position { partition, .. }) => {
            let what = format!("partition {partition} of the token is none of table `{}`", table.name);
            Err(Failure::new(code::TOKEN_ELSEWHERE, what))
        }
    }
}

/// Has a partition that is about to be asked seen what the request has to see?
pub(super) fn has_seen(plane: &DataPlane, handle: &Handle, asked: &Asked) -> Result<(), Failure> {
    if plane.house.node.plants().has(Plant::TokenIgnored) {
        return Ok(());
    }
    let mut positions = asked.after.iter().filter(|position| position.partition == handle.id);
    positions
        .try_for_each(|position| handle.has_seen(*position))
        .map_err(|unseen| Failure::new(unseen.code(), unseen.to_string()))
}

/// The same, if it holds rows of `kv`.
pub(super) fn rows(map: &Map, asked: &Asked, name: &str) -> Result<Arc<TableMap>, Failure> {
    let table = table(map, asked, name)?;
    match table.spec.machine.as_str() {
        "kv" => Ok(table),
        other => {
            let message = format!("the table's machine is `{other}`, it has no rows to read or write");
            Err(Failure::new(code::OTHER_MACHINE, message))
        }
    }
}

/// The machine of a table whose commands are applied.
pub(super) fn machine(table: &TableMap) -> Result<&dyn Machine, Failure> {
    let lacks =
        || Failure::new(code::NO_MACHINE, format!("this build has no machine `{}`", table.spec.machine));
    let machine = &**table.machine.as_ref().ok_or_else(lacks)?.latest();
    if machine.name() == "kv" {
        let message = "the table's machine is `kv`: its rows are set, removed and read, and take no commands";
        return Err(Failure::new(code::OTHER_MACHINE, message));
    }
    Ok(machine)
}

/// What an answer of this table is worth, if that is enough.
pub(super) fn durability(table: &TableMap, asked: &Asked) -> Result<Durability, Failure> {
    let given = table.reaches;
    match asked.min_durability.filter(|demanded| !given.satisfies(*demanded)) {
        Some(demanded) => Err(Failure::new(
            code::DURABILITY_NOT_OFFERED,
            format!("the request demands durability `{demanded}`, the table gives `{given}`"),
        )),
        None => Ok(given),
    }
}
