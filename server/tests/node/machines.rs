//! The machines in the box, through a node: counters that many add to, and leases,
//! across a kill.

use crate::process::{Launch, Node};
use crate::talk::{self, Table};
use bytes::Bytes;
use client::{Client, Error, Limits};
use model::code;
use proto::common::{Header, OpId};
use proto::data::machine_command::Command;
use proto::data::{
    ApplyRequest, ApplyResponse, CounterAdd, CounterCommand, LeaseCommand, MachineCommand, QueryRequest,
    apply_result, counter_command, machine_reply,
};
use std::time::Duration;
use tokio::task::JoinSet;

const COUNTERS: Table = Table { machine: "counter", ..Table::durable("counters") };
const LEASES: Table = Table { machine: "lease", ..Table::durable("leases") };
const LONG: Duration = Duration::from_secs(600);

fn client(node: &Node) -> Client {
    Client::builder(node.at.data.to_string()).build().expect("an address")
}

fn refused<T: std::fmt::Debug>(result: Result<T, Error>, code: model::Code) -> Error {
    let error = result.expect_err("refused");
    assert!(error.is(code), "{error}");
    error
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_who_add_within_a_limit_as_many_succeed_as_fit() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    COUNTERS.create(&node).await;
    let (users, each, most) = (8, 50, 300);
    let mut tasks = JoinSet::new();
    for _ in 0..users {
        let counter = client(&node).counter(COUNTERS.name);
        tasks.spawn(async move {
            let mut added = 0;
            for _ in 0..each {
                match counter.add_within("hot", 1, Limits::most(most)).await {
                    Ok(counted) => {
                        assert!(counted.value <= most, "{counted:?}");
                        added += 1;
                    }
                    Err(error) => assert!(error.is(code::COUNTER_LIMIT), "{error}"),
                }
            }
            added
        });
    }
    let added: i64 = tasks.join_all().await.into_iter().sum();
    assert_eq!(added, most, "neither one too many nor one refused in vain");
    let counter = client(&node).counter(COUNTERS.name);
    let counted = counter.get("hot").await.expect("told");
    assert_eq!((counted.value, counted.reserved), (most, 0));
    assert!(counted.revision >= users * each, "every command has an index");
    assert_eq!(counter.get("cold").await.expect("told").value, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_reserved_is_kept_across_a_kill_and_ends() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    COUNTERS.create(&node).await;
    let counter = client(&node).counter(COUNTERS.name);
    counter.reserve("k", 1, 6, Some(10), LONG).await.expect("there is room");
    counter.reserve("k", 2, 4, Some(10), LONG).await.expect("there is room");
    refused(counter.reserve("k", 3, 1, Some(10), LONG).await, code::COUNTER_LIMIT);
    refused(counter.reserve("k", 1, 0, None, LONG).await, code::RESERVATION_TAKEN);
    node.process.kill();
    let node = Launch::server(dir.path()).start().await;
    let counter = client(&node).counter(COUNTERS.name);
    let counted = counter.commit("k", 1, Some(5)).await.expect("it is kept");
    assert_eq!((counted.value, counted.reserved), (5, 4));
    refused(counter.commit("k", 1, None).await, code::NO_RESERVATION);
    assert_eq!(counter.release("k", 2).await.expect("it is kept").reserved, 0);
    refused(counter.release("k", 3).await, code::NO_RESERVATION);
    // One that is over at once: whoever comes next has its room.
    counter.reserve("k", 4, 5, Some(10), Duration::ZERO).await.expect("there is room");
    let counted = counter.add_within("k", 5, Limits::most(10)).await.expect("it is free again");
    assert_eq!((counted.value, counted.reserved), (10, 0));
    refused(counter.add("k", i64::MAX).await, code::COUNTER_OVERFLOW);
    refused(counter.add_within("k", -6, Limits::least(5)).await, code::COUNTER_LIMIT);
}

fn add(amount: i64) -> Option<Command> {
    let add = CounterAdd { amount, ..CounterAdd::default() };
    Some(Command::Counter(CounterCommand { command: Some(counter_command::Command::Add(add)) }))
}

fn values(answer: &ApplyResponse) -> Vec<Option<i64>> {
    let value = |result: &proto::data::ApplyResult| match &result.outcome {
        Some(apply_result::Outcome::Reply(said)) => match &said.reply {
            Some(machine_reply::Reply::Counter(state)) => Some(state.value),
            other => panic!("no counter: {other:?}"),
        },
        _ => None,
    };
    answer.results.iter().map(value).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_increment_that_is_sent_again_is_done_once_also_across_a_kill() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    COUNTERS.create(&node).await;
    let op = client(&node).new_op();
    let op = OpId { client: Bytes::copy_from_slice(&op.client.to_be_bytes()), sequence: 1 };
    let command = |key: &'static str| MachineCommand { key: key.into(), command: add(1) };
    let request = || ApplyRequest {
        header: Some(Header { op: Some(op.clone()), ..Header::default() }),
        table: COUNTERS.name.to_owned(),
        commands: vec![command("a"), command("a"), command("b")],
    };
    let first = talk::data(&node).await.apply(request()).await.expect("applied").into_inner();
    assert_eq!(values(&first), [Some(1), Some(2), Some(1)]);
    for _ in 0..2 {
        node.process.kill();
        node = Launch::server(dir.path()).start().await;
        let again = talk::data(&node).await.apply(request()).await.expect("answered").into_inner();
        assert_eq!(again.results, first.results);
    }
    assert_eq!(client(&node).counter(COUNTERS.name).get("a").await.expect("told").value, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_is_one_holders_also_across_a_kill() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let mut node = Launch::server(dir.path()).start().await;
    LEASES.create(&node).await;
    let leases = client(&node).leases(LEASES.name);
    assert_eq!(leases.get("k").await.expect("told"), None);
    let first = leases.acquire("k", "a", LONG).await.expect("free");
    assert_eq!(first.holder, "a");
    let taken = refused(leases.acquire("k", "b", LONG).await, code::LEASE_TAKEN);
    assert!(taken.message().contains("`a` holds"), "{taken}");
    node.process.kill();
    let node = Launch::server(dir.path()).start().await;
    let leases = client(&node).leases(LEASES.name);
    refused(leases.acquire("k", "b", LONG).await, code::LEASE_TAKEN);
    assert_eq!(leases.acquire("k", "a", LONG).await.expect("it is its own").token, first.token);
    assert_eq!(leases.renew("k", first.token, LONG).await.expect("it holds it").token, first.token);
    assert_eq!(leases.get("k").await.expect("told").map(|held| held.token), Some(first.token));
    leases.release("k", first.token).await.expect("it holds it");
    let second = leases.acquire("k", "b", LONG).await.expect("free");
    assert!(second.token > first.token);
    refused(leases.renew("k", first.token, LONG).await, code::LEASE_LOST);
    refused(leases.release("k", first.token).await, code::LEASE_LOST);
    assert_eq!(leases.get("k").await.expect("told").map(|held| held.holder), Some(Bytes::from("b")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_machine_does_not_take_is_refused_and_changes_nothing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    let node = Launch::server(dir.path()).start().await;
    let rows = Table::durable("rows");
    for table in [COUNTERS, LEASES, rows] {
        table.create(&node).await;
    }
    let mut data = talk::data(&node).await;
    let number = |status: tonic::Status| proto::Failure::from(status).number;
    let lease = || Some(Command::Lease(LeaseCommand { command: None }));
    let empty = || Some(Command::Counter(CounterCommand { command: None }));
    let body = || Some(Command::Body(Bytes::from("x")));
    let cases = [
        (COUNTERS.name, lease(), code::OTHER_MACHINE),
        (COUNTERS.name, body(), code::OTHER_MACHINE),
        (COUNTERS.name, empty(), code::MALFORMED),
        (COUNTERS.name, None, code::MALFORMED),
        (LEASES.name, lease(), code::MALFORMED),
        (LEASES.name, add(1), code::OTHER_MACHINE),
        (rows.name, body(), code::OTHER_MACHINE),
        ("nobody", body(), code::NO_TABLE),
    ];
    for (table, command, code) in cases {
        let case = format!("{table}: {command:?}");
        let mut commands = vec![MachineCommand { key: "k".into(), command }];
        if table == COUNTERS.name {
            // What is right before it is not done either.
            commands.insert(0, MachineCommand { key: "k".into(), command: add(1) });
        }
        let request = ApplyRequest { table: table.to_owned(), commands, ..ApplyRequest::default() };
        assert_eq!(number(data.apply(request).await.expect_err("refused")), code.number, "{case}");
    }
    let counter = client(&node).table(COUNTERS.name);
    refused(counter.put("k", "v").await, code::OTHER_MACHINE);
    refused(counter.get("k").await, code::OTHER_MACHINE);
    let question = |table: &str, body: &'static str| QueryRequest {
        table: table.to_owned(),
        key: "k".into(),
        body: body.into(),
        ..QueryRequest::default()
    };
    let cases = [
        (COUNTERS.name, "why", code::MALFORMED),
        (LEASES.name, "why", code::MALFORMED),
        (rows.name, "", code::OTHER_MACHINE),
    ];
    for (table, body, code) in cases {
        let refused = data.query(question(table, body)).await.expect_err("refused");
        assert_eq!(number(refused), code.number, "{table}");
    }
    let negative = client(&node).counter(COUNTERS.name).reserve("k", 1, -1, None, LONG).await;
    refused(negative, code::MALFORMED);
    refused(client(&node).leases(LEASES.name).acquire("k", "", LONG).await, code::MALFORMED);
    refused(client(&node).leases(LEASES.name).acquire("k", "a", Duration::ZERO).await, code::MALFORMED);
    let counted = client(&node).counter(COUNTERS.name).get("k").await.expect("told");
    assert_eq!((counted.value, counted.reserved), (0, 0));
}
