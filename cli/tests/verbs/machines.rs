//! Output of commands and questions to machines, word for word.

use crate::session::Session;
use expect_test::expect;

#[test]
fn counters() {
    let text = Session::start().script(&[
        "apply counter add hits 3 -t c",
        "apply counter add hits -1 -t c -o wide",
        "apply counter add hits 2 --most 4 -t c -o json",
        "apply counter add hits 1 --most 4 -t c",
        "query counter hits -t c",
        "query counter hits -t c -o json",
        "query lease hits -t c",
        "apply counter add hits 1",
        "apply counter add hits many -t c",
    ]);
    expect![[r#"
        $ apply counter add hits 3 -t c
        3
        $ apply counter add hits -1 -t c -o wide
        2  reserved 0  revision 1
        $ apply counter add hits 2 --most 4 -t c -o json
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":0,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAL0+0vI="},"reserved":0,"revision":1,"value":4}
        $ apply counter add hits 1 --most 4 -t c
        ! error: SH2220 the counter is at 4
        ! hint: Free something or raise the limit; the message says how the counter stands.
        exit 1
        $ query counter hits -t c
        4
        $ query counter hits -t c -o json
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":0,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAL0+0vI="},"reserved":0,"revision":0,"value":4}
        $ query lease hits -t c
        ! error: SH2212 the table's machine is another
        ! hint: `statehouse table ls` names it: rows of `kv` are written by Upsert and Remove, all others by Apply.
        exit 2
        $ apply counter add hits 1
        ! error: the following required arguments were not provided:
        !   --table <NAME>
        ! 
        ! Usage: statehouse apply counter add --table <NAME> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY> <AMOUNT>
        ! 
        ! For more information, try '--help'.
        exit 2
        $ apply counter add hits many -t c
        ! error: invalid value 'many' for '<AMOUNT>': invalid digit found in string
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
}

#[test]
fn leases() {
    let text = Session::start().script(&[
        "apply lease acquire leader me --ttl 10s -t l",
        "apply lease acquire leader you --ttl 10s -t l",
        "apply lease renew leader 1 --ttl 1m -t l -o json",
        "apply lease renew leader 2 --ttl 1m -t l",
        "query lease leader -t l",
        "apply lease release leader 1 -t l",
        "query lease leader -t l",
        "query lease leader -t l -o json",
        "apply lease acquire leader you -t l",
    ]);
    expect![[r#"
        $ apply lease acquire leader me --ttl 10s -t l
        token 1  holder me  for 10000 ms
        $ apply lease acquire leader you --ttl 10s -t l
        ! error: SH2225 somebody else holds it
        ! hint: Try again when it has expired; the message says when that is and who holds it.
        exit 4
        $ apply lease renew leader 1 --ttl 1m -t l -o json
        {"held":true,"holder":"me","receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":0,"partition":2,"stale":false,"token":"AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB+HLGs="},"remaining_ms":60000,"token":1}
        $ apply lease renew leader 2 --ttl 1m -t l
        ! error: SH2226 the token is that of a former holder
        ! hint: Stop what was done under it, and acquire it anew.
        exit 4
        $ query lease leader -t l
        token 1  holder me  for 60000 ms
        $ apply lease release leader 1 -t l
        released
        $ query lease leader -t l
        ! nobody holds it
        exit 1
        $ query lease leader -t l -o json
        {"held":false}
        exit 1
        $ apply lease acquire leader you -t l
        ! error: the following required arguments were not provided:
        !   --ttl <TIME>
        ! 
        ! Usage: statehouse apply lease acquire --table <NAME> --ttl <TIME> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY> <HOLDER>
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
}

#[test]
fn others() {
    let text = Session::start().script(&[
        "apply raw poll yes -t p",
        "apply raw poll yes -t p -o wide",
        "apply raw poll yes -t p -o json",
        "apply raw 6b ff --encoding hex -t p",
        "query raw poll how -t p",
        "query raw poll how -t p -o json",
        "query counter poll -t p",
        "apply raw poll -t p",
    ]);
    expect![[r#"
        $ apply raw poll yes -t p
        yes
        $ apply raw poll yes -t p -o wide
        yes
        ! revision 1
        $ apply raw poll yes -t p -o json
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":0,"partition":2,"stale":false,"token":"AQIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB+HLGs="},"reply":"yes","revision":1}
        $ apply raw 6b ff --encoding hex -t p
        ff
        $ query raw poll how -t p
        how
        $ query raw poll how -t p -o json
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":0,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAL0+0vI="},"reply":"how"}
        $ query counter poll -t p
        ! error: SH2212 the table's machine is another
        ! hint: `statehouse table ls` names it: rows of `kv` are written by Upsert and Remove, all others by Apply.
        exit 2
        $ apply raw poll -t p
        ! error: the following required arguments were not provided:
        !   <BODY>
        ! 
        ! Usage: statehouse apply raw --table <NAME> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY> <BODY>
        ! 
        ! For more information, try '--help'.
        exit 2
    "#]].assert_eq(&text);
}
