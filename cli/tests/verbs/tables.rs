//! Tables as wholes, word for word.

use crate::session::Session;
use expect_test::expect;

#[test]
fn tables() {
    let text = Session::start().script(&[
        "table create t1 --partitions 2",
        "table create t1",
        "table create t2 --layout ordered --store memory --log none --durability memory -o json",
        "table create t3 --layout round",
        "table check t4 --log local(every) --store memory",
        "table check t4 --log none --durability memory -o json",
        "table check t1",
        "table create t4 --preset slow",
        "table ls",
        "table ls -o wide",
        "table ls -o json",
        "table show t1",
        "table show t2 -o json",
        "table show t2 -o wide",
        "table show t9",
        "table rm t1 --only-empty",
        "table rm t1",
        "table rm t2 -o json",
        "table rm t2",
        "table ls --dropped",
        "table ls --dropped -o json",
        "table undrop t1 --as t3",
        "table undrop t2 -o json",
        "table undrop t2",
        "table show t3",
        "table ls --dropped",
    ]);
    expect![[r#"
        $ table create t1 --partitions 2
        created: table t1 with partitions 1, 2
        rows in rocksdb, log local; an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ table create t1
        ! error: SH2106 there is a table `t1` already
        ! hint: Choose another name, or use the table that is there.
        exit 4
        $ table create t2 --layout ordered --store memory --log none --durability memory -o json
        {"partitions":[3],"table":{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}}
        $ table create t3 --layout round
        ! error: invalid value 'round' for '--layout <LAYOUT>'
        !   [possible values: hashed, ordered]
        ! 
        ! For more information, try '--help'.
        exit 2
        $ table check t4 --log local(every) --store memory
        would be made: table t4
        rows in memory, log local(every); an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ table check t4 --log none --durability memory -o json
        {"partitions":[],"table":{"layout":"hashed","machine":"kv","name":"t4","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"rocksdb"}}}
        $ table check t1
        ! error: SH2106 there is a table `t1` already
        ! hint: Choose another name, or use the table that is there.
        exit 4
        $ table create t4 --preset slow
        ! error: invalid value 'slow' for '--preset <PRESET>'
        !   [possible values: durable, replicated, fast, managed-disk, counter]
        ! 
        ! For more information, try '--help'.
        exit 2
        $ table ls
        NAME  LAYOUT   MACHINE  STORE    LOG    DURABILITY
        kv
        t1    hashed   kv       rocksdb  local  local
        t2    ordered  kv       memory   none   memory
        $ table ls -o wide
        NAMESPACE  NAME  LAYOUT   MACHINE  STORE    LOG    DURABILITY  DISPATCHER  BINLOG  REPLICATION
        default    kv
        default    t1    hashed   kv       rocksdb  local  local                   on      none
        default    t2    ordered  kv       memory   none   memory                  on      none
        $ table ls -o json
        {"tables":[{"layout":"","machine":"","name":"kv","namespace":"default","profile":{"binlog":"","dispatcher":"","durability":"","log":"","replication":"","store":""}},{"layout":"hashed","machine":"kv","name":"t1","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"local","log":"local","replication":"none","store":"rocksdb"}},{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}]}
        $ table show t1
        table        t1
        namespace    default
        layout       hashed
        machine      kv
        store        rocksdb
        log          local
        durability   local
        answers      outlive the process and a power loss, not the disk
        binlog       on
        replication  none

        ID  TABLE  START  END  STATE    EPOCH  APPLIED  REASON
        1   t1     -      -    serving  1.0    0
        2   t1     -      -    serving  1.0    0
        $ table show t2 -o json
        {"partitions":[{"applied":0,"end":"","epoch":{"generation":1,"term":0},"id":3,"namespace":"default","node":1,"reason":"","request_bytes":0,"requests":0,"role":"owner","start":"","state":"serving","table":"t2"}],"table":{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}}
        $ table show t2 -o wide
        table        t2
        namespace    default
        layout       ordered
        machine      kv
        store        memory
        log          none
        durability   memory
        answers      are lost when the process ends
        binlog       on
        replication  none
        dispatcher

        ID  NAMESPACE  TABLE  START  END  ROLE   STATE    EPOCH  APPLIED  REQUESTS  BYTES  NODE  REASON
        3   default    t2     -      -    owner  serving  1.0    0        0         0      1
        $ table show t9
        ! error: SH2101 there is no table `t9`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ table rm t1 --only-empty
        ! error: SH2112 table `t1` has 2 partitions
        ! hint: Drop it together with them, or remove them first; either way their data stays for now.
        exit 4
        $ table rm t1
        removed: table t1
        in quarantine: partitions 1, 2
        kept for 7 d 0 h: `statehouse table undrop t1` brings it back
        $ table rm t2 -o json
        {"dropped":{"drop":12,"dropped_ms":1700000000000,"erased":[],"left_ms":604800000,"partitions":[3],"table":{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}},"partitions":[3],"removed":"t2"}
        $ table rm t2
        ! error: SH2101 there is no table `t2`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ table ls --dropped
        DROP  NAMESPACE  NAME  PARTITIONS  ERASED  KEPT FOR
        11    default    t1    1, 2        none    7 d 0 h
        12    default    t2    3           none    7 d 0 h
        $ table ls --dropped -o json
        {"dropped":[{"drop":11,"dropped_ms":1700000000000,"erased":[],"left_ms":604800000,"partitions":[1,2],"table":{"layout":"hashed","machine":"kv","name":"t1","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"local","log":"local","replication":"none","store":"rocksdb"}}},{"drop":12,"dropped_ms":1700000000000,"erased":[],"left_ms":604800000,"partitions":[3],"table":{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}}]}
        $ table undrop t1 --as t3
        back: table t3 with partitions 1, 2
        $ table undrop t2 -o json
        {"partitions":[3],"table":{"layout":"ordered","machine":"kv","name":"t2","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"memory","log":"none","replication":"none","store":"memory"}}}
        $ table undrop t2
        ! error: SH2114 no dropped table `t2` is kept
        ! hint: `statehouse table ls --dropped` lists those that can be brought back.
        exit 1
        $ table show t3
        table        t3
        namespace    default
        layout       hashed
        machine      kv
        store        rocksdb
        log          local
        durability   local
        answers      outlive the process and a power loss, not the disk
        binlog       on
        replication  none

        ID  TABLE  START  END  STATE    EPOCH  APPLIED  REASON
        1   t3     -      -    serving  2.0    0
        2   t3     -      -    serving  2.0    0
        $ table ls --dropped
        DROP  NAMESPACE  NAME  PARTITIONS  ERASED  KEPT FOR
    "#]].assert_eq(&text);
}

#[test]
fn changes_of_tables() {
    let text = Session::start().script(&[
        "table create t1 --partitions 2",
        "table alter t1 --rename t2",
        "table alter t1 --rename t3",
        "table alter t2 --rename kv",
        "table alter t2 --rename t1 -o json",
        "table alter t1 --durability memory",
        "table alter t1",
        "table copy t1 t4",
        "table copy t1 t4",
        "table copy t1 t5 -o json",
        "table create t1 --partitions 1 --namespace other",
        "table ls --namespace other",
        "table ls --all-namespaces",
        "partition ls --all-namespaces",
    ]);
    expect![[r#"
        $ table create t1 --partitions 2
        created: table t1 with partitions 1, 2
        rows in rocksdb, log local; an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ table alter t1 --rename t2
        renamed: table t1 to t2
        $ table alter t1 --rename t3
        ! error: SH2101 there is no table `t1`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ table alter t2 --rename kv
        ! error: SH2106 there is a table `kv` already
        ! hint: Choose another name, or use the table that is there.
        exit 4
        $ table alter t2 --rename t1 -o json
        {"table":{"layout":"hashed","machine":"kv","name":"t1","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"local","log":"local","replication":"none","store":"rocksdb"}}}
        $ table alter t1 --durability memory
        ! error: SH2117 as planned
        ! hint: Make a table with the other choice, write the rows there, and rename both.
        exit 2
        $ table alter t1
        ! error: the following required arguments were not provided:
        !   <--rename <NAME>|--store <STORE>|--log <LOG>|--durability <DURABILITY>|--binlog <BINLOG>|--replication <REPLICATION>>
        ! 
        ! Usage: statehouse table alter --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <--rename <NAME>|--store <STORE>|--log <LOG>|--durability <DURABILITY>|--binlog <BINLOG>|--replication <REPLICATION>> <NAME>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ table copy t1 t4
        copied: table t1 to t4
        partition 3: the rows of 1 at index 0
        partition 4: the rows of 2 at index 0
        $ table copy t1 t4
        ! error: SH2106 there is a table `t4` already
        ! hint: Choose another name, or use the table that is there.
        exit 4
        $ table copy t1 t5 -o json
        {"partitions":[{"applied":0,"id":5,"source":1},{"applied":0,"id":6,"source":2}],"table":{"layout":"hashed","machine":"kv","name":"t5","namespace":"default","profile":{"binlog":"on","dispatcher":"","durability":"local","log":"local","replication":"none","store":"rocksdb"}}}
        $ table create t1 --partitions 1 --namespace other
        created: table t1 with partitions 7
        rows in rocksdb, log local; an answer is worth `local`: what was answered survives kill -9 and power loss, though not the loss of its disk
        $ table ls --namespace other
        NAME  LAYOUT  MACHINE  STORE    LOG    DURABILITY
        t1    hashed  kv       rocksdb  local  local
        $ table ls --all-namespaces
        NAMESPACE  NAME  LAYOUT  MACHINE  STORE    LOG    DURABILITY  DISPATCHER  BINLOG  REPLICATION
        default    kv
        default    t1    hashed  kv       rocksdb  local  local                   on      none
        default    t4    hashed  kv       rocksdb  local  local                   on      none
        default    t5    hashed  kv       rocksdb  local  local                   on      none
        other      t1    hashed  kv       rocksdb  local  local                   on      none
        $ partition ls --all-namespaces
        ID  NAMESPACE  TABLE  START  END  ROLE   STATE    EPOCH  APPLIED  REQUESTS  BYTES  NODE  REASON
        1   default    t1     -      -    owner  serving  1.0    0        0         0      1
        2   default    t1     -      -    owner  serving  1.0    0        0         0      1
        3   default    t4     -      -    owner  serving  1.0    0        0         0      1
        4   default    t4     -      -    owner  serving  1.0    0        0         0      1
        5   default    t5     -      -    owner  serving  1.0    0        0         0      1
        6   default    t5     -      -    owner  serving  1.0    0        0         0      1
        7   other      t1     -      -    owner  serving  1.0    0        0         0      1
    "#]].assert_eq(&text);
}
