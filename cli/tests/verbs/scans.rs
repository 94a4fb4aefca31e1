//! Output of scans, word for word.

use crate::session::Session;
use expect_test::expect;
use model::code;
use proto::Failure;

#[test]
fn scans() {
    let session = Session::start();
    for (key, value) in [("a/1", "one"), ("a/2", "0"), ("b/1", "two"), ("b/2", "tab\there"), ("c", "é")] {
        let words = ["put", key, value].map(std::ffi::OsString::from);
        assert_eq!(session.run(&words, b"").exit, 0);
    }
    let refuse = |code| session.fake.plan().cut_scan.push_back((2, Failure::new(code, "as planned")));
    let text = session.script(&[
        "scan",
        "scan --prefix a/",
        "scan --start a/2 --end c --reverse -o wide",
        "scan --limit 2 --after a/1 -o json",
        "scan --limit-bytes 5",
        "scan --prefix 622f --encoding hex",
        "scan --prefix nobody",
        "scan --prefix a --start b",
        "scan --start c --end b",
        "scan --start a --encoding hex",
        "scan -t missing",
        "scan --limit many",
    ]);
    expect![[r#"
        $ scan
        a/1	one
        a/2	0
        b/1	two
        b/2	0x7461620968657265
        c	é
        $ scan --prefix a/
        a/1	one
        a/2	0
        $ scan --start a/2 --end c --reverse -o wide
        b/2	2	2	0x7461620968657265
        b/1	2	1	two
        a/2	1	1	0
        $ scan --limit 2 --after a/1 -o json
        {"key":"a/2","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":2,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAACAAAAAAAAAKgchns="},"revision":1,"value":"0"}
        {"key":"b/1","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":2,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAACAAAAAAAAAKgchns="},"revision":2,"value":"two"}
        $ scan --limit-bytes 5
        a/1	one
        $ scan --prefix 622f --encoding hex
        622f31	74776f
        622f32	7461620968657265
        $ scan --prefix nobody
        $ scan --prefix a --start b
        ! error: the argument '--prefix <KEY>' cannot be used with '--start <KEY>'
        ! 
        ! Usage: statehouse scan --prefix <KEY> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ scan --start c --end b
        ! error: SH2109 the scan's `end` is not behind its `start`
        ! hint: Give a start below the end; an absent end means no end.
        exit 2
        $ scan --start a --encoding hex
        ! error: the key `a` cannot be read: pairs of hexadecimal digits are expected
        ! hint: See --encoding; without it, bytes are taken as they are.
        exit 2
        $ scan -t missing
        ! error: SH2101 there is no table `missing`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ scan --limit many
        ! error: invalid value 'many' for '--limit <ROWS>': invalid digit found in string
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
    refuse(code::PARTITION_FAILED);
    refuse(code::STOPPING);
    let broken = session.script(&["scan", "scan --limit 4"]);
    expect![[r#"
        $ scan
        a/1	one
        a/2	0
        ! error: SH2205 as planned
        ! hint: `statehouse partition ls` and the node's log tell why; the hint names the cause.
        exit 3
        $ scan --limit 4
        a/1	one
        a/2	0
        b/1	two
        b/2	0x7461620968657265
    "#]]
    .assert_eq(&broken);
}
