//! What goes wrong, word for word, and with which exit code.

use crate::session::Session;
use expect_test::expect;
use model::code;
use proto::Failure;

#[test]
fn what_goes_wrong() {
    let session = Session::start();
    let refuse = |code| session.fake.plan().refusals.push_back(Failure::new(code, "as planned"));
    let unreachable = session.script(&[
        "get a --endpoint NOBODY --deadline 500ms",
        "status --endpoint 127.0.0.1:1 --control-endpoint NOBODY --deadline 500ms",
        "get a --endpoint localhost",
        "get a --deadline 5",
        "put a b --encoding hex",
        "put a b --encoding hex -o json",
        "put",
    ]);
    expect![[r#"
        $ get a --endpoint NOBODY --deadline 500ms
        ! error: SH2401 nothing listens at NOBODY
        ! hint: See that a server listens at the address; `statehouse dev` starts one on this machine.
        exit 3
        $ status --endpoint 127.0.0.1:1 --control-endpoint NOBODY --deadline 500ms
        ! error: SH2401 nothing listens at NOBODY
        ! hint: See that a server listens at the address; `statehouse dev` starts one on this machine.
        exit 3
        $ get a --endpoint localhost
        ! error: SH2001 `localhost` is no endpoint: it has no port
        ! hint: Write it as host:port or http://host:port.
        exit 2
        $ get a --deadline 5
        ! error: invalid value '5' for '--deadline <TIME>': `5` is no time; write it like 500ms, 5s, 2m, 1h or 7d
        ! 
        ! For more information, try '--help'.
        exit 2
        $ put a b --encoding hex
        ! error: the key `a` cannot be read: pairs of hexadecimal digits are expected
        ! hint: See --encoding; without it, bytes are taken as they are.
        exit 2
        $ put a b --encoding hex -o json
        ! {"error":{"code":"SH2001","hint":"See --encoding; without it, bytes are taken as they are.","message":"the key `a` cannot be read: pairs of hexadecimal digits are expected","retry":"never"}}
        exit 2
        $ put
        ! error: the following required arguments were not provided:
        !   <KEY>
        ! 
        ! Usage: statehouse put --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY> [VALUE]
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&unreachable);
    refuse(code::NOT_ALLOWED);
    refuse(code::ID_IN_USE);
    refuse(code::UNKNOWN_OUTCOME);
    refuse(code::EPOCH_MISMATCH);
    refuse(code::UNIMPLEMENTED);
    let refused = session.script(&["table ls", "table ls", "put a b", "put a b -o json", "get a"]);
    expect![[r#"
        $ table ls
        ! error: SH2301 as planned
        ! hint: Control calls are taken from loopback only until authorization is configured.
        exit 5
        $ table ls
        ! error: SH2107 as planned
        ! hint: Ask for another id, or for none: ids are never reused.
        exit 4
        $ put a b
        ! error: SH2203 an attempt before was lost; then: as planned
        ! hint: Read the rows concerned, or send the same request again under its op-id.
        exit 3
        $ put a b -o json
        ! {"error":{"code":"SH2004","hint":"See `docs/api.md` for what works in which version.","message":"as planned","retry":"never"}}
        exit 2
        $ get a
        ! not found: a in table kv
        exit 1
    "#]].assert_eq(&refused);
}

#[test]
fn help_begins_with_what_the_verb_does() {
    let session = Session::start();
    for (verb, first) in [
        ("put", "Set a row"),
        ("get", "Print a row's value"),
        ("scan", "Print rows in order, as they come"),
        ("status", "How a node is"),
        ("table create", "Make a table and its first partitions"),
        ("table alter", "Change a table while it serves: its name"),
        ("table undrop", "Bring a removed table back"),
        ("partition add", "Add a partition to a table"),
        ("partition rm", "Stop serving partitions; their data stays in quarantine"),
    ] {
        let help = session.script(&[&format!("{verb} --help")]);
        assert_eq!(help.lines().nth(1), Some(format!("! {first}").as_str()), "{help}");
    }
}
