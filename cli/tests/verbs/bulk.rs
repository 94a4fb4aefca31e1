//! Many rows at once: ranges removed, exports and imports.
#![allow(clippy::disallowed_methods, reason = "files of a test")]

use crate::session::{Ended, Session};
use expect_test::expect;
use model::code;
use proto::Failure;
use std::ffi::OsString;

fn words(line: &str) -> Vec<OsString> {
    line.split(' ').map(OsString::from).collect()
}

/// A server with rows `a/1` to `c/1`.
fn filled() -> Session {
    let session = Session::start();
    for key in ["a/1", "a/2", "b/1", "b/2", "c/1"] {
        assert_eq!(session.run(&words(&format!("put {key} {key}")), b"").exit, 0);
    }
    session
}

fn keys(session: &Session) -> Vec<String> {
    let rows = session.fake.rows().all("", "kv");
    rows.into_iter().map(|(key, ..)| String::from_utf8_lossy(&key).into_owned()).collect()
}

/// What it said in words, and the exit code.
fn told(Ended { exit, out, err }: Ended) -> String {
    format!("{}{err}exit {exit}\n", String::from_utf8(out).expect("text"))
}

#[test]
fn ranges_are_removed_when_that_is_meant() {
    let session = filled();
    let text = session.script(&[
        "rm --prefix b/",
        "rm --prefix b/ --yes",
        "rm --from a/2 --to b --yes -o json",
        "rm --start x --yes",
        "rm --start b --end a --yes",
        "rm --prefix= --yes",
        "rm --start= --yes",
        "rm --all --if-present --yes",
        "rm --all a/1",
        "rm --prefix a --start b",
        "rm",
        "rm --all --yes -t missing",
        "rm --all --yes",
    ]);
    expect![[r#"
        $ rm --prefix b/
        ! remove all rows of table kv whose keys begin with b/? [y/N] nothing was removed
        exit 1
        $ rm --prefix b/ --yes
        removed: 2 rows
        $ rm --from a/2 --to b --yes -o json
        {"removed":1}
        $ rm --start x --yes
        removed: 0 rows
        $ rm --start b --end a --yes
        ! error: SH2109 the range's `end` is not behind its `start`
        ! hint: Give a start below the end; an absent end means no end.
        exit 2
        $ rm --prefix= --yes
        ! error: --prefix that names no key is everything
        ! hint: If that is meant, say --all.
        exit 2
        $ rm --start= --yes
        ! error: a range that names no key is everything
        ! hint: If that is meant, say --all.
        exit 2
        $ rm --all --if-present --yes
        ! error: a condition is about one row
        ! hint: Remove the rows one by one.
        exit 2
        $ rm --all a/1
        ! error: the argument '--all' cannot be used with '[KEY]...'
        ! 
        ! Usage: statehouse rm --all --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> [KEY]...
        ! 
        ! For more information, try '--help'.
        exit 2
        $ rm --prefix a --start b
        ! error: the argument '--prefix <KEY>' cannot be used with '--start <KEY>'
        ! 
        ! Usage: statehouse rm --prefix <KEY> --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> [KEY]...
        ! 
        ! For more information, try '--help'.
        exit 2
        $ rm
        ! error: the following required arguments were not provided:
        !   <KEY>...
        ! 
        ! Usage: statehouse rm --endpoint <HOST:PORT> --control-endpoint <HOST:PORT> <KEY>...
        ! 
        ! For more information, try '--help'.
        exit 2
        $ rm --all --yes -t missing
        ! error: SH2101 there is no table `missing`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        $ rm --all --yes
        removed: 2 rows
    "#]]
    .assert_eq(&text);
    assert_eq!(keys(&session), [""; 0]);
}

#[test]
fn a_person_is_asked_and_a_script_has_to_say_so() {
    let session = filled();
    for (answer, left) in [("", 5), ("no\n", 5), ("yep\n", 5), ("y\n", 3), ("yes", 3)] {
        session.run(&words("rm --prefix a/"), answer.as_bytes());
        assert_eq!(keys(&session).len(), left, "{answer:?}");
    }
    let asked = session.run(&words("rm --start b --end c"), b"Y\n");
    expect![[r#"
        removed: 2 rows
        remove all rows of table kv from b on before c? [y/N] exit 0
    "#]]
    .assert_eq(&told(asked));
    let session = Session { terminal: false, ..session };
    expect![[r#"
        error: all rows of table kv are to go, and nobody can be asked whether that is meant
        hint: Say so with --yes.
        exit 2
    "#]]
    .assert_eq(&told(session.run(&words("rm --all"), b"y\n")));
    assert_eq!(keys(&session), ["c/1"]);
}

#[test]
fn what_has_gone_before_an_error_is_told() {
    let session = filled();
    session.fake.plan().refusals.push_back(Failure::new(code::PARTITION_FAILED, "as planned"));
    expect![[r#"
        $ rm --all --yes
        ! error: SH2205 as planned
        ! hint: `statehouse partition ls` and the node's log tell why; the hint names the cause.
        exit 3
        $ rm --all --yes -o json
        {"removed":5}
    "#]]
    .assert_eq(&session.script(&["rm --all --yes", "rm --all --yes -o json"]));
}

#[test]
fn an_export_says_what_it_is_and_that_it_is_whole() {
    let session = filled();
    assert_eq!(session.run(&words("put --encoding hex 00ff ff"), b"").exit, 0);
    let dir = tempfile::tempdir().expect("a scratch directory");
    let path = dir.path().join("rows.jsonl");
    let file = format!("--file {}", path.display());
    let lines = ["export", "export --start a/2 --end b/2", "export --prefix x", "export -t missing"];
    let text = session.script(&lines);
    expect![[r#"
        $ export
        {"layout":"ordered","namespace":"default","statehouse_rows":1,"table":"kv"}
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":4,"partition":2,"stale":false,"token":"AQIAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAGl2OYA="}}
        {"key_base64":"AP8=","revision":4,"value_base64":"/w=="}
        {"key":"a/1","revision":1,"value":"a/1"}
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":2,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAACAAAAAAAAAKgchns="}}
        {"key":"a/2","revision":1,"value":"a/2"}
        {"key":"b/1","revision":2,"value":"b/1"}
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":4,"partition":2,"stale":false,"token":"AQIAAAAAAAAAAAAAAAAAAAAEAAAAAAAAAGl2OYA="}}
        {"key":"b/2","revision":2,"value":"b/2"}
        {"key":"c/1","revision":3,"value":"c/1"}
        {"end":{"rows":6}}
        ! exported: 6 rows
        $ export --start a/2 --end b/2
        {"layout":"ordered","namespace":"default","statehouse_rows":1,"table":"kv"}
        {"receipt":{"age_ms":0,"durability":"local","epoch":{"generation":1,"term":0},"index":2,"partition":1,"stale":false,"token":"AQEAAAAAAAAAAAAAAAAAAAACAAAAAAAAAKgchns="}}
        {"key":"a/2","revision":1,"value":"a/2"}
        {"key":"b/1","revision":2,"value":"b/1"}
        {"end":{"rows":2}}
        ! exported: 2 rows
        $ export --prefix x
        {"layout":"ordered","namespace":"default","statehouse_rows":1,"table":"kv"}
        {"end":{"rows":0}}
        ! exported: 0 rows
        $ export -t missing
        ! error: SH2101 there is no table `missing`
        ! hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
    "#]].assert_eq(&text);
    assert_eq!(told(session.run(&words(&format!("export {file}")), b"")), "exported: 6 rows\nexit 0\n");
    let json = session.run(&words(&format!("export {file} -o json")), b"");
    assert_eq!(String::from_utf8_lossy(&json.out), "{\"bytes\":33,\"rows\":6}\n");
    let written = std::fs::read_to_string(&path).expect("it has its name");
    // One that breaks leaves the one before.
    session.fake.plan().cut_scan.push_back((2, Failure::new(code::PARTITION_FAILED, "as planned")));
    assert_eq!(session.run(&words(&format!("export {file}")), b"").exit, 3);
    assert_eq!(std::fs::read_to_string(&path).expect("there"), written);
    assert_eq!(std::fs::read_dir(dir.path()).expect("our own").count(), 1);
    // What was exported comes back.
    assert_eq!(session.run(&words("rm --all --yes"), b"").exit, 0);
    assert_eq!(told(session.run(&words(&format!("import {file}")), b"")), "loaded: 6 rows\nexit 0\n");
    assert_eq!(session.run(&words("get --encoding hex 00ff"), b"").out, b"ff\n");
    assert_eq!(keys(&session).len(), 6);
    // And so does what a scan prints.
    let scanned = session.run(&words("scan -o json"), b"").out;
    assert_eq!(session.run(&words("rm --all --yes"), b"").exit, 0);
    assert_eq!(told(session.run(&words("import"), &scanned)), "loaded: 6 rows\nexit 0\n");
    assert_eq!(session.run(&words("get --encoding hex 00ff"), b"").out, b"ff\n");
}

#[test]
fn whatever_ends_an_import_the_rows_before_are_there() {
    let header = r#"{"statehouse_rows":1,"layout":"ordered"}"#;
    let row = |key: &str| format!(r#"{{"key":"{key}","value":"v"}}"#);
    let (a, b, c) = (row("a"), row("b"), row("c"));
    let end = |rows: u64| format!(r#"{{"end":{{"rows":{rows}}}}}"#);
    let cases: Vec<(&str, Vec<&str>, &str)> = vec![
        ("plain", vec![&a, "", &b, &c], ""),
        ("one's own, cut in a line", vec![&a, &b[..9]], ""),
        ("out of order", vec![&a, &c, &b], ""),
        ("twice", vec![&a, &b, &b], ""),
        ("whole", vec![header, &a, &b], "2"),
        ("cut", vec![header, &a, &b], ""),
        ("a row is missing", vec![header, &a, &b], "3"),
        ("another behind it", vec![&a, header, &b], ""),
        ("nothing", vec![], ""),
        ("an empty key", vec![r#"{"key":"","value":"v"}"#], ""),
        ("another format", vec![r#"{"statehouse_rows":2}"#, &a], ""),
    ];
    let mut text = String::new();
    for (name, lines, rows) in cases {
        let session = Session::start();
        let end = rows.parse().map(end).unwrap_or_default();
        let input = [lines.join("\n"), end].join("\n");
        let ended = session.run(&words("import"), input.as_bytes());
        text += &format!("# {name}: {}\n{}", keys(&session).join(" "), told(ended));
    }
    expect![[r#"
        # plain: a b c
        loaded: 3 rows
        exit 0
        # one's own, cut in a line: a
        loaded: 1 rows
        loaded up to a; go on with --encoding raw --resume-after='a'
        error: SH2404 line 2: it is no JSON: EOF while parsing a string at column 9
        hint: The message names the line: correct it, or export again, then go on with `--resume-after KEY`.
        exit 2
        # out of order: a c
        loaded: 2 rows
        error: SH2403 line 3: row 3 of this load: its key `b` is not behind the key `c` of the row before
        hint: Sort the rows by the bytes of their keys, each key once, and load all of them again: one that was passed over lies before those that are there.
        exit 2
        # twice: a b
        loaded: 2 rows
        error: SH2403 line 3: row 3 of this load: its key `b` is the key `b` of the row before
        hint: Sort the rows by the bytes of their keys, each key once, and load all of them again: one that was passed over lies before those that are there.
        exit 2
        # whole: a b
        loaded: 2 rows
        exit 0
        # cut: a b
        loaded: 2 rows
        loaded up to b; go on with --encoding raw --resume-after='b'
        error: SH2404 line 3: the export ends here, and its last line is missing: it is cut
        hint: The message names the line: correct it, or export again, then go on with `--resume-after KEY`.
        exit 2
        # a row is missing: a b
        loaded: 2 rows
        loaded up to b; go on with --encoding raw --resume-after='b'
        error: SH2404 line 4: the export had 3 rows, 2 have come
        hint: The message names the line: correct it, or export again, then go on with `--resume-after KEY`.
        exit 2
        # another behind it: a
        loaded: 1 rows
        loaded up to a; go on with --encoding raw --resume-after='a'
        error: SH2404 line 2: another export begins here
        hint: The message names the line: correct it, or export again, then go on with `--resume-after KEY`.
        exit 2
        # nothing: 
        loaded: 0 rows
        exit 0
        # an empty key: 
        loaded: 0 rows
        error: SH2002 line 1: row 1 of this load: the key is empty; keys have 1 to 1024 bytes
        hint: Use keys of 1 to 1,024 bytes; the message names the item.
        exit 2
        # another format: 
        loaded: 0 rows
        error: SH2404 line 1: its format is 2, this build reads 1
        hint: The message names the line: correct it, or export again, then go on with `--resume-after KEY`.
        exit 2
    "#]].assert_eq(&text);
}

#[test]
fn an_import_goes_on_behind_a_key() {
    let session = filled();
    let lines = ["a/2", "b/1", "c/1", "d/1"].map(|key| format!(r#"{{"key":"{key}","value":"new"}}"#));
    let input = lines.join("\n");
    let run = |line: &str| told(session.run(&words(line), input.as_bytes()));
    let text = [
        run("import --resume-after b/1 --if-absent"),
        run("import --resume-after b/1 --if-absent -o json"),
        run("import --resume-after 622f31 --encoding hex"),
        run("import --resume-after d/1"),
        run("import --resume-after z -o json"),
        run("import -t missing"),
        run("import --file nowhere/rows"),
    ];
    expect![[r#"
        loaded: 2 rows, 1 were there already, 2 passed over
        exit 0
        {"bytes":12,"kept":2,"over":0,"rows":2,"skipped":2,"upto":"d/1"}
        exit 0
        loaded: 2 rows, 2 passed over
        exit 0
        loaded: 0 rows, 4 passed over
        exit 0
        {"bytes":0,"kept":0,"over":0,"rows":0,"skipped":4,"upto":"z"}
        exit 0
        loaded: 0 rows
        error: SH2101 there is no table `missing`
        hint: List the tables with `statehouse table ls`, or make it with `statehouse table create`.
        exit 1
        error: nowhere/rows: No such file or directory (os error 2)
        exit 3
    "#]]
    .assert_eq(&text.concat());
    let value = |key: &str| session.run(&words(&format!("get {key}")), b"").out;
    assert_eq!(
        [value("b/1"), value("c/1"), value("d/1")],
        [b"b/1\n".to_vec(), b"new\n".into(), b"new\n".into()]
    );
}
