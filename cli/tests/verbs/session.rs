//! Command lines, one after the other, and what came of them as text.

use crate::fake::{Fake, nobody};
use clap::Parser;
use cli::{Stage, Verb};
use std::ffi::OsString;
use tokio::runtime::Runtime;

#[derive(Debug, Parser)]
#[command(name = "statehouse")]
pub struct CommandLine {
    #[command(subcommand)]
    pub verb: Verb,
}

/// A server and a person in front of it.
pub struct Session {
    pub fake: Fake,
    pub terminal: bool,
    /// The server lives as long as this.
    #[allow(dead_code, reason = "kept, not used")]
    pub runtime: Runtime,
}

/// How a command ended.
pub struct Ended {
    pub exit: u8,
    pub out: Vec<u8>,
    pub err: String,
}

impl Session {
    pub fn start() -> Session {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.expect("a runtime");
        let fake = runtime.block_on(Fake::start());
        Session { fake, terminal: true, runtime }
    }

    /// Runs one command line.
    pub fn run(&self, args: &[OsString], input: &[u8]) -> Ended {
        let offline = args.first().is_some_and(|verb| verb == "explain");
        let (data, control) = (self.fake.data.to_string(), self.fake.control.to_string());
        let mut line = vec![OsString::from("statehouse")];
        line.extend(args.iter().cloned());
        // Options go before what `--` may begin.
        let at = line.iter().position(|arg| arg == "--").unwrap_or(line.len());
        if !offline && !line.contains(&OsString::from("--endpoint")) {
            let server = ["--endpoint", &data, "--control-endpoint", &control].map(OsString::from);
            line.splice(at..at, server);
        }
        let verb = match CommandLine::try_parse_from(line) {
            Ok(line) => line.verb,
            Err(refused) => return Ended { exit: 2, out: Vec::new(), err: refused.to_string() },
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut input, terminal) = (input, self.terminal);
        let mut stage = Stage { input: &mut input, out: &mut out, err: &mut err, terminal, watched: false };
        let exit = cli::execute(verb, &mut stage);
        Ended { exit, out, err: String::from_utf8(err).expect("words") }
    }

    /// Runs lines of words; a word `NOBODY` is an address where nobody is.
    pub fn script(&self, lines: &[&str]) -> String {
        let (_socket, nobody) = nobody();
        let mut text = String::new();
        for line in lines {
            let words =
                line.split(' ').map(|word| OsString::from(word.replace("NOBODY", &nobody.to_string())));
            let ended = self.run(&words.collect::<Vec<_>>(), b"");
            text += &format!("$ {line}\n");
            text += &String::from_utf8(ended.out).expect("text");
            text.extend(ended.err.lines().map(|line| format!("! {line}\n")));
            if ended.exit != 0 {
                text += &format!("exit {}\n", ended.exit);
            }
        }
        text.replace(&nobody.to_string(), "NOBODY")
    }
}
