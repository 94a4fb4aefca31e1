//! An application's own machine: polls in which each voter has one vote, which
//! may be changed until the poll is closed.
//!
//! ```text
//! cargo run -p server --example poll -- dev &
//! statehouse table create polls --machine poll
//! ```
//!
//! Commands: `vote VOTER CHOICE`, `close`. The question `results` is answered with
//! a line for each choice. Words rather than bytes, so that anybody can follow.
#![allow(dead_code, reason = "a test includes this file")]

use bytes::Bytes;
use machine::{At, Keyed, Nonsense, Reads, Rows, ViewError};
use server::Server;
use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let builder = Server::builder().machine(Poll).expect("a name of its own");
    builder.main()
}

/// The machine. A poll's own row says that it is closed; each vote is a part
/// named by its voter, and each choice's count a part of its own.
#[derive(Clone, Copy, Debug)]
pub struct Poll;

enum Command<'a> {
    Vote { voter: &'a str, choice: &'a str },
    Close,
}

fn read(body: &[u8]) -> Option<Command<'_>> {
    let mut words = std::str::from_utf8(body).ok()?.split(' ');
    let command = match (words.next()?, words.next(), words.next()) {
        ("vote", Some(voter), Some(choice)) => Command::Vote { voter, choice },
        ("close", None, None) => Command::Close,
        _ => return None,
    };
    words.next().is_none().then_some(command)
}

fn vote_of(voter: &str) -> String {
    format!("vote {voter}")
}

fn count_of(choice: &str) -> String {
    format!("count {choice}")
}

impl Keyed for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn check(&self, body: &Bytes) -> Result<(), Nonsense> {
        read(body).map(drop).ok_or_else(|| Nonsense("`vote VOTER CHOICE` or `close`".to_owned()))
    }

    fn reads(&self, body: &Bytes, reads: &mut Reads<'_>) {
        reads.own();
        if let Some(Command::Vote { voter, choice }) = read(body) {
            reads.part(vote_of(voter).as_bytes());
            reads.part(count_of(choice).as_bytes());
        }
    }

    fn apply(&self, rows: &mut Rows<'_>, body: &Bytes, _: At) -> Result<Bytes, ViewError> {
        if rows.own()?.is_some() {
            return Ok(Bytes::from_static(b"closed"));
        }
        Ok(match read(body) {
            None => Bytes::from_static(b"what?"),
            Some(Command::Close) => {
                rows.set_own("closed");
                Bytes::from_static(b"ok")
            }
            Some(Command::Vote { voter, choice }) => {
                if let Some(before) = rows.part(vote_of(voter).as_bytes())? {
                    add(rows, &String::from_utf8_lossy(&before), -1)?;
                }
                rows.set_part(vote_of(voter).as_bytes(), choice.to_owned());
                add(rows, choice, 1)?;
                Bytes::from_static(b"ok")
            }
        })
    }

    fn query(&self, rows: &Rows<'_>, body: &Bytes, _: At) -> Result<Result<Bytes, Nonsense>, ViewError> {
        if body != "results" {
            return Ok(Err(Nonsense("`results` can be asked for".to_owned())));
        }
        let mut results = BTreeMap::new();
        for (choice, count) in rows.parts(b"count ", 1000)? {
            results.insert(String::from_utf8_lossy(&choice).into_owned(), number(&count));
        }
        let lines: Vec<String> = results.iter().map(|(choice, count)| format!("{choice} {count}")).collect();
        Ok(Ok(Bytes::from(lines.join("\n"))))
    }
}

fn add(rows: &mut Rows<'_>, choice: &str, votes: i64) -> Result<(), ViewError> {
    let count = rows.part(count_of(choice).as_bytes())?.map_or(0, |count| number(&count)) + votes;
    rows.set_part(count_of(choice).as_bytes(), count.to_string());
    Ok(())
}

fn number(count: &[u8]) -> i64 {
    String::from_utf8_lossy(count).parse().unwrap_or(0)
}
