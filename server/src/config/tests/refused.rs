//! What is refused, and how that is said.

use super::super::{Config, Sources};
use super::{Given, disk, lines};
use expect_test::{Expect, expect};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

fn file(text: &str, expected: &Expect) {
    expected.assert_eq(&Given { file: Some(text), ..Given::default() }.refused());
}

fn flags(flags: &[&str], expected: &Expect) {
    expected.assert_eq(&Given { flags, ..Given::default() }.refused());
}

#[test]
fn unknown_names_in_the_file() {
    let text = "data-dri = 'x'\ndata_dir = 'x'\nsync = 'each'\ncolour = 1\nlog.syncc = 'each'\n\
                limits.scan = 1\n\"listen.data\" = '127.0.0.1:1'\nlisten = '127.0.0.1:7400'\n\
                log-level = 'info'\n[conections]\nmax = 1\n[colours]\nred = 1\n[limits.scan-rows-max]\nx = 1\n";
    file(
        text,
        &expect![[r#"
            statehouse.toml:1: `data-dri` names nothing
              did you mean `data-dir`?
            statehouse.toml:2: `data_dir` names nothing
              did you mean `data-dir`?
            statehouse.toml:3: `sync` names nothing
              did you mean `log.sync`?
            statehouse.toml:4: `colour` names nothing
              `statehouse server --print-config` prints every key
            statehouse.toml:5: `log.syncc` names nothing
              did you mean `log.sync`?
            statehouse.toml:6: `limits.scan` names nothing
              `statehouse server --print-config` prints every key
            statehouse.toml:7: `listen.data` names nothing
              write listen.data without quotes
            statehouse.toml:8: `listen` is a section, not a key
              write [listen], and its keys on the lines below
            statehouse.toml:9: `log-level` names nothing
              did you mean `log.level`?
            statehouse.toml:10: `conections` names nothing
              did you mean `connections`?
            statehouse.toml:12: `colours` names nothing
              `statehouse server --print-config` prints every key
            statehouse.toml:14: `limits.scan-rows-max` takes no table
              accepted: a number from 1 to 1048576
        "#]],
    );
}

#[test]
fn unknown_variables() {
    let environment = [
        ("STATEHOUSE_DATADIR", "x"),
        ("STATEHOUSE_ENDPOINTS", "x"),
        ("STATEHOUSE_LIMITS_LOG_SEGMENT_BYTE", "1"),
        ("STATEHOUSE_", "x"),
        ("STATEHOUSE_LISTEN_DATA\n", "x"),
        ("STATEHOUSE_COLOUR", "x"),
    ];
    expect![[r#"
        env STATEHOUSE_: the variable names nothing
          did you mean `STATEHOUSE_JOIN`?
        env STATEHOUSE_COLOUR: the variable names nothing
          did you mean `STATEHOUSE_CONFIG`?
        env STATEHOUSE_DATADIR: the variable names nothing
          did you mean `STATEHOUSE_DATA_DIR`?
        env STATEHOUSE_ENDPOINTS: the variable names nothing
          did you mean `STATEHOUSE_ENDPOINT`?
        env STATEHOUSE_LIMITS_LOG_SEGMENT_BYTE: the variable names nothing
          did you mean `STATEHOUSE_LIMITS_LOG_SEGMENT_BYTES`?
        env STATEHOUSE_LISTEN_DATA\n: the variable names nothing
          did you mean `STATEHOUSE_LISTEN_DATA`?
    "#]]
    .assert_eq(&Given { environment: &environment, ..Given::default() }.refused());
}

#[test]
fn unknown_flags() {
    flags(
        &["log.sync", "log.snyc=each", "=x", ""],
        &expect![[r#"
        flag --set: `log.sync` has no `=`
          write it as KEY=VALUE, such as log.sync=each
        flag --set: `log.snyc` names nothing
          did you mean `log.sync`?
        flag --set: `` names nothing
          `statehouse server --print-config` prints every key
        flag --set: `` has no `=`
          write it as KEY=VALUE, such as log.sync=each
    "#]],
    );
}

#[test]
fn values_of_another_type() {
    let text = "data-dir = 7\nadvertise = true\nlisten.data = 7400\nthreads.io = '4'\nthreads.shards = 1.5\n\
                metrics.per-partition = 'yes'\nlog.level = []\nlog.sync = { every = 50 }\n\
                log.format = 1979-05-27\nconnections.idle-timeout = 600\n[data-dir-x]\n";
    file(
        text,
        &expect![[r#"
            statehouse.toml:1: `data-dir` = 7 is not understood
              accepted: a path
            statehouse.toml:2: `advertise` = true is not understood
              accepted: a host and a port, such as db1.example.net:7400, or "" for none
            statehouse.toml:3: `listen.data` = 7400 is not understood
              accepted: an IP address and a port, such as 127.0.0.1:7400 or [::1]:7400
            statehouse.toml:4: `threads.io` = "4" is not understood
              accepted: a number from 0 to 1024
            statehouse.toml:5: `threads.shards` takes no float
              accepted: a number from 0 to 1024
            statehouse.toml:6: `metrics.per-partition` = "yes" is not understood
              accepted: true or false
            statehouse.toml:7: `log.level` takes no array
              accepted: error, warn, info, debug, trace
            statehouse.toml:8: `log.sync` takes no table
              accepted: each, or every(TIME) with a time from 1ms to 1m, such as every(50ms)
            statehouse.toml:9: `log.format` takes no datetime
              accepted: text, json
            statehouse.toml:10: `connections.idle-timeout` = 600 is not understood
              accepted: a time from 0s to 720h, such as 250ms, 5s or 2m
            statehouse.toml:11: `data-dir-x` names nothing
              `statehouse server --print-config` prints every key
        "#]],
    );
}

#[test]
fn values_that_are_not_understood() {
    let given = [
        "data-dir=",
        "advertise=http://db1:7400",
        "advertise=db1",
        "advertise=[db1]:7400",
        "advertise=db1:0",
        "listen.data=localhost:7400",
        "listen.data=:7400",
        "threads.io=four",
        "log.sync=every",
        "log.sync=every(50)",
        "log.level=INFO",
        "log.slow=100",
        "log.slow=1m30s",
        "metrics.per-partition=1",
        "limits.log-segment-bytes=64MB",
    ];
    flags(
        &given,
        &expect![[r#"
        flag --set: `data-dir` = "" is not understood
          accepted: a path
        flag --set: `advertise` = "http://db1:7400" is not understood
          accepted: a host and a port, such as db1.example.net:7400, or "" for none
        flag --set: `advertise` = "db1" is not understood
          accepted: a host and a port, such as db1.example.net:7400, or "" for none
        flag --set: `advertise` = "[db1]:7400" is not understood
          accepted: a host and a port, such as db1.example.net:7400, or "" for none
        flag --set: `advertise` = "db1:0" is not understood
          accepted: a host and a port, such as db1.example.net:7400, or "" for none
        flag --set: `listen.data` = "localhost:7400" is not understood
          accepted: an IP address and a port, such as 127.0.0.1:7400 or [::1]:7400
        flag --set: `listen.data` = ":7400" is not understood
          accepted: an IP address and a port, such as 127.0.0.1:7400 or [::1]:7400
        flag --set: `threads.io` = "four" is not understood
          accepted: a number from 0 to 1024
        flag --set: `log.sync` = "every" is not understood
          accepted: each, or every(TIME) with a time from 1ms to 1m, such as every(50ms)
        flag --set: `log.sync` = "every(50)" is not understood
          accepted: each, or every(TIME) with a time from 1ms to 1m, such as every(50ms)
        flag --set: `log.level` = "INFO" is not understood
          accepted: error, warn, info, debug, trace
        flag --set: `log.slow` = "100" is not understood
          accepted: a time from 0s to 24h, such as 250ms, 5s or 2m
        flag --set: `log.slow` = "1m30s" is not understood
          accepted: a time from 0s to 24h, such as 250ms, 5s or 2m
        flag --set: `metrics.per-partition` = "1" is not understood
          accepted: true or false
        flag --set: `limits.log-segment-bytes` = "64MB" is not understood
          accepted: a size from 1MiB to 16GiB, such as 4KiB, 64MiB, or plain bytes
    "#]],
    );
}

#[test]
fn values_out_of_range() {
    let text = "[threads]\nio = -1\nblocking = 0\n[log]\nsync = 'every(2m)'\n[connections]\n\
                handshake-timeout = 0\n[stores]\ninstances = 256\n[limits]\nlog-segment-bytes = '4KiB'\n\
                record-commands-max = 4294967296\nlog-mark-ms = 340282366920938463463374607431768211456\n";
    file(
        text,
        &expect![[r#"
            statehouse.toml:2: `threads.io` = -1 is out of range
              accepted: a number from 0 to 1024
            statehouse.toml:3: `threads.blocking` = 0 is out of range
              accepted: a number from 1 to 1024
            statehouse.toml:5: `log.sync` = "every(2m)" is out of range
              accepted: each, or every(TIME) with a time from 1ms to 1m, such as every(50ms)
            statehouse.toml:7: `connections.handshake-timeout` = 0 is out of range
              accepted: a time from 10ms to 24h, such as 250ms, 5s or 2m
            statehouse.toml:9: `stores.instances` = 256 is out of range
              accepted: a number from 1 to 255
            statehouse.toml:11: `limits.log-segment-bytes` = "4KiB" is out of range
              accepted: a size from 1MiB to 16GiB, such as 4KiB, 64MiB, or plain bytes
            statehouse.toml:12: `limits.record-commands-max` = 4294967296 is out of range
              accepted: a number from 1 to 1048576
            statehouse.toml:13: `limits.log-mark-ms` = 340282366920938463463374607431768211456 is out of range
              accepted: a number from 1 to 60000
        "#]],
    );
}

#[test]
fn values_that_do_not_fit_each_other() {
    flags(
        &["listen.control=127.0.0.1:7400", "listen.peer=0.0.0.0:7403"],
        &expect![[r#"
        flag --set: `listen.control` = 127.0.0.1:7400 takes the place of `listen.data` = 127.0.0.1:7400 (default)
          give each listener a port of its own
        flag --set: `listen.metrics` = 127.0.0.1:7403 (default) takes the place of `listen.peer` = 0.0.0.0:7403
          give each listener a port of its own
    "#]],
    );
    flags(
        &["limits.log-record-bytes-max=1MiB"],
        &expect![[r#"
            flag --set: `limits.record-payload-bytes-max` = 1MiB (default) leaves no room in `limits.log-record-bytes-max` = 1MiB
              a record is its payload and a header: make the first smaller, or the second larger
        "#]],
    );
    let text = "[limits]\nlog-segment-bytes = '1GiB'\nlog-bytes-max = '512MiB'\n";
    file(
        text,
        &expect![[r#"
            statehouse.toml:3: `limits.log-bytes-max` = 512MiB is less than `limits.log-segment-bytes` = 1GiB (statehouse.toml:2)
              a log has one segment at least: make the first larger, or the second smaller
        "#]],
    );
}

#[test]
fn a_refused_value_is_not_compared() {
    let environment = [("STATEHOUSE_LISTEN_CONTROL", "nowhere")];
    let given =
        Given { environment: &environment, flags: &["listen.data=127.0.0.1:7401"], ..Given::default() };
    expect![[r#"
        env STATEHOUSE_LISTEN_CONTROL: `listen.control` = "nowhere" is not understood
          accepted: an IP address and a port, such as 127.0.0.1:7400 or [::1]:7400
    "#]]
    .assert_eq(&given.refused());
}

/// The flag collides with the default that the broken file was to replace.
#[test]
fn nothing_is_compared_when_a_name_was_not_understood() {
    let flags = &["listen.control=127.0.0.1:7400"][..];
    for file in ["listen.dta = '127.0.0.1:9000'", "listen.data = '127.0.0.1:9000"] {
        let problems = Given { file: Some(file), flags, ..Given::default() }.load().expect_err("refused");
        assert!(
            matches!(&problems[..], [one] if one.what.contains("names nothing") || one.what.contains("TOML"))
        );
    }
}

#[test]
fn all_layers_are_heard_at_once() {
    let given = Given {
        file: Some("[threads]\nio = 'x'\nio-x = 1\n"),
        environment: &[("STATEHOUSE_THREADS_IO", "y"), ("STATEHOUSE_A", "")],
        flags: &["threads.io=3", "threads.shards=z"],
    };
    expect![[r#"
        statehouse.toml:2: `threads.io` = "x" is not understood
          accepted: a number from 0 to 1024
        statehouse.toml:3: `threads.io-x` names nothing
          did you mean `threads.io`?
        env STATEHOUSE_A: the variable names nothing
          did you mean `STATEHOUSE_JOIN`?
        env STATEHOUSE_THREADS_IO: `threads.io` = "y" is not understood
          accepted: a number from 0 to 1024
        flag --set: `threads.shards` = "z" is not understood
          accepted: a number from 0 to 1024
    "#]]
    .assert_eq(&given.refused());
}

#[test]
fn files_that_are_no_toml() {
    file(
        "data-dir = 'a'\ndata-dir = 'b'\n",
        &expect![[r#"
        statehouse.toml:2: this is no TOML: duplicate key
          see https://toml.io
    "#]],
    );
    file(
        "data-dir = /var/lib\n[log\nsync = \n",
        &expect![[r#"
        statehouse.toml:1: this is no TOML: string values must be quoted, expected literal string
          see https://toml.io
        statehouse.toml:2: this is no TOML: unclosed table, expected `]`
          see https://toml.io
    "#]],
    );
}

#[test]
fn files_that_cannot_be_read() {
    let mut texts = String::new();
    for (name, content) in [
        ("not-there.toml", &b""[..]),
        (super::FILE, b"# caf\xe9\n"),
        (super::FILE, b"\n\ndata-dir = '\xff'\n"),
        (super::FILE, &vec![b'#'; (1 << 20) + 1]),
    ] {
        let disk = disk(content);
        let mut sources = Sources::new(&disk);
        sources.file = Some(PathBuf::from(name));
        texts += &lines(&Config::load(&sources).expect_err("refused"));
    }
    expect![[r#"
        flag --config: the file `not-there.toml` is not there
          name a file that can be read, or none
        statehouse.toml:1: these bytes are no text
          save the file as UTF-8
        statehouse.toml:3: these bytes are no text
          save the file as UTF-8
        flag --config: the file `statehouse.toml` has 1048577 bytes, more than any configuration
          name a file that can be read, or none
    "#]]
    .assert_eq(&texts);
}

#[test]
fn variables_that_are_no_text() {
    let disk = disk(b"");
    let mut sources = Sources::new(&disk);
    sources.environment = vec![
        ("STATEHOUSE_DATA_DIR".into(), OsString::from_vec(b"\xff".to_vec())),
        (OsString::from_vec(b"STATEHOUSE_\xff".to_vec()), "x".into()),
        ("STATEHOUSE_CONFIG".into(), "not-there.toml".into()),
    ];
    expect![[r#"
        env STATEHOUSE_CONFIG: the file `not-there.toml` is not there
          name a file that can be read, or none
        env STATEHOUSE_DATA_DIR: `data-dir` is given bytes that are no text
          accepted: a path
        env STATEHOUSE_�: the variable names nothing
          did you mean `STATEHOUSE_JOIN`?
    "#]]
    .assert_eq(&lines(&Config::load(&sources).expect_err("refused")));
}

#[test]
fn long_values_are_cut() {
    let flag = format!("log.level={}\n", "x".repeat(1000));
    flags(
        &[&flag],
        &expect![[r#"
        flag --set: `log.level` = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is not understood
          accepted: error, warn, info, debug, trace
    "#]],
    );
}
