//! The verbs of the command line that talk to a server.
//!
//! It is: [`Verb`], which the binary flattens into its own command line, and
//! [`run`], which carries one out and says how the process should end.
//! It is not: a place for logic. A verb is one call of the client, and what
//! came of it in words or JSON.
//!
//! ```text
//! Verb ─► rows, scan ──┐
//!      ├► tables ──────┼─► client ─► server
//!      ├► partitions ──┤
//!      ├► status ──────┤
//!      ├► verify ──────┘  (users, kills, a verdict)
//!      └► explain (offline)      Stage: standard input, output, error
//! ```

mod columns;
mod encoding;
mod exit;
mod explain;
mod failed;
mod json;
mod partitions;
mod rows;
mod scan;
mod server;
mod stage;
mod status;
mod tables;
mod terms;
mod verb;
pub mod verify;

pub use columns::Columns;
pub use exit::EXIT_CODES;
pub use stage::Stage;
pub use verb::Verb;

use failed::Failed;
use std::process::ExitCode;

/// Carries out a verb in this process.
pub fn run(verb: Verb) -> ExitCode {
    let (mut input, mut out, mut err) = (std::io::stdin(), std::io::stdout(), std::io::stderr());
    let terminal = std::io::IsTerminal::is_terminal(&out);
    ExitCode::from(execute(verb, &mut Stage { input: &mut input, out: &mut out, err: &mut err, terminal }))
}

/// Carries out a verb on this stage; returns the exit code.
pub fn execute(verb: Verb, stage: &mut Stage<'_>) -> u8 {
    let output = verb.output();
    let done = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failed::Local)
        .and_then(|runtime| runtime.block_on(verb.carry_out(stage)));
    done.unwrap_or_else(|failed| failed.report(output, stage))
}
