//! What of a table can be changed while it serves: its name. All else is
//! refused, with what to do instead.

use super::spec::name_from_wire;
use super::{failure, tables};
use coordinator::TableName;
use model::code;
use partition_mgr::Node;
use proto::Failure;
use proto::control::{AlterTableRequest, AlterTableResponse, Profile, Table};
use proto::convert::Asked;

pub(super) fn alter(
    node: &Node,
    asked: &Asked,
    request: &AlterTableRequest,
) -> Result<AlterTableResponse, Failure> {
    let mut name = name_from_wire(asked, &request.name)?;
    let profile = request.profile.clone().unwrap_or_default();
    if request.new_name.is_empty() && profile == Profile::default() {
        return Err(Failure::new(code::MALFORMED, "the request changes nothing of the table"));
    }
    let to = Some(&request.new_name).filter(|name| !name.is_empty());
    let to = to.map(|to| name_from_wire(asked, to)).transpose()?;
    check_profile(&name, &tables::known(node, &name)?, &profile)?;
    if let Some(to) = to {
        node.rename_table(&name, to.clone()).map_err(failure)?;
        name = to;
    }
    Ok(AlterTableResponse { table: Some(tables::known(node, &name)?) })
}

/// What is asked for is what there is, or is refused.
fn check_profile(name: &TableName, table: &Table, wanted: &Profile) -> Result<(), Failure> {
    let has = table.profile.clone().unwrap_or_default();
    let choices = [
        ("store", has.store, &wanted.store, "rows lie in the store that they were written to"),
        ("log", has.log, &wanted.log, "the log has what the store has not flushed"),
        ("durability", has.durability, &wanted.durability, "it was promised with every answer"),
        ("binlog", has.binlog, &wanted.binlog, "it is in the rows, as the log makes them"),
        ("replication", has.replication, &wanted.replication, "its log and its replicas begin together"),
        ("dispatcher", has.dispatcher, &wanted.dispatcher, "there is no other"),
    ];
    for (choice, has, wanted, why) in choices {
        if !wanted.is_empty() && *wanted != has {
            let message =
                format!("the {choice} of table `{name}` is `{has}` and cannot be made `{wanted}`: {why}");
            return Err(Failure::new(code::NOT_ALTERABLE, message));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_as_it_is_passes_and_what_is_not_is_named() {
        let words = |[store, log, durability, dispatcher, binlog]: [&str; 5]| Profile {
            replication: String::new(),
            store: store.to_owned(),
            log: log.to_owned(),
            durability: durability.to_owned(),
            dispatcher: dispatcher.to_owned(),
            binlog: binlog.to_owned(),
        };
        let profile = Some(words(["rocksdb", "local", "local", "linear", "on"]));
        let table = Table { profile, ..Table::default() };
        let name = TableName::new("default", "t").expect("a name");
        let rows = [
            (["", "", "", "", ""], None),
            (["rocksdb", "local", "local", "linear", "on"], None),
            (["", "local", "", "", ""], None),
            (["memory", "", "", "", ""], Some("store")),
            (["", "none", "", "", ""], Some("log")),
            (["", "", "memory", "", ""], Some("durability")),
            (["rocksdb", "", "", "split", ""], Some("dispatcher")),
            (["", "", "", "", "off"], Some("binlog")),
        ];
        for (wanted, refused) in rows {
            let checked = check_profile(&name, &table, &words(wanted));
            let failure = checked.err().filter(|failure| failure.is(code::NOT_ALTERABLE));
            let named = failure.map(|failure| failure.message.split(' ').nth(1).map(str::to_owned));
            assert_eq!(named, refused.map(|word| Some(word.to_owned())), "{wanted:?}");
        }
    }
}
