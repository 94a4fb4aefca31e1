//! The authorization table: a row for every method that any listener serves.
//! A method without a row is refused; a test fails for one that is forgotten.

use super::arrival::Caller;
use model::code;
use proto::Failure;

/// What a caller needs to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// Anybody who reaches the listener: says nothing about data.
    Open,
    /// A client of tables.
    Data,
    /// An operator: changes what exists.
    Control,
}

/// A method, and who may call it.
#[derive(Debug, PartialEq, Eq)]
pub struct Rpc {
    /// `/package.Service/Method`.
    pub path: &'static str,
    /// Who may call it.
    pub right: Right,
    /// A call that lives on: its messages are counted, not itself.
    pub streams: bool,
}

impl Rpc {
    /// The method's name, for metrics and logs.
    pub fn name(&self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Its place in the table; beyond the end for what has none.
    pub(crate) fn number(&'static self) -> usize {
        let bytes = std::ptr::from_ref(self).addr().wrapping_sub(TABLE.as_ptr().addr());
        bytes / size_of::<Rpc>()
    }
}

const fn row(path: &'static str, right: Right) -> Rpc {
    Rpc { path, right, streams: false }
}

const fn stream(path: &'static str, right: Right) -> Rpc {
    Rpc { path, right, streams: true }
}

#[rustfmt::skip] // one method, one line: this is a table, sorted by path
/// Every method.
pub static TABLE: &[Rpc] = &[
    row("/grpc.health.v1.Health/Check", Right::Open),
    row("/grpc.health.v1.Health/List", Right::Open),
    stream("/grpc.health.v1.Health/Watch", Right::Open),
    stream("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo", Right::Open),
    stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", Right::Open),
    row("/statehouse.control.v1.Control/AddPartition", Right::Control),
    row("/statehouse.control.v1.Control/AlterTable", Right::Control),
    row("/statehouse.control.v1.Control/ApplyPlan", Right::Control),
    row("/statehouse.control.v1.Control/AttachDirectory", Right::Control),
    row("/statehouse.control.v1.Control/CopyTable", Right::Control),
    row("/statehouse.control.v1.Control/CreateTable", Right::Control),
    row("/statehouse.control.v1.Control/Decommission", Right::Control),
    row("/statehouse.control.v1.Control/DescribeCluster", Right::Control),
    row("/statehouse.control.v1.Control/Drain", Right::Control),
    row("/statehouse.control.v1.Control/DropTable", Right::Control),
    row("/statehouse.control.v1.Control/EraseQuarantined", Right::Control),
    row("/statehouse.control.v1.Control/FormCluster", Right::Control),
    row("/statehouse.control.v1.Control/GetJob", Right::Control),
    row("/statehouse.control.v1.Control/JoinCluster", Right::Control),
    row("/statehouse.control.v1.Control/ListPartitions", Right::Control),
    row("/statehouse.control.v1.Control/ListTables", Right::Control),
    row("/statehouse.control.v1.Control/Merge", Right::Control),
    row("/statehouse.control.v1.Control/Move", Right::Control),
    row("/statehouse.control.v1.Control/Plan", Right::Control),
    row("/statehouse.control.v1.Control/RemovePartition", Right::Control),
    row("/statehouse.control.v1.Control/Scrub", Right::Control),
    row("/statehouse.control.v1.Control/Snapshot", Right::Control),
    row("/statehouse.control.v1.Control/Split", Right::Control),
    row("/statehouse.control.v1.Control/Status", Right::Control),
    row("/statehouse.control.v1.Control/Transfer", Right::Control),
    row("/statehouse.control.v1.Control/UndropTable", Right::Control),
    row("/statehouse.data.v1.Data/Apply", Right::Data),
    row("/statehouse.data.v1.Data/Get", Right::Data),
    row("/statehouse.data.v1.Data/Outcome", Right::Data),
    row("/statehouse.data.v1.Data/Query", Right::Data),
    row("/statehouse.data.v1.Data/Remove", Right::Data),
    stream("/statehouse.data.v1.Data/Scan", Right::Data),
    stream("/statehouse.data.v1.Data/Stream", Right::Data),
    stream("/statehouse.data.v1.Data/Tail", Right::Data),
    row("/statehouse.data.v1.Data/Upsert", Right::Data),
    stream("/statehouse.data.v1.Data/Watch", Right::Data),
    stream("/statehouse.data.v1.Data/WatchMap", Right::Data),
];

/// What stands for methods that have no row.
pub(super) static UNKNOWN: Rpc = Rpc { path: "/unknown", right: Right::Control, streams: false };

/// A method's row.
pub fn find(path: &str) -> Option<&'static Rpc> {
    TABLE.binary_search_by(|row| row.path.cmp(path)).ok().map(|at| &TABLE[at])
}

/// May this caller call that? Until callers have credentials, being on this
/// machine is the one that counts for control.
pub(super) fn authorize(rpc: &Rpc, caller: &Caller) -> Result<(), Failure> {
    if std::ptr::eq(rpc, &UNKNOWN) {
        return Err(Failure::new(code::UNIMPLEMENTED, "there is no such method"));
    }
    match rpc.right {
        Right::Open | Right::Data => Ok(()),
        Right::Control if caller.is_local() => Ok(()),
        Right::Control => {
            Err(Failure::new(code::NOT_ALLOWED, format!("{} may be called from this machine only", rpc.path)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prost::Message as _;
    use prost_types::FileDescriptorSet;
    use std::collections::BTreeSet;

    #[test]
    fn every_method_has_a_row_and_every_row_a_method() {
        let schema = FileDescriptorSet::decode(proto::DESCRIPTORS).expect("our own");
        let mut methods = BTreeSet::new();
        for file in &schema.file {
            for service in &file.service {
                for method in &service.method {
                    let path = format!("/{}.{}/{}", file.package(), service.name(), method.name());
                    let row = find(&path).unwrap_or_else(|| panic!("{path} has no row"));
                    let streams = method.client_streaming() || method.server_streaming();
                    assert_eq!(row.streams, streams, "{path}");
                    let right =
                        if file.package().contains(".control.") { Right::Control } else { Right::Data };
                    assert_eq!(row.right, right, "{path}");
                    methods.insert(path);
                }
            }
        }
        let ours = TABLE.iter().filter(|row| row.path.starts_with("/statehouse."));
        assert_eq!(ours.filter(|row| !methods.contains(row.path)).count(), 0, "a row without a method");
    }

    #[test]
    fn the_table_is_sorted_and_what_is_not_in_it_is_refused() {
        assert!(TABLE.is_sorted_by(|a, b| a.path < b.path));
        assert!(TABLE.iter().enumerate().all(|(at, row)| row.number() == at));
        assert!(UNKNOWN.number() >= TABLE.len());
        for path in ["", "/", "/statehouse.data.v1.Data/", "/statehouse.data.v1.Data/upsert"] {
            assert_eq!(find(path), None, "{path}");
        }
        let caller = Caller { address: None };
        assert!(authorize(&UNKNOWN, &caller).expect_err("refused").is(code::UNIMPLEMENTED));
    }

    #[test]
    fn control_is_for_this_machine() {
        let row = find("/statehouse.control.v1.Control/Status").expect("a row");
        let table = [
            (Some("127.0.0.1:1"), true),
            (Some("[::1]:1"), true),
            (Some("[::ffff:127.0.0.1]:1"), true),
            (Some("10.0.0.1:1"), false),
            (None, false),
        ];
        for (address, allowed) in table {
            let caller = Caller { address: address.map(|text| text.parse().expect("an address")) };
            assert_eq!(authorize(row, &caller).is_ok(), allowed, "{address:?}");
            let data = find("/statehouse.data.v1.Data/Get").expect("a row");
            assert!(authorize(data, &caller).is_ok());
        }
    }
}
