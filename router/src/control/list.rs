//! What is here, for whoever asks.

use super::spec::{namespace, range_to_wire, table_to_wire};
use super::tables::dropped_to_wire;
use coordinator::TableName;
use model::code;
use partition_mgr::{Listed, ListedState, Node};
use proto::Failure;
use proto::control::{
    ListPartitionsRequest, ListPartitionsResponse, ListTablesRequest, ListTablesResponse, Partition,
    StatusResponse,
};
use proto::convert::{Asked, epoch_to_wire};

/// The tables of the request's namespace, or of all.
pub(super) fn tables(node: &Node, asked: &Asked, request: &ListTablesRequest) -> ListTablesResponse {
    let map = node.directory().current();
    let is_own = |table: &TableName| request.all_namespaces || table.namespace() == namespace(asked);
    let own = map.tables().filter(|table| is_own(&table.name));
    let dropped = if request.dropped { node.dropped() } else { Vec::new() };
    let dropped = dropped.into_iter().filter(|dropped| is_own(&dropped.table));
    ListTablesResponse {
        tables: own.map(|table| table_to_wire(&table.name, &table.spec, table.reaches)).collect(),
        dropped: dropped.map(|dropped| dropped_to_wire(node, dropped)).collect(),
    }
}

/// The partitions of one table, of the namespace, or of all. Data that nobody
/// knows is in everybody's list: somebody has to find it.
pub(super) fn partitions(
    node: &Node,
    asked: &Asked,
    request: &ListPartitionsRequest,
) -> Result<ListPartitionsResponse, Failure> {
    let number = node.vitals().node.0;
    if request.node != 0 && request.node != number {
        return Ok(ListPartitionsResponse::default());
    }
    if request.all_namespaces && !request.table.is_empty() {
        return Err(Failure::new(code::MALFORMED, "a table is of one namespace, not of all"));
    }
    let space = namespace(asked);
    if !request.table.is_empty() && node.directory().current().table(space, &request.table).is_none() {
        return Err(Failure::new(code::NO_TABLE, format!("there is no table `{}`", request.table)));
    }
    let is_wanted = |listed: &Listed| match &listed.table {
        Some(table) => {
            let is_near = request.all_namespaces || table.namespace() == space;
            is_near && (request.table.is_empty() || table.name() == request.table)
        }
        None => request.table.is_empty(),
    };
    let wanted = node.list().into_iter().filter(is_wanted);
    Ok(ListPartitionsResponse { partitions: wanted.map(|listed| to_wire(listed, number)).collect() })
}

fn to_wire(listed: Listed, node: u64) -> Partition {
    let (state, reason) = match listed.state {
        ListedState::Serving => ("serving", String::new()),
        ListedState::Failed(why) => ("failed", why),
        ListedState::Quarantined => ("quarantined", String::new()),
    };
    let table = listed.table.as_ref();
    Partition {
        id: listed.id.0,
        namespace: table.map(|table| table.namespace().to_owned()).unwrap_or_default(),
        table: table.map(|table| table.name().to_owned()).unwrap_or_default(),
        range: listed.range.as_ref().map(range_to_wire),
        role: if state == "quarantined" { String::new() } else { "owner".to_owned() },
        state: state.to_owned(),
        reason,
        epoch: Some(epoch_to_wire(listed.epoch)),
        applied: listed.applied,
        requests: listed.under_way.0 as u64,
        request_bytes: listed.under_way.1 as u64,
        node,
        own: listed.own,
    }
}

/// The node as a whole.
pub(super) fn status(node: &Node) -> StatusResponse {
    let vitals = node.vitals();
    let listed = node.list();
    let count = |is: fn(&ListedState) -> bool| listed.iter().filter(|one| is(&one.state)).count() as u64;
    StatusResponse {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: vitals.cluster.to_string(),
        node: vitals.node.0,
        boot: vitals.boot,
        uptime_s: vitals.uptime_s,
        log_bytes: vitals.log_bytes,
        tables: vitals.tables as u64,
        serving: count(|state| matches!(state, ListedState::Serving)),
        failed: count(|state| matches!(state, ListedState::Failed(_))),
        quarantined: count(|state| matches!(state, ListedState::Quarantined)),
        warnings: warnings(&listed),
    }
}

fn warnings(listed: &[Listed]) -> Vec<String> {
    let failed = listed.iter().filter_map(|one| match &one.state {
        ListedState::Failed(why) => Some(format!("partition {} is not served: {why}", one.id)),
        ListedState::Quarantined if one.table.is_none() => {
            Some(format!("partition {} is on disk and belongs to no table", one.id))
        }
        _ => None,
    });
    failed.collect()
}
