//! Keys and values are bytes: whatever goes in comes out.

use crate::session::Session;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

fn words(words: &[&[u8]]) -> Vec<OsString> {
    words.iter().map(|word| OsString::from_vec(word.to_vec())).collect()
}

/// Every byte that an argument can hold.
fn argument() -> Vec<u8> {
    (1..=255).collect()
}

#[test]
fn arguments_are_taken_byte_for_byte() {
    let session = Session { terminal: false, ..Session::start() };
    let key = argument();
    assert_eq!(session.run(&words(&[b"put", &key, &key]), b"unread").exit, 0);
    let ended = session.run(&words(&[b"get", &key]), b"");
    assert_eq!((ended.exit, ended.out), (0, key.clone()));
    assert_eq!(session.run(&words(&[b"rm", &key]), b"").exit, 0);
    assert_eq!(session.run(&words(&[b"get", &key]), b"").exit, 1);
}

#[test]
fn a_value_comes_from_standard_input_when_it_is_absent_or_a_dash() {
    let session = Session { terminal: false, ..Session::start() };
    let mut value: Vec<u8> = (0..=255).collect();
    value.push(b'\n');
    for put in [words(&[b"put", b"k"]), words(&[b"put", b"k", b"-"])] {
        assert_eq!(session.run(&put, &value).exit, 0);
        assert_eq!(session.run(&words(&[b"get", b"k"]), b"").out, value);
        assert_eq!(session.run(&words(&[b"rm", b"k"]), b"").exit, 0);
    }
    assert_eq!(session.run(&words(&[b"put", b"k", b""]), b"unread").exit, 0);
    assert_eq!(session.run(&words(&[b"get", b"k"]), b"").out, b"");
}

#[test]
fn a_newline_is_added_for_a_person_only() {
    let session = Session::start();
    session.run(&words(&[b"put", b"k", b"v"]), b"");
    assert_eq!(session.run(&words(&[b"get", b"k"]), b"").out, b"v\n");
    let session = Session { terminal: false, ..session };
    assert_eq!(session.run(&words(&[b"get", b"k"]), b"").out, b"v");
}

#[test]
fn encodings_reach_bytes_that_cannot_be_typed() {
    let session = Session { terminal: false, ..Session::start() };
    let hex = |args: &[&[u8]]| {
        let mut line = words(args);
        line.extend(words(&[b"--encoding", b"hex"]));
        line
    };
    assert_eq!(session.run(&hex(&[b"put", b"0000", b"ff00"]), b"").exit, 0);
    assert_eq!(session.run(&hex(&[b"put", b"0001"]), b"ff01\n").exit, 0);
    assert_eq!(session.run(&hex(&[b"get", b"0001"]), b"").out, b"ff01");
    let base64 = words(&[b"get", b"AAA=", b"--encoding", b"base64"]);
    assert_eq!(session.run(&base64, b"").out, b"/wA=");
    let mut json = hex(&[b"get", b"0000"]);
    json.extend(words(&[b"-o", b"json"]));
    let out = session.run(&json, b"").out;
    let object: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!((&object["key"], &object["value_base64"]), (&"\0\0".into(), &"/wA=".into()));
    assert!(object.get("value").is_none());
}

#[test]
fn what_begins_with_a_dash_goes_behind_two() {
    let session = Session { terminal: false, ..Session::start() };
    assert_eq!(session.run(&words(&[b"put", b"--", b"-k", b"--v"]), b"").exit, 0);
    assert_eq!(session.run(&words(&[b"get", b"--", b"-k"]), b"").out, b"--v");
    assert_eq!(session.run(&words(&[b"put", b"n", b"-5"]), b"").exit, 0);
    assert_eq!(session.run(&words(&[b"get", b"n"]), b"").out, b"-5");
}
