//! The command line: verbs, options, exit codes.

use crate::dev::{self, DevArgs};
use crate::doctor::{self, Format, Options};
use crate::failure::Failure;
use crate::run::{self, Refused, ServerArgs};
use clap::{Args, Parser, Subcommand, ValueEnum};
use env::Env;
use machine::Registry;
use model::{Index, PartitionId, code};
use std::path::PathBuf;
use std::process::ExitCode;

const DOCTOR_EXAMPLES: &str = "\
Examples:
  statehouse doctor --dir /var/lib/statehouse
      What is in the directory, what is wrong with it, and what to do.
  statehouse doctor --dir /var/lib/statehouse -o wide | less
      Also every batch and every record of the log.
  statehouse doctor --dir /var/lib/statehouse -o json | jq .findings
      All of it for programs.
  statehouse doctor --dir /var/lib/statehouse --repair 7 --accept-loss-after 120
      Partition 7 keeps what it has up to index 120; what follows is given up.
      The report names the values that can be taken.

Exit codes:
  0  all is well; damage that costs nobody anything counts as well
  1  the report has a FAIL, or the repair was refused
  2  the command line makes no sense
  3  the directory cannot be read, or is in use";

/// Statehouse runs tables: durable, linearizable state next to the code that
/// changes it. `statehouse dev` runs one to try.
#[derive(Debug, Parser)]
#[command(
    name = "statehouse",
    version,
    verbatim_doc_comment,
    after_help = cli::EXIT_CODES,
    arg_required_else_help = true
)]
struct CommandLine {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run one node for trying things, with a table to write to
    Dev(DevArgs),
    /// Run a node
    Server(ServerArgs),
    #[command(flatten)]
    Client(Box<cli::Verb>),
    /// Look into a data directory: what is there, what is wrong, what to do
    ///
    /// Reads the directory's identity, every segment of the log, and what the
    /// stores hold, and reports each finding as PASS, WARN or FAIL with what is
    /// safe and what to do. Nothing is changed unless --repair is given. A
    /// directory that a process has open can be read too, but may be changing
    /// under the reader; stop the process for a report to rely on.
    #[command(after_help = DOCTOR_EXAMPLES, verbatim_doc_comment)]
    Doctor(DoctorArgs),
}

#[derive(Args, Debug)]
struct DoctorArgs {
    /// The data directory.
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,

    /// How to print; a table unless told.
    #[arg(short, long, value_enum, default_value_t = Output::Table, hide_default_value = true)]
    output: Output,

    /// Give up the damaged tail of this partition
    ///
    /// Nothing is deleted: a record in the log says that what follows INDEX is
    /// void. The directory must not be in use.
    #[arg(long, value_name = "PARTITION", requires = "accept_loss_after", verbatim_doc_comment)]
    repair: Option<u64>,

    /// The last index that the partition keeps.
    #[arg(long, value_name = "INDEX", requires = "repair")]
    accept_loss_after: Option<Index>,

    /// Do not ask before repairing.
    #[arg(long, requires = "repair")]
    yes: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Output {
    /// A summary for people.
    Table,
    /// One object for programs, schema `v1`.
    Json,
    /// The summary with every batch and record.
    Wide,
}

/// Runs what the process was started with. Tables may have these machines.
pub fn main(machines: Registry) -> ExitCode {
    match CommandLine::try_parse() {
        Ok(CommandLine { verb: Verb::Doctor(args) }) => ExitCode::from(doctor::run(&options(args))),
        Ok(CommandLine { verb: Verb::Client(verb) }) => cli::run(*verb),
        Ok(CommandLine { verb: Verb::Dev(args) }) => in_real_world(|env| Ok(dev::run(env, &args, machines)?)),
        Ok(CommandLine { verb: Verb::Server(args) }) => in_real_world(|env| run::run(env, args, machines)),
        Err(refused) => {
            // Whoever closed our output does not want to hear of it.
            let _ = refused.print();
            ExitCode::from(if refused.use_stderr() { 2 } else { 0 })
        }
    }
}

/// Runs what ends when the process does.
fn in_real_world(run: impl FnOnce(&Env) -> Result<(), Refused>) -> ExitCode {
    let env =
        env::real::env().map_err(|error| Failure::new(code::INTERNAL, format!("no randomness: {error}")));
    match env.map_err(Refused::from).and_then(|env| run(&env)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Refused::Configuration(problems)) => {
            problems.iter().for_each(|problem| eprintln!("{problem}"));
            ExitCode::from(2)
        }
        Err(Refused::Failed(failure)) => {
            eprintln!("{failure}");
            ExitCode::from(3)
        }
    }
}

fn options(args: DoctorArgs) -> Options {
    let repair = args.repair.zip(args.accept_loss_after);
    Options {
        dir: args.dir,
        format: match args.output {
            Output::Table => Format::Table,
            Output::Json => Format::Json,
            Output::Wide => Format::Wide,
        },
        repair: repair.map(|(partition, after)| (PartitionId(partition), after)),
        yes: args.yes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_definition_holds_together() {
        CommandLine::command().debug_assert();
    }
}
