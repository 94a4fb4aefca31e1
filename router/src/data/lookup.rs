//! From a table's name to its map, and from what a request asks to what its
//! table gives.

use machine::Machine;
use model::{Durability, code};
use partition_mgr::desired::TableName;
use partition_mgr::directory::{Map, TableMap};
use proto::Failure;
use proto::convert::Asked;
use std::sync::Arc;

/// The table that a request names.
pub(super) fn table(map: &Map, asked: &Asked, name: &str) -> Result<Arc<TableMap>, Failure> {
    let namespace = asked.namespace.as_deref().unwrap_or(TableName::DEFAULT_NAMESPACE);
    match map.table(namespace, name) {
        Some(table) => Ok(table.clone()),
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
    let machine = table.machine.as_deref().ok_or_else(lacks)?;
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
