//! Output and exit codes, word for word.

use crate::session::{CommandLine, Session};
use clap::CommandFactory;
use expect_test::expect;
use model::code;

#[test]
fn the_definition_holds_together() {
    CommandLine::command().debug_assert();
}

#[test]
fn rows() {
    let text = Session::start().script(&[
        "put hello world",
        "get hello",
        "get hello -o json",
        "get hello -o wide",
        "get hello --token nonsense",
        "get hello --min-durability eternal",
        "put hello again -o json",
        "put hello third -o wide",
        "get nobody",
        "get nobody -o json",
        "put hello first --if-absent",
        "put hello fourth --if-revision 3",
        "put nobody x --if-present",
        "put hello x --if-present --if-absent",
        "rm hello --if-revision 3",
        "rm hello nobody --if-present",
        "rm hello nobody",
        "rm hello -o json",
        "get hello -t missing",
        "get hello -t missing -o json",
    ]);
    expect![[r#"
        $ put hello world
        revision 1
        $ get hello
        world
        $ get hello -o json
        {"found":true,"key":"hello","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":1,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAABAAAAAAAAABILP1A="},"revision":1,"value":"world"}
        $ get hello -o wide
        world
        ! revision 1  partition 1  durability local
        $ get hello --token nonsense
        ! error: the token cannot be read: the token has version 158, this build knows 1
        ! hint: Take a token as it stands in a receipt: `statehouse put ... -o json | jq -r .receipt.token`.
        exit 2
        $ get hello --min-durability eternal
        ! error: invalid value 'eternal' for '--min-durability <DURABILITY>': durability `eternal` is unknown; choose `memory`, `os`, `local`, `quorum` or `remote`
        ! 
        ! For more information, try '--help'.
        exit 2
        $ put hello again -o json
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":2,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAACAAAAAAAAAKgchns="},"revision":2}
        $ put hello third -o wide
        revision 3  partition 1  epoch 1.0  durability local
        $ get nobody
        ! not found: nobody in table kv
        exit 1
        $ get nobody -o json
        {"found":false,"key":"nobody"}
        exit 1
        $ put hello first --if-absent
        ! error: SH2210 the condition does not hold
        ! hint: Read the row and decide anew: the error says which revision it has.
        exit 1
        $ put hello fourth --if-revision 3
        revision 4
        $ put nobody x --if-present
        ! error: SH2210 the condition does not hold
        ! hint: Read the row and decide anew: the error says which revision it has.
        exit 1
        $ put hello x --if-present --if-absent
        ! error: the argument '--if-present' cannot be used with '--if-absent'
        ! 
        ! Usage: statehouse put --if-present --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY> <VALUE>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ rm hello --if-revision 3
        ! not removed: hello
        ! error: SH2210 the condition does not hold
        ! hint: Read the row and decide anew: the error says which revision it has.
        exit 1
        $ rm hello nobody --if-present
        ! error: a condition is about one row
        ! hint: Remove the rows one by one.
        exit 2
        $ rm hello nobody
        removed: hello
        ! not found: nobody in table kv
        exit 1
        $ rm hello -o json
        {"results":[{"found":false,"key":"hello","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":6,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAAGAAAAAAAAAIQHRTw="},"revision":6}]}
        exit 1
        $ get hello -t missing
        ! error: SH2101 there is no table `missing`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ get hello -t missing -o json
        ! {"error":{"code":"SH2101","hint":"List the tables with `statehouse table ls`, or make it with `statehouse table create`.","message":"there is no table `missing`","retry":"never"}}
        exit 1
    "#]].assert_eq(&text);
}

#[test]
fn partitions() {
    let text = Session::start().script(&[
        "table create h --partitions 1",
        "table create o --layout ordered",
        "partition add -t h --start 8000000000000000 --end 0xc000000000000000",
        "partition add -t h --start 80",
        "partition add -t h --start wxyz",
        "partition add -t o --start apple --end 00ff --encoding hex",
        "partition add -t o --start m --id 9 -o json",
        "partition add -t none",
        "partition ls",
        "partition ls -t o -o wide",
        "partition ls -t h -o json",
        "partition ls -t none",
        "partition ls -t h --all-namespaces",
        "partition rm 1",
        "partition rm 77",
        "partition rm",
        "partition rm 3 -t h",
        "partition rm -t h --start 8000000000000000 --end c000000000000000",
        "partition rm -t o --all-within -o json",
        "partition erase 1",
        "partition erase 1 --yes",
        "partition erase 1 --yes",
        "partition ls",
    ]);
    expect![[r#"
        $ table create h --partitions 1
        created: table h with partitions 1
        rows in rocksdb, log local; an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ table create o --layout ordered
        created: table o with partitions 2
        rows in rocksdb, log local; an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ partition add -t h --start 8000000000000000 --end 0xc000000000000000
        added: partition 3
        $ partition add -t h --start 80
        ! error: `80` is no point of a hashed table
        ! hint: Write it as 16 hexadecimal digits: 8000000000000000.
        exit 2
        $ partition add -t h --start wxyz
        ! error: `wxyz` is no point of a hashed table
        ! hint: Write it as 16 hexadecimal digits: 8000000000000000.
        exit 2
        $ partition add -t o --start apple --end 00ff --encoding hex
        ! error: the key cannot be read: pairs of hexadecimal digits are expected
        ! hint: See --encoding.
        exit 2
        $ partition add -t o --start m --id 9 -o json
        {"id":9}
        $ partition add -t none
        ! error: SH2101 there is no table `none`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ partition ls
        ID  TABLE  START             END               STATE    EPOCH  APPLIED  REASON
        1   h      -                 -                 serving  1.0    0
        2   o      -                 -                 serving  1.0    0
        3   h      8000000000000000  c000000000000000  serving  1.0    0
        9   o      m                 -                 serving  1.0    0
        $ partition ls -t o -o wide
        ID  NAMESPACE  TABLE  START  END  ROLE   STATE    EPOCH  APPLIED  REQUESTS  BYTES  NODE  REASON
        2   default    o      -      -    owner  serving  1.0    0        0         0      1
        9   default    o      m      -    owner  serving  1.0    0        0         0      1
        $ partition ls -t h -o json
        {"partitions":[{"applied":0,"end":"","epoch":{"generation":1,"term":0},"id":1,"namespace":"default","node":1,"reason":"","request_bytes":0,"requests":0,"role":"owner","start":"","state":"serving","table":"h"},{"applied":0,"end":"c000000000000000","epoch":{"generation":1,"term":0},"id":3,"namespace":"default","node":1,"reason":"","request_bytes":0,"requests":0,"role":"owner","start":"8000000000000000","state":"serving","table":"h"}]}
        $ partition ls -t none
        ! error: SH2101 there is no table `none`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ partition ls -t h --all-namespaces
        ! error: the argument '--table <NAME>' cannot be used with '--all-namespaces'
        ! 
        ! Usage: statehouse partition ls --table <NAME> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ partition rm 1
        in quarantine: partitions 1
        $ partition rm 77
        ! error: SH2102 there is no such partition
        ! hint: List the partitions with `statehouse partition ls`; add one whose range covers the key.
        exit 1
        $ partition rm
        ! error: the following required arguments were not provided:
        !   <ID>
        ! 
        ! Usage: statehouse partition rm --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <ID>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ partition rm 3 -t h
        ! error: the argument '[ID]' cannot be used with '--table <NAME>'
        ! 
        ! Usage: statehouse partition rm --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <ID>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ partition rm -t h --start 8000000000000000 --end c000000000000000
        in quarantine: partitions 3
        $ partition rm -t o --all-within -o json
        {"ids":[2,9]}
        $ partition erase 1
        ! error: the following required arguments were not provided:
        !   --yes
        ! 
        ! Usage: statehouse partition erase --yes --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <ID>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ partition erase 1 --yes
        erased: partition 1
        $ partition erase 1 --yes
        ! error: SH2111 partition 1 is not in quarantine
        ! hint: Remove it first; its data stays until it is erased by name.
        exit 1
        $ partition ls
        ID  TABLE  START             END               STATE        EPOCH  APPLIED  REASON
        2   o      -                 -                 quarantined  1.0    0
        3   h      8000000000000000  c000000000000000  quarantined  1.0    0
        9   o      m                 -                 quarantined  1.0    0
    "#]].assert_eq(&text);
}

#[test]
fn status_and_codes() {
    let text = Session::start().script(&[
        "status",
        "status -o json",
        "status -o wide",
        "explain SH2101",
        "explain sh2203 -o json",
        "explain SH2199",
        "explain nonsense",
    ]);
    expect![[r#"
        $ status
        node        1 of cluster c1
        version     0.1.0
        up          1 h 2 min
        tables      1
        partitions  0 serving, 0 failed, 0 quarantined
        log         3.0 MiB
        $ status -o json
        {"boot":2,"cluster":"c1","log_bytes":3145728,"node":1,"partitions":{"failed":0,"quarantined":0,"serving":0},"tables":1,"uptime_s":3723,"version":"0.1.0","warnings":[]}
        $ status -o wide
        node        1 of cluster c1
        version     0.1.0
        up          1 h 2 min
        boot        2
        tables      1
        partitions  0 serving, 0 failed, 0 quarantined
        log         3.0 MiB
        $ explain SH2101
        SH2101  there is no such table

        What is safe:
          Nothing was changed.

        What to do:
          List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        $ explain sh2203 -o json
        {"code":"SH2203","next":"Read the rows concerned, or send the same request again under its op-id.","safe":"It was applied whole or not at all.","title":"it is not known whether the request was applied"}
        $ explain SH2199
        ! error: there is no code SH2199
        ! hint: the nearest is SH2119: the position token is of a history that this node does not know
        exit 1
        $ explain nonsense
        ! error: there is no code nonsense
        ! hint: `statehouse explain` lists all
        exit 1
    "#]].assert_eq(&text);
    let all = Session::start().run(&["explain".into()], b"");
    assert_eq!(String::from_utf8_lossy(&all.out).lines().count(), code::ALL.len() + 1);
}

#[test]
fn clusters() {
    let text = Session::start().script(&[
        "cluster init",
        "cluster status",
        "cluster status -o json",
        "cluster status -o wide",
        "node ls",
        "node ls -o json",
    ]);
    expect![[r#"
        $ cluster init
        cluster  c1
        verdict  can lose 0 nodes without losing availability, 0 nodes without losing data; 1 away now

        NODE  STATE  DATA     REPLICAS  LEADS  KEEPS
        1     ready  n1:7400  2         2      catalog
        2     ready  n2:7400  2         1      catalog
        3     away   n3:7400  2         0      catalog
        $ cluster status
        cluster  c1
        verdict  can lose 0 nodes without losing availability, 0 nodes without losing data; 1 away now

        NODE  STATE  DATA     REPLICAS  LEADS  KEEPS
        1     ready  n1:7400  2         2      catalog
        2     ready  n2:7400  2         1      catalog
        3     away   n3:7400  2         0      catalog
        $ cluster status -o json
        {"cluster":"c1","may_be_lost":0,"may_go":0,"nodes":[{"data":"n1:7400","disk":"00000000000000000000000000000001","keeps_catalog":true,"leads":2,"node":1,"peers":"n1:7402","replicas":2,"there":true,"undone":0,"version":12},{"data":"n2:7400","disk":"00000000000000000000000000000002","keeps_catalog":true,"leads":1,"node":2,"peers":"n2:7402","replicas":2,"there":true,"undone":0,"version":12},{"data":"n3:7400","disk":"00000000000000000000000000000003","keeps_catalog":true,"leads":0,"node":3,"peers":"n3:7402","replicas":2,"there":false,"undone":0,"version":12}],"seen_by":1,"verdict":"can lose 0 nodes without losing availability, 0 nodes without losing data; 1 away now","version":12,"without_quorum":0}
        $ cluster status -o wide
        cluster  c1
        verdict  can lose 0 nodes without losing availability, 0 nodes without losing data; 1 away now

        NODE  STATE  DATA     REPLICAS  LEADS  KEEPS    PEERS    VERSION  DISK
        1     ready  n1:7400  2         2      catalog  n1:7402  12       00000000000000000000000000000001
        2     ready  n2:7400  2         1      catalog  n2:7402  12       00000000000000000000000000000002
        3     away   n3:7400  2         0      catalog  n3:7402  12       00000000000000000000000000000003
        $ node ls
        NODE  STATE  DATA     REPLICAS  LEADS  KEEPS
        1     ready  n1:7400  2         2      catalog
        2     ready  n2:7400  2         1      catalog
        3     away   n3:7400  2         0      catalog
        $ node ls -o json
        {"data":"n1:7400","disk":"00000000000000000000000000000001","keeps_catalog":true,"leads":2,"node":1,"peers":"n1:7402","replicas":2,"there":true,"undone":0,"version":12}
        {"data":"n2:7400","disk":"00000000000000000000000000000002","keeps_catalog":true,"leads":1,"node":2,"peers":"n2:7402","replicas":2,"there":true,"undone":0,"version":12}
        {"data":"n3:7400","disk":"00000000000000000000000000000003","keeps_catalog":true,"leads":0,"node":3,"peers":"n3:7402","replicas":2,"there":false,"undone":0,"version":12}
    "#]].assert_eq(&text);
}
