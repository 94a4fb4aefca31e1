//! The verbs of the command line that talk to a server.
//!
//! It is: [`Verb`], which the binary flattens into its own command line, and
//! [`run`], which carries one out and says how the process should end.
//! It is not: a place for logic. A verb is one call of the client, and what
//! came of it in words or JSON.
//!
//! ```text
//! Verb ─► rows, scan ──┐
//!      ├► watch, tail ─┤
//!      ├► apply, query ┤
//!      ├► export, import ┤
//!      ├► tables ──────┼─► client ─► server
//!      ├► partitions ──┤
//!      ├► status ──────┤
//!      ├► cluster, node ┤
//!      ├► verify ──────┘  (users, kills, a verdict)
//!      └► explain (offline)      Stage: standard input, output, error
//! ```

mod clear;
mod cluster;
mod columns;
mod demands;
mod encoding;
mod exit;
mod explain;
mod export;
mod failed;
mod import;
mod json;
mod keys;
mod lines;
mod machines;
mod moment;
mod news;
mod partitions;
mod progress;
mod rows;
mod scan;
mod scrub;
mod server;
mod sink;
mod stage;
mod status;
mod tables;
mod tail;
mod terms;
mod touch;
mod verb;
pub mod verify;
mod watch;

pub use columns::Columns;
pub use exit::EXIT_CODES;
pub use stage::Stage;
pub use verb::Verb;

use failed::Failed;
use std::io::IsTerminal;
use std::process::ExitCode;

/// Carries out a verb in this process.
pub fn run(verb: Verb) -> ExitCode {
    let (mut input, mut out, mut err) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let (terminal, watched) = (out.is_terminal(), err.is_terminal());
    let mut stage = Stage { input: &mut input, out: &mut out, err: &mut err, terminal, watched };
    ExitCode::from(execute(verb, &mut stage))
}

/// Carries out a verb on this stage; returns the exit code.
pub fn execute(verb: Verb, stage: &mut Stage<'_>) -> u8 {
    let output = verb.output();
    let mut runtime = match verb.reads_on() {
        // What is under way goes on while this thread waits for more to read.
        true => tokio::runtime::Builder::new_multi_thread(),
        false => tokio::runtime::Builder::new_current_thread(),
    };
    let done = runtime
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(Failed::Local)
        .and_then(|runtime| runtime.block_on(verb.carry_out(stage)));
    done.unwrap_or_else(|failed| failed.report(output, stage))
}
