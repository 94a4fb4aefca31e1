//! Wrong requests of the data plane.

use super::{Refused, header, upsert_of_bytes};
use crate::talk::{self, Data};
use bytes::Bytes;
use model::{Code, code};
use proto::common::{Durability, Epoch, Header, OpId};
use proto::data::{GetRequest, RemoveRequest, ScanRequest, UpsertRequest};
use tonic::Status;

/// A call of the data plane.
pub enum Call {
    Upsert(UpsertRequest),
    Get(GetRequest),
    Remove(RemoveRequest),
    Scan(ScanRequest),
}

impl Call {
    pub async fn make(self, client: &mut Data) -> Result<(), Status> {
        match self {
            Call::Upsert(request) => client.upsert(request).await.map(drop),
            Call::Get(request) => client.get(request).await.map(drop),
            Call::Remove(request) => client.remove(request).await.map(drop),
            Call::Scan(request) => {
                let mut messages = client.scan(request).await?.into_inner();
                while messages.message().await?.is_some() {}
                Ok(())
            }
        }
    }
}

const KINDS: [&str; 3] = ["upsert", "get", "remove"];

/// A call of each kind for these keys.
fn of_kind(kind: &str, table: &str, header: Option<Header>, keys: &[String]) -> Call {
    let (table, bytes) = (table.to_owned(), |key: &String| Bytes::from(key.clone()));
    match kind {
        "upsert" => {
            let items = keys.iter().map(|key| talk::item(key, "value")).collect();
            Call::Upsert(UpsertRequest { header, table, items, ..UpsertRequest::default() })
        }
        "get" => Call::Get(GetRequest { header, table, keys: keys.iter().map(bytes).collect() }),
        "remove" => Call::Remove(RemoveRequest {
            header,
            table,
            keys: keys.iter().map(bytes).collect(),
            ..RemoveRequest::default()
        }),
        other => panic!("no kind {other}"),
    }
}

/// What is wrong in the same way whatever is asked: the name, the table, the
/// header, the keys, and the refusal.
type Row = (&'static str, &'static str, Option<Header>, Vec<String>, tonic::Code, Code);

fn rows() -> Vec<Row> {
    use tonic::Code::{InvalidArgument, NotFound};
    let keys = |keys: &[&str]| keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>();
    let a = || keys(&["a"]);
    vec![
        ("an empty key", "hashed", None, keys(&[""]), InvalidArgument, code::KEY_INVALID),
        ("an over-long key", "hashed", None, vec!["k".repeat(1025)], InvalidArgument, code::KEY_INVALID),
        (
            "a bad key behind good ones",
            "hashed",
            None,
            keys(&["a", "b", ""]),
            InvalidArgument,
            code::KEY_INVALID,
        ),
        ("an unknown table", "unknown", None, a(), NotFound, code::NO_TABLE),
        ("a table's name in other letters", "Hashed", None, a(), NotFound, code::NO_TABLE),
        (
            "an unknown namespace",
            "hashed",
            header(|h| h.namespace = "n".into()),
            a(),
            NotFound,
            code::NO_TABLE,
        ),
        ("an empty table name", "", None, a(), InvalidArgument, code::MALFORMED),
        ("no items", "hashed", None, vec![], InvalidArgument, code::MALFORMED),
        (
            "keys that no partition holds",
            "sorted",
            None,
            keys(&["a", "m", "z"]),
            NotFound,
            code::NO_PARTITION,
        ),
    ]
}

fn demands() -> Vec<Row> {
    use tonic::Code::{FailedPrecondition, InvalidArgument};
    let a = || vec!["a".to_owned()];
    vec![
        (
            "another epoch",
            "hashed",
            header(|h| h.expected_epoch = Some(Epoch { generation: 77, term: 1 })),
            a(),
            FailedPrecondition,
            code::EPOCH_MISMATCH,
        ),
        (
            "more durability than there is",
            "hashed",
            header(|h| h.min_durability = Durability::Quorum as i32),
            a(),
            FailedPrecondition,
            code::DURABILITY_NOT_OFFERED,
        ),
        (
            "durability of another kind",
            "hashed",
            header(|h| h.min_durability = Durability::Remote as i32),
            a(),
            FailedPrecondition,
            code::DURABILITY_NOT_OFFERED,
        ),
        (
            "an unknown durability",
            "hashed",
            header(|h| h.min_durability = 5),
            a(),
            InvalidArgument,
            code::MALFORMED,
        ),
        ("an unknown read level", "hashed", header(|h| h.read = -1), a(), InvalidArgument, code::MALFORMED),
        (
            "a client that is no UUID",
            "hashed",
            header(|h| h.op = Some(OpId { client: Bytes::from_static(b"me"), sequence: 1 })),
            a(),
            InvalidArgument,
            code::MALFORMED,
        ),
        (
            "an over-long namespace",
            "hashed",
            header(|h| h.namespace = "n".repeat(129)),
            a(),
            InvalidArgument,
            code::MALFORMED,
        ),
    ]
}

/// Scans of what cannot be scanned: the table, the range, what was seen last.
fn scans() -> Vec<(Refused, Call)> {
    use tonic::Code::{InvalidArgument, NotFound};
    let long = "k".repeat(1025);
    let rows = [
        ("a scan of an unknown table", "unknown", "", "", "", NotFound, code::NO_TABLE),
        ("a scan of no table", "", "", "", "", InvalidArgument, code::MALFORMED),
        ("an inverted range", "sorted", "d", "c", "", InvalidArgument, code::RANGE_INVALID),
        ("an empty range", "sorted", "c", "c", "", InvalidArgument, code::RANGE_INVALID),
        ("an over-long start", "sorted", &long, "", "", InvalidArgument, code::KEY_INVALID),
        ("an over-long end", "sorted", "", &long, "", InvalidArgument, code::KEY_INVALID),
        ("an over-long last key", "hashed", "", "", &long, InvalidArgument, code::KEY_INVALID),
        ("a start in a hashed table", "hashed", "a", "", "", InvalidArgument, code::MALFORMED),
        ("an end in a hashed table", "hashed", "", "a", "", InvalidArgument, code::MALFORMED),
        ("a range that no partition holds", "sorted", "n", "o", "", NotFound, code::NO_PARTITION),
        ("a range with a gap", "sorted", "b", "", "", NotFound, code::NO_PARTITION),
    ];
    let call = |(name, table, start, end, after, grpc, code): (_, &str, &str, &str, &str, _, _)| {
        let of = |key: &str| Bytes::from(key.to_owned());
        let (start, end, after) = (of(start), of(end), of(after));
        let request = ScanRequest { table: table.to_owned(), start, end, after, ..ScanRequest::default() };
        (Refused { name, grpc, code }, Call::Scan(request))
    };
    rows.into_iter().map(call).collect()
}

pub fn all() -> Vec<(Refused, Call)> {
    let mut all = scans();
    for (name, table, header, _, grpc, code) in demands() {
        let request = ScanRequest { header, table: table.to_owned(), ..ScanRequest::default() };
        all.push((Refused { name, grpc, code }, Call::Scan(request)));
    }
    for kind in KINDS {
        for (name, table, header, keys, grpc, code) in rows().into_iter().chain(demands()) {
            all.push((Refused { name, grpc, code }, of_kind(kind, table, header, &keys)));
        }
    }
    let large = |name| Refused { name, grpc: tonic::Code::InvalidArgument, code: code::BATCH_TOO_LARGE };
    let over = (1 << 20) + 1;
    all.push((large("a batch one byte too large"), Call::Upsert(upsert_of_bytes("hashed", over))));
    all.push((large("a batch far too large"), Call::Upsert(upsert_of_bytes("hashed", 8 << 20))));
    let keys: Vec<String> = (0..1100).map(|number| format!("{number:01000}")).collect();
    all.push((large("a removal too large"), of_kind("remove", "hashed", None, &keys)));
    let keys = |count: usize| vec!["a".to_owned(); count];
    for kind in ["upsert", "remove"] {
        all.push((large("one item too many"), of_kind(kind, "hashed", None, &keys(16_385))));
    }
    let (grpc, code) = (tonic::Code::InvalidArgument, code::ANSWER_TOO_LARGE);
    let many = Refused { name: "one key too many", grpc, code };
    all.push((many, of_kind("get", "hashed", None, &keys(4097))));
    all
}
