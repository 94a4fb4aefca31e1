//! Output of watches, tails and rows that last for a while, word for word.

use crate::session::Session;
use expect_test::expect;
use model::code;
use proto::Failure;

fn eventful() -> Session {
    let session = Session::start();
    session.fake.history().events = vec![
        (1, 1, "a/1", Some("one")),
        (2, 1, "b", Some("tab\there")),
        (1, 2, "a/2", Some("two")),
        (1, 3, "a/1", None),
        (2, 2, "é", Some("")),
    ];
    session
}

#[test]
fn watches() {
    let session = eventful();
    let text = session.script(&[
        "watch --ends",
        "watch --ends --behind 1:0",
        "watch --ends --behind 1:1,2:1 -o wide",
        "watch --ends --behind 1:2,2:2 -o json",
        "watch --ends --initial",
        "watch --ends --initial -o json",
        "watch --ends --behind 1:1,2:1 --encoding hex --prefix 61",
        "watch --behind 1",
        "watch --behind 1:9",
        "watch --behind 1:1 --initial",
        "watch --prefix a --from b",
        "watch -t missing",
    ]);
    expect![[r#"
        $ watch --ends
        $ watch --ends --behind 1:0
        put	a/1	one
        put	a/2	two
        removed	a/1
        put	b	0x7461620968657265
        put	é	
        $ watch --ends --behind 1:1,2:1 -o wide
        put	1:2	a/2	two
        removed	1:3	a/1
        put	2:2	é	
        $ watch --ends --behind 1:2,2:2 -o json
        {"kind":"ready","positions":"1:2,2:2"}
        {"at_ms":0,"index":3,"key":"a/1","kind":"removed","partition":1}
        {"index":3,"is_all":false,"kind":"mark","partition":1,"positions":"1:3,2:2"}
        {"index":3,"is_all":true,"kind":"mark","partition":1,"positions":"1:3,2:2"}
        {"index":2,"is_all":true,"kind":"mark","partition":2,"positions":"1:3,2:2"}
        $ watch --ends --initial
        row	a/2	two
        row	b	0x7461620968657265
        row	é	
        $ watch --ends --initial -o json
        {"key":"a/2","kind":"row","partition":1,"revision":2,"value":"two"}
        {"index":3,"is_all":true,"kind":"mark","partition":1}
        {"key":"b","kind":"row","partition":2,"revision":1,"value":"tab\there"}
        {"key":"é","kind":"row","partition":2,"revision":2,"value":""}
        {"kind":"ready","positions":"1:3,2:2"}
        {"index":2,"is_all":true,"kind":"mark","partition":2,"positions":"1:3,2:2"}
        $ watch --ends --behind 1:1,2:1 --encoding hex --prefix 61
        put	612f32	74776f
        removed	612f31
        $ watch --behind 1
        ! error: SH2001 `1` is no position
        ! hint: Write them as they were printed: 3:17,4:9.
        exit 2
        $ watch --behind 1:9
        ! error: SH2231 9 is ahead of 3
        ! hint: Begin anew with the rows as they are (`initial_state`), and look for what was acknowledged and is gone.
        exit 4
        $ watch --behind 1:1 --initial
        ! error: the argument '--behind <POSITIONS>' cannot be used with '--initial'
        ! 
        ! Usage: statehouse watch --behind <POSITIONS> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ watch --prefix a --from b
        ! error: the argument '--prefix <KEY>' cannot be used with '--start <KEY>'
        ! 
        ! Usage: statehouse watch --prefix <KEY> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ watch -t missing
        ! error: SH2101 there is no table `missing`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
    "#]].assert_eq(&text);
}

#[test]
fn tails() {
    let session = eventful();
    let text = session.script(&[
        "tail 1 --ends --from 1",
        "tail 1 --ends --from 2 -o wide",
        "tail 2 --ends --from 2 -o json",
        "tail 2 --ends",
        "tail 2 --from 9",
        "tail 1 --from 0",
    ]);
    expect![[r#"
        $ tail 1 --ends --from 1
        put	a/1	one
        put	a/2	two
        removed	a/1
        $ tail 1 --ends --from 2 -o wide
        put	1:2	a/2	two
        removed	1:3	a/1
        $ tail 2 --ends --from 2 -o json
        {"at_ms":0,"index":2,"key":"é","kind":"put","partition":2,"value":""}
        {"index":2,"is_all":false,"kind":"mark","partition":2,"positions":"2:2"}
        {"index":2,"is_all":true,"kind":"mark","partition":2,"positions":"2:2"}
        $ tail 2 --ends
        $ tail 2 --from 9
        ! it goes on with --behind 2:8
        ! error: SH2231 8 is ahead of 2
        ! hint: Begin anew with the rows as they are (`initial_state`), and look for what was acknowledged and is gone.
        exit 4
        $ tail 1 --from 0
        ! error: invalid value '0' for '--from <INDEX>': 0 is not in 1..18446744073709551615
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
}

#[test]
fn ends_say_where_to_go_on() {
    let session = eventful();
    session.fake.history().given_up = 2;
    let breaks = || {
        let failure = Failure::new(code::PARTITION_FAILED, "as planned");
        session.fake.plan().cut_follow.push_back((2, failure));
    };
    breaks();
    let mut text = session.script(&["watch --behind 1:2,2:2"]);
    breaks();
    text += &session.script(&["tail 1 --from 3"]);
    text += &session.script(&["watch --behind 1:1,2:2", "tail 1 --from 1 -o json"]);
    expect![[r#"
        $ watch --behind 1:2,2:2
        removed	a/1
        ! it goes on with --behind 1:3,2:2
        ! error: SH2205 as planned
        ! hint: `statehouse partition ls` and the node's log tell why; the hint names the cause.
        exit 3
        $ tail 1 --from 3
        removed	a/1
        ! it goes on with --behind 1:3
        ! error: SH2205 as planned
        ! hint: `statehouse partition ls` and the node's log tell why; the hint names the cause.
        exit 3
        $ watch --behind 1:1,2:2
        ! error: SH2230 no longer kept
        ! hint: Begin anew with the rows as they are (`initial_state`), or with the first index that is kept, which the error names. Keep events longer with `limits.binlog-bytes-max` and `limits.binlog-age-ms-max`.
        exit 4
        $ tail 1 --from 1 -o json
        ! {"error":{"code":"SH2230","hint":"Begin anew with the rows as they are (`initial_state`), or with the first index that is kept, which the error names. Keep events longer with `limits.binlog-bytes-max` and `limits.binlog-age-ms-max`.","message":"no longer kept","retry":"never"}}
        exit 4
    "#]].assert_eq(&text);
}

#[test]
fn rows_that_last_for_a_while() {
    let text = Session::start().script(&[
        "put session me --ttl 10s",
        "get session -o wide",
        "get session -o json",
        "touch session nobody --ttl 2h",
        "get session -o wide",
        "touch session --for-ever",
        "get session -o wide",
        "touch session --ttl 7d -o json",
        "touch session",
        "touch session --ttl 1s --for-ever",
        "put session me --ttl 0s",
    ]);
    expect![[r#"
        $ put session me --ttl 10s
        revision 1
        $ get session -o wide
        me
        ! revision 1  partition 1  durability local  expires 2026-11-22T00:00:10.000Z
        $ get session -o json
        {"expires_ms":1795305610000,"found":true,"key":"session","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":1,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAABAAAAAAAAABILP1A="},"revision":1,"value":"me"}
        $ touch session nobody --ttl 2h
        touched: session
        ! not found: nobody in table kv
        exit 1
        $ get session -o wide
        me
        ! revision 1  partition 1  durability local  expires 2026-11-22T02:00:00.000Z
        $ touch session --for-ever
        touched: session
        $ get session -o wide
        me
        ! revision 1  partition 1  durability local
        $ touch session --ttl 7d -o json
        {"results":[{"found":true,"key":"session","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":4,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAGkofeM="},"revision":4}]}
        $ touch session
        ! error: the following required arguments were not provided:
        !   <--ttl <TIME>|--for-ever>
        ! 
        ! Usage: statehouse touch --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <--ttl <TIME>|--for-ever> <KEY>...
        ! 
        ! For more information, try '--help'.
        exit 2
        $ touch session --ttl 1s --for-ever
        ! error: the argument '--ttl <TIME>' cannot be used with '--for-ever'
        ! 
        ! Usage: statehouse touch --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <--ttl <TIME>|--for-ever> <KEY>...
        ! 
        ! For more information, try '--help'.
        exit 2
        $ put session me --ttl 0s
        ! error: invalid value '0s' for '--ttl <TIME>': no time at all is too little
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
}
