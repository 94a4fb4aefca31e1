//! All that a node has, to be compared: was anything changed?

use crate::process::Node;
use crate::talk;
use proto::control::{ListPartitionsRequest, ListTablesRequest};

/// Tables, partitions with their ranges and where each stands, and the rows of
/// these keys, in words.
pub async fn of(node: &Node, rows: &[(&str, &[&str])]) -> Vec<String> {
    let mut control = talk::control(node).await;
    let tables = control.list_tables(ListTablesRequest::default()).await.expect("a list").into_inner();
    let mut all: Vec<String> = tables.tables.iter().map(|table| format!("{table:?}")).collect();
    let partitions = control.list_partitions(ListPartitionsRequest::default()).await.expect("a list");
    for one in partitions.into_inner().partitions {
        let (id, state, applied) = (one.id, one.state, one.applied);
        all.push(format!("{id} of {} {:?}: {state} at {applied}, {:?}", one.table, one.range, one.epoch));
    }
    let mut data = talk::data(node).await;
    for (table, keys) in rows {
        let response = data.get(talk::get_of(table, keys)).await.expect("rows").into_inner();
        all.extend(keys.iter().zip(response.results).map(|(key, row)| format!("{table} {key}: {row:?}")));
    }
    all
}
