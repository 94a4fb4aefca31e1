//! Tables as wholes: dropped, brought back, copied.

use super::failure;
use super::spec::table_to_wire;
use coordinator::TableName;
use model::code;
use partition_mgr::{ListedDrop, Node};
use proto::Failure;
use proto::control::{
    CopiedPartition, CopyTableResponse, DropTableResponse, DroppedTable, Table, UndropTableResponse,
};

pub(super) fn drop(
    node: &Node,
    name: &TableName,
    with_partitions: bool,
) -> Result<DropTableResponse, Failure> {
    let dropped = node.drop_table(name, with_partitions).map_err(failure)?;
    Ok(DropTableResponse { dropped: dropped.map(|dropped| dropped_to_wire(node, dropped)) })
}

pub(super) fn undrop(
    node: &Node,
    name: &TableName,
    drop: Option<u64>,
    to: &TableName,
) -> Result<UndropTableResponse, Failure> {
    let ids = node.undrop_table(name, drop, to.clone()).map_err(failure)?;
    let partitions = ids.into_iter().map(|id| id.0).collect();
    Ok(UndropTableResponse { table: Some(known(node, to)?), partitions })
}

pub(super) fn copy(node: &Node, name: &TableName, to: &TableName) -> Result<CopyTableResponse, Failure> {
    let copied = node.copy_table(name, to.clone()).map_err(failure)?;
    let copied = copied.into_iter().map(|one| CopiedPartition {
        source: one.source.0,
        id: one.id.0,
        applied: one.applied,
    });
    Ok(CopyTableResponse { table: Some(known(node, to)?), partitions: copied.collect() })
}

/// A table that is there.
pub(super) fn known(node: &Node, name: &TableName) -> Result<Table, Failure> {
    let map = node.directory().current();
    let table = map.table(name.namespace(), name.name());
    let table = table.ok_or_else(|| Failure::new(code::NO_TABLE, format!("there is no table `{name}`")))?;
    Ok(table_to_wire(&table.name, &table.spec, table.reaches))
}

/// A dropped table as it is kept.
pub(super) fn dropped_to_wire(node: &Node, dropped: ListedDrop) -> DroppedTable {
    let reaches = dropped.spec.profile.reaches(node.log_reaches());
    DroppedTable {
        drop: dropped.drop,
        table: Some(table_to_wire(&dropped.table, &dropped.spec, reaches)),
        partitions: dropped.partitions.into_iter().map(|id| id.0).collect(),
        erased: dropped.erased.into_iter().map(|id| id.0).collect(),
        dropped_ms: dropped.since_ms,
        left_ms: dropped.left_ms,
    }
}
