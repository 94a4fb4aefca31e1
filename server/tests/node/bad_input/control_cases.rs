//! Wrong requests of the control plane.

use super::{ERASED, HASHED, PART, QUARANTINED, Refused, SORTED, header, range};
use crate::talk::Control;
use model::{Code, code};
use proto::common::{Epoch, Header};
use proto::control::{
    AddPartitionRequest, AlterTableRequest, CopyTableRequest, CreateTableRequest, DropTableRequest,
    EraseQuarantinedRequest, ListPartitionsRequest, Profile, Range, RemovePartitionRequest,
    UndropTableRequest,
};
use tonic::Status;

/// A call of the control plane.
pub enum Call {
    Create(CreateTableRequest),
    Drop(DropTableRequest),
    Alter(AlterTableRequest),
    Undrop(UndropTableRequest),
    Copy(CopyTableRequest),
    Add(AddPartitionRequest),
    Remove(RemovePartitionRequest),
    Erase(EraseQuarantinedRequest),
    List(ListPartitionsRequest),
}

impl Call {
    pub async fn make(self, client: &mut Control) -> Result<(), Status> {
        match self {
            Call::Create(request) => client.create_table(request).await.map(drop),
            Call::Drop(request) => client.drop_table(request).await.map(drop),
            Call::Alter(request) => client.alter_table(request).await.map(drop),
            Call::Undrop(request) => client.undrop_table(request).await.map(drop),
            Call::Copy(request) => client.copy_table(request).await.map(drop),
            Call::Add(request) => client.add_partition(request).await.map(drop),
            Call::Remove(request) => client.remove_partition(request).await.map(drop),
            Call::Erase(request) => client.erase_quarantined(request).await.map(drop),
            Call::List(request) => client.list_partitions(request).await.map(drop),
        }
    }
}

type Row = (&'static str, Call, tonic::Code, Code);

/// A table that could be made, but for one thing.
fn create(change: fn(&mut CreateTableRequest)) -> Call {
    let mut request = CreateTableRequest { name: "new".to_owned(), ..HASHED.request() };
    change(&mut request);
    Call::Create(request)
}

fn profile(request: &mut CreateTableRequest) -> &mut Profile {
    request.profile.get_or_insert_default()
}

fn profiles() -> Vec<Row> {
    use tonic::Code::InvalidArgument;
    vec![
        (
            "an unknown store",
            create(|r| profile(r).store = "tape".into()),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
        (
            "an unknown log",
            create(|r| profile(r).log = "stone".into()),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
        (
            "an unknown dispatcher",
            create(|r| profile(r).dispatcher = "dice".into()),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
        (
            "an unknown durability",
            create(|r| profile(r).durability = "eternal".into()),
            InvalidArgument,
            code::MALFORMED,
        ),
        (
            "no log, and not said",
            create(|r| profile(r).log = "none".into()),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
        (
            "a journal of a store that has none",
            create(|r| (profile(r).store, profile(r).log) = ("memory".into(), "store".into())),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
        (
            "more durability than the log gives",
            create(|r| profile(r).durability = "quorum".into()),
            InvalidArgument,
            code::PROFILE_REFUSED,
        ),
    ]
}

fn tables() -> Vec<Row> {
    use tonic::Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
    let drop_of = |name: &str| Call::Drop(DropTableRequest { name: name.to_owned(), ..Default::default() });
    vec![
        ("a table that is there", create(|r| r.name = "hashed".into()), AlreadyExists, code::TABLE_EXISTS),
        ("a table without a name", create(|r| r.name.clear()), InvalidArgument, code::MALFORMED),
        ("a name with a blank", create(|r| r.name = "a b".into()), InvalidArgument, code::MALFORMED),
        ("an over-long name", create(|r| r.name = "n".repeat(129)), InvalidArgument, code::MALFORMED),
        (
            "a namespace with a slash",
            create(|r| r.header = header(|h| h.namespace = "a/b".into())),
            InvalidArgument,
            code::MALFORMED,
        ),
        ("an unknown layout", create(|r| r.layout = "round".into()), InvalidArgument, code::MALFORMED),
        ("an unknown machine", create(|r| r.machine = "loom".into()), InvalidArgument, code::MALFORMED),
        ("dropping a table in use", drop_of("hashed"), FailedPrecondition, code::TABLE_NOT_EMPTY),
        ("dropping an unknown table", drop_of("unknown"), NotFound, code::NO_TABLE),
        ("dropping nothing", drop_of(""), InvalidArgument, code::MALFORMED),
        (
            "partitions of an unknown table",
            Call::List(ListPartitionsRequest { table: "unknown".to_owned(), ..Default::default() }),
            NotFound,
            code::NO_TABLE,
        ),
    ]
}

/// Changes of tables that are there, or were.
fn alterations() -> Vec<Row> {
    use tonic::Code::{AlreadyExists, FailedPrecondition, InvalidArgument, NotFound};
    let alter = |name: &str, new_name: &str, log: &str| {
        let profile = Profile { log: log.to_owned(), ..Profile::default() };
        let (name, new_name, profile) = (name.to_owned(), new_name.to_owned(), Some(profile));
        Call::Alter(AlterTableRequest { header: None, name, profile, new_name })
    };
    let undrop = |name: &str, drop: u64| {
        Call::Undrop(UndropTableRequest { name: name.to_owned(), drop, ..Default::default() })
    };
    let copy = |name: &str, to: &str| {
        Call::Copy(CopyTableRequest { header: None, name: name.to_owned(), new_name: to.to_owned() })
    };
    vec![
        ("renaming an unknown table", alter("unknown", "new", ""), NotFound, code::NO_TABLE),
        ("renaming to a name in use", alter("hashed", "sorted", ""), AlreadyExists, code::TABLE_EXISTS),
        ("renaming to its own name", alter("hashed", "hashed", ""), AlreadyExists, code::TABLE_EXISTS),
        ("renaming to no name", alter("hashed", "a b", ""), InvalidArgument, code::MALFORMED),
        ("altering nothing", alter("hashed", "", ""), InvalidArgument, code::MALFORMED),
        ("another log", alter("hashed", "new", "none"), FailedPrecondition, code::NOT_ALTERABLE),
        ("bringing back what is there", undrop("hashed", 0), NotFound, code::NOT_DROPPED),
        ("bringing back what never was", undrop("unknown", 7), NotFound, code::NOT_DROPPED),
        ("bringing back nothing", undrop("", 0), InvalidArgument, code::MALFORMED),
        ("copying an unknown table", copy("unknown", "new"), NotFound, code::NO_TABLE),
        ("copying to a name in use", copy("hashed", "sorted"), AlreadyExists, code::TABLE_EXISTS),
        ("copying to no name", copy("hashed", ""), InvalidArgument, code::MALFORMED),
    ]
}

fn additions() -> Vec<Row> {
    use tonic::Code::{AlreadyExists, InvalidArgument, NotFound};
    let add = |table: &str, id: u64, range: Option<Range>| {
        Call::Add(AddPartitionRequest { header: None, table: table.to_owned(), range, id })
    };
    let sorted = |id, start, end| add(SORTED.name, id, range(start, end));
    vec![
        ("an unknown table", add("unknown", 0, None), NotFound, code::NO_TABLE),
        ("a range within another", sorted(0, "c", "d"), AlreadyExists, code::RANGE_OVERLAPS),
        ("a range around another", sorted(0, "a", "z"), AlreadyExists, code::RANGE_OVERLAPS),
        ("a range that begins in another", sorted(0, "l", "z"), AlreadyExists, code::RANGE_OVERLAPS),
        ("a range that ends in another", sorted(0, "", "bb"), AlreadyExists, code::RANGE_OVERLAPS),
        ("all keys", add(SORTED.name, 0, None), AlreadyExists, code::RANGE_OVERLAPS),
        ("the same range of points", add(HASHED.name, 0, None), AlreadyExists, code::RANGE_OVERLAPS),
        ("an inverted range", sorted(0, "z", "x"), InvalidArgument, code::RANGE_INVALID),
        ("an empty range", sorted(0, "x", "x"), InvalidArgument, code::RANGE_INVALID),
        (
            "a point of 7 bytes",
            add(HASHED.name, 0, range("1234567", "")),
            InvalidArgument,
            code::RANGE_INVALID,
        ),
        (
            "a point of 9 bytes",
            add(HASHED.name, 0, range("", "123456789")),
            InvalidArgument,
            code::RANGE_INVALID,
        ),
        ("an id in use", sorted(PART, "x", "z"), AlreadyExists, code::ID_IN_USE),
        ("an id of another table", sorted(1, "x", "z"), AlreadyExists, code::ID_IN_USE),
        ("an id in quarantine", sorted(QUARANTINED, "x", "z"), AlreadyExists, code::ID_IN_USE),
        ("an id of what was erased", sorted(ERASED, "x", "z"), AlreadyExists, code::ID_IN_USE),
        ("the largest id", sorted(u64::MAX, "x", "z"), InvalidArgument, code::MALFORMED),
    ]
}

fn removals() -> Vec<Row> {
    use tonic::Code::{FailedPrecondition, InvalidArgument, NotFound};
    let remove = |id: u64, table: &str, range: Option<Range>, header: Option<Header>| {
        Call::Remove(RemovePartitionRequest { header, id, table: table.to_owned(), range, allow_many: false })
    };
    let erase = |id| Call::Erase(EraseQuarantinedRequest { id, ..Default::default() });
    let later = || header(|h| h.expected_epoch = Some(Epoch { generation: 9, term: 9 }));
    vec![
        ("removing nothing", remove(0, "", None, None), InvalidArgument, code::MALFORMED),
        ("removing by both names", remove(1, "hashed", None, None), InvalidArgument, code::MALFORMED),
        ("removing an unknown partition", remove(777, "", None, None), NotFound, code::NO_PARTITION),
        ("removing what is removed", remove(QUARANTINED, "", None, None), NotFound, code::NO_PARTITION),
        ("removing at another epoch", remove(1, "", None, later()), FailedPrecondition, code::EPOCH_MISMATCH),
        ("removing from an unknown table", remove(0, "unknown", None, None), NotFound, code::NO_TABLE),
        ("removing many at once", remove(0, "hashed", None, None), InvalidArgument, code::MALFORMED),
        (
            "removing more than a range",
            remove(0, "sorted", range("a", "z"), None),
            NotFound,
            code::NO_PARTITION,
        ),
        ("removing half a range", remove(0, "sorted", range("b", "c"), None), NotFound, code::NO_PARTITION),
        (
            "an inverted range",
            remove(0, "sorted", range("z", "a"), None),
            InvalidArgument,
            code::RANGE_INVALID,
        ),
        ("erasing what is served", erase(1), FailedPrecondition, code::NOT_QUARANTINED),
        ("erasing what never was", erase(777), FailedPrecondition, code::NOT_QUARANTINED),
    ]
}

pub fn all() -> Vec<(Refused, Call)> {
    let rows =
        tables().into_iter().chain(profiles()).chain(alterations()).chain(additions()).chain(removals());
    rows.map(|(name, call, grpc, code)| (Refused { name, grpc, code }, call)).collect()
}
