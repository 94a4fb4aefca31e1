//! `verify`: users at work on a table, kills, and a verdict on what they saw.
//!
//! It is: [`Crowd`], the users of one table, who write down what they do and
//! see; [`Node`], a process to be killed; [`Verdicts`], what the checkers of the
//! crate `verify` say of each round. Other harnesses with other faults use the
//! same three.
//! It is not: the checkers.
//!
//! ```text
//! Crowd: user ─► Ask ─► client ─► Node       round over, nobody at work:
//!          └─► Notes (begin, end) ─────────► Round { history, end } ─► Verdicts
//! ```

mod args;
mod ask;
mod content;
mod crowd;
mod node;
mod notes;
mod report;
pub mod rim;
mod run;
mod scratch;
mod sums;
mod tally;
mod user;
mod verdicts;

pub(crate) use args::{EXAMPLES, VerifyArgs};
pub use crowd::{Crowd, Rest, Round, Subject, turn};
pub use node::{Launch, Node};
pub use notes::Written;
pub use scratch::Scratch;
pub use tally::{Kind, Tally};
pub use verdicts::Verdicts;

use crate::exit;
use crate::failed::Failed;
use crate::server::Output;
use crate::stage::Stage;
use report::Report;
use run::Run;
use std::io;
use verify::check::End;
use verify::history::History;

/// Carries the verb out.
pub(crate) async fn verify(args: VerifyArgs, stage: &mut Stage<'_>) -> Result<u8, Failed> {
    let time = args.time().map_err(|why| Failed::usage(why, "Write it like 1, 10 or 0.5."))?;
    let report = match &args.judge {
        Some(_) => judge(&args)?,
        None => Run::prepare(&args, time, stage.err).await?.work().await?,
    };
    match args.output {
        Output::Json => writeln!(stage.out, "{}", report.json())?,
        Output::Table | Output::Wide => report.print(stage.out)?,
    }
    Ok(if report.verdicts.is_clean() { exit::OK } else { exit::NO })
}

/// Judges a history that was kept; its last reads are what was found at its end.
fn judge(args: &VerifyArgs) -> Result<Report, Failed> {
    let path = args.judge.clone().unwrap_or_default();
    let file = io::BufReader::new(scratch::open(&path)?);
    let history = History::read_lines(file);
    let history = history.map_err(|why| {
        Failed::usage(format!("{}: {why}", path.display()), "Give it a file that `verify` has written.")
    })?;
    let mut verdicts = Verdicts::default();
    verdicts.all(&history, &End::default());
    Ok(Report::of(verdicts, path.display().to_string()))
}
