//! A history is the same after it has been written and read, and what is no
//! history is refused with its line.

use verify::history::{Call, Epoch, History, Outcome, Recorder, Row, Unreadable};

const EPOCH: Epoch = Epoch { generation: 2, term: 3 };

fn example() -> History {
    let mut recorder = Recorder::new();
    let put = recorder.begin(1, 7, Call::Put { value: u64::MAX });
    recorder.expect_epoch(put, EPOCH);
    let both = recorder.begin_batch(2, &[(7, Call::Remove), (8, Call::Get)]);
    recorder.end(put, Outcome::Wrote { partition: 4, epoch: EPOCH, index: 1, found: true });
    recorder.end(both[0], Outcome::Refused);
    let row = Some(Row { revision: 1, value: u64::MAX });
    recorder.end(both[1], Outcome::Read { partition: 4, epoch: EPOCH, applied: 1, row });
    recorder.begin(3, 9, Call::Get);
    recorder.finish().expect("a history")
}

const LINES: &str = concat!(
    r#"{"user":1,"key":7,"call":"put","value":18446744073709551615,"begun":1,"ended":3,"#,
    r#""expected_epoch":[2,3],"outcome":"wrote","partition":4,"epoch":[2,3],"index":1,"found":true}"#,
    "\n",
    r#"{"user":2,"key":7,"call":"remove","begun":2,"ended":4,"batch":0,"outcome":"refused"}"#,
    "\n",
    r#"{"user":2,"key":8,"call":"get","begun":2,"ended":5,"batch":0,"outcome":"read","partition":4,"#,
    r#""epoch":[2,3],"applied":1,"row":{"revision":1,"value":18446744073709551615}}"#,
    "\n",
    r#"{"user":3,"key":9,"call":"get","begun":6,"outcome":"unknown"}"#,
    "\n",
);

#[test]
fn a_line_for_each_operation() {
    let mut written = Vec::new();
    example().write_lines(&mut written).unwrap();
    assert_eq!(String::from_utf8(written).unwrap(), LINES);
    assert_eq!(History::read_lines(LINES.as_bytes()).unwrap(), example());
}

#[test]
fn what_is_no_history_is_refused_by_line() {
    let cut = &LINES[..LINES.len() - 10];
    let without_value = LINES.replace(r#""value":18446744073709551615,"begun""#, r#""begun""#);
    let without_index = LINES.replace(r#""index":1,"#, "");
    let surplus = LINES.replace(r#""key":9"#, r#""key":9,"lock":1"#);
    let twice = format!("{LINES}\n{LINES}");
    let rows = [
        (cut, "line 4 is no operation"),
        (without_value.as_str(), "line 1 is no operation: `value` is missing"),
        (without_index.as_str(), "line 1 is no operation: `index` is missing"),
        (surplus.as_str(), "line 4 is no operation: unknown field `lock`"),
        (twice.as_str(), "the lines are no history: op 4 is begun at 1"),
    ];
    for (lines, expected) in rows {
        let error = History::read_lines(lines.as_bytes()).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
    }
    let io = Unreadable::from(std::io::Error::other("gone"));
    assert_eq!(io.to_string(), "the lines cannot be read: gone");
}
