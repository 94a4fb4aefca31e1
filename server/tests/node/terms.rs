//! Writes on terms: conditions, all or nothing, and what became of an operation,
//! also across a kill.

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::{Change, Client, Condition, Error};
use model::code;
use proto::common::{Header, OpId};
use proto::data::{OutcomeRequest, RemoveRequest, UpsertRequest};

const TABLE: Table = Table::durable("t");
/// One partition: all of its rows can change together.
const ORDERED: Table = Table { name: "o", layout: "ordered", partitions: 1, ..TABLE };

fn client(node: &Node) -> Client {
    Client::builder(node.at.data.to_string()).build().expect("an address")
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: model::Code) -> Error {
    let error = result.expect_err("refused");
    assert!(error.is(code), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_is_changed_if_its_condition_holds() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let table = client(&node).table(TABLE.name);
    let put = |value: &'static str, condition| table.change(Change::put("k", value).only_if(condition));
    let error = refused(put("a", Condition::Present).await, code::CONDITION_FAILED);
    assert_eq!(error.revision(), None);
    let first = put("a", Condition::Absent).await.expect("there was none").revision;
    let error = refused(put("b", Condition::Absent).await, code::CONDITION_FAILED);
    assert_eq!(error.revision(), Some(first));
    assert!(!error.is_retryable(), "{error}");
    let second = put("b", Condition::Revision(first)).await.expect("it had this one").revision;
    refused(put("c", Condition::Revision(first)).await, code::CONDITION_FAILED);
    let removed = table.change(Change::remove("k").only_if(Condition::Revision(first))).await;
    assert_eq!(refused(removed, code::CONDITION_FAILED).revision(), Some(second));
    let row = table.get("k").await.expect("read").expect("written");
    assert_eq!((row.revision, row.value), (second, Bytes::from("b")));
    let removed = table.change(Change::remove("k").only_if(Condition::Revision(second))).await;
    assert!(removed.expect("it had this one").found);
    assert!(!table.change(Change::remove("k")).await.expect("removed").found);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_count_by_conditions_none_is_lost() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let (users, each) = (8, 25);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..users {
        let table = client(&node).table(TABLE.name);
        tasks.spawn(async move {
            for _ in 0..each {
                while !count(&table).await {}
            }
        });
    }
    tasks.join_all().await;
    let row = client(&node).table(TABLE.name).get("n").await.expect("read").expect("written");
    assert_eq!(row.value, (users * each).to_string());
}

/// Adds one to a row, unless somebody else did meanwhile.
async fn count(table: &client::Table) -> bool {
    let row = table.get("n").await.expect("read");
    let number = row.as_ref().map_or(0, |row| String::from_utf8_lossy(&row.value).parse().expect("a number"));
    let condition = row.map_or(Condition::Absent, |row| Condition::Revision(row.revision));
    let next = Change::put("n", (number + 1u64).to_string()).only_if(condition);
    match table.change(next).await {
        Ok(_) => true,
        Err(error) if error.is(code::CONDITION_FAILED) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_change_together_or_not_at_all() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    ORDERED.create(&node).await;
    TABLE.create(&node).await;
    let table = client(&node).table(ORDERED.name);
    let changes = [Change::put("a", "1"), Change::remove("b"), Change::put("b", "2")];
    let changed = table.atomic(changes).await.expect("changed");
    let found: Vec<bool> = changed.iter().map(|one| one.found).collect();
    assert_eq!(found, [true, false, true]);
    assert!(changed.iter().all(|one| one.revision == changed[0].revision), "{changed:?}");
    let moved = [
        Change::remove("a").only_if(Condition::Revision(changed[0].revision)),
        Change::put("c", "1").only_if(Condition::Present),
    ];
    assert_eq!(refused(table.atomic(moved).await, code::CONDITION_FAILED).revision(), None);
    let rows = table.get_many(["a", "b", "c"]).await;
    let there: Vec<bool> = rows.into_iter().map(|row| row.expect("read").is_some()).collect();
    assert_eq!(there, [true, true, false]);
    // Sixteen keys over four partitions: some two differ.
    let apart = (0..16).map(|number| Change::put(format!("k{number}"), "v"));
    refused(client(&node).table(TABLE.name).atomic(apart).await, code::NOT_TOGETHER);
    refused(table.atomic([]).await, code::MALFORMED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operation_under_a_name_of_ones_own_is_done_once_and_can_be_asked_for() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let (table, new_op) = (client(&node).table(TABLE.name), client(&node).new_op());
    let other = client(&node).new_op();
    let absent = || Change::put("k", "a").only_if(Condition::Absent);
    let first = table.change_as(new_op, absent()).await.expect("there was none");
    // Whoever asks, and however often, hears what it came to.
    node.process.kill();
    let node = Launch::server(dir.path()).start().await;
    let table = client(&node).table(TABLE.name);
    let again = table.change_as(new_op, absent()).await.expect("it was done");
    assert_eq!(again.revision, first.revision);
    let outcome = table.outcome("k", new_op).await.expect("asked").expect("it was done");
    assert_eq!(outcome.revision, first.revision);
    // Who asks before it comes gives it up.
    for _ in 0..2 {
        assert_eq!(table.outcome("k", other).await.expect("asked"), None);
    }
    refused(table.change_as(other, Change::remove("k")).await, code::OP_GIVEN_UP);
    assert!(table.get("k").await.expect("read").is_some());
    // What a condition refused is refused again.
    let third = client(&node).new_op();
    let refusal = refused(table.change_as(third, absent()).await, code::CONDITION_FAILED);
    table.remove("k").await.expect("removed");
    assert_eq!(refused(table.change_as(third, absent()).await, code::CONDITION_FAILED), refusal);
    assert_eq!(
        refused(table.outcome("k", third).await, code::CONDITION_FAILED).revision(),
        Some(first.revision)
    );
}

/// A partition would fail, and with it every start of the node, if all rows of a
/// record had to be held at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_on_more_than_may_be_read_at_once_are_judged_one_by_one() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let launch = || Launch::server(dir.path()).set("limits.read-bytes-max=1MiB");
    let mut node = launch().start().await;
    ORDERED.create(&node).await;
    let table = client(&node).table(ORDERED.name);
    let large = Bytes::from(vec![b'x'; 500_000]);
    for key in ["a", "b", "c", "d"] {
        table.put(key, large.clone()).await.expect("written");
    }
    let all = ["a", "b", "c", "d"].map(|key| Change::put(key, "small").only_if(Condition::Present));
    table.atomic(all).await.expect("each is there");
    node.process.kill();
    let node = launch().start().await;
    let table = client(&node).table(ORDERED.name);
    assert_eq!(table.get("d").await.expect("read").expect("there").value, "small");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn terms_that_make_no_sense_are_refused_whole() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    TABLE.create(&node).await;
    let mut data = talk::data(&node).await;
    let condition = |holds| Some(proto::data::Condition { holds: Some(holds) });
    use proto::data::condition::Holds;
    let item = || talk::item("k", "v");
    let bad_items = [
        proto::data::Item { condition: condition(Holds::Revision(0)), ..item() },
        proto::data::Item { condition: condition(Holds::Absent(false)), ..item() },
        proto::data::Item { condition: condition(Holds::Present(false)), ..item() },
        proto::data::Item { remove: true, ..item() },
    ];
    let whole = |status: tonic::Status| proto::Failure::from(status).number;
    for bad in bad_items {
        let request = talk::upsert_of(TABLE.name, vec![item(), bad.clone()]);
        let status = data.upsert(request).await.expect_err("no sense");
        assert_eq!(whole(status), code::MALFORMED.number, "{bad:?}");
    }
    let conditions = vec![proto::data::Condition::default(); 2];
    let keys = vec![Bytes::from("k")];
    let request =
        RemoveRequest { table: TABLE.name.to_owned(), keys, conditions, ..RemoveRequest::default() };
    assert_eq!(whole(data.remove(request).await.expect_err("no sense")), code::MALFORMED.number);
    let many = (0..4097).map(|_| item()).collect();
    let request = UpsertRequest { atomic: true, ..talk::upsert_of(TABLE.name, many) };
    assert_eq!(whole(data.upsert(request).await.expect_err("too many")), code::BATCH_TOO_LARGE.number);
    let op = |client: &'static [u8]| Some(OpId { client: Bytes::from_static(client), sequence: 1 });
    for op in [None, op(b"me")] {
        let header = Some(Header::default());
        let request = OutcomeRequest { header, table: TABLE.name.to_owned(), key: "k".into(), op };
        assert_eq!(whole(data.outcome(request).await.expect_err("no sense")), code::MALFORMED.number);
    }
    let table = client(&node).table(TABLE.name);
    assert_eq!(table.get("k").await.expect("read"), None);
}
