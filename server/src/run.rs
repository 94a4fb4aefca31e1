//! `statehouse server`: a node as it is meant to be run, with all of its
//! configuration.

use crate::config::{Config, Flag, Problem, Sources};
use crate::failure::Failure;
use crate::progress::Printed;
use crate::serve::{self, Ready};
use clap::{Args, ValueEnum};
use env::Env;
use machine::Registry;
use std::path::PathBuf;

/// What `server` is told beside its configuration.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the node keeps everything; its parent must exist.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

    /// The control address of a node of the cluster that a new node joins.
    #[arg(long, value_name = "HOST:PORT")]
    join: Option<String>,

    /// Any key of the configuration: `--set log.sync=every(50ms)`.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    sets: Vec<String>,

    /// Print the configuration as it would be used, with the origin of each
    /// value, and end
    #[arg(long, value_name = "HOW", num_args = 0..=1, default_missing_value = "toml", value_enum)]
    print_config: Option<PrintConfig>,

    /// Write the addresses here once it is ready, as TOML.
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,

    /// Take free ports instead of those configured.
    #[arg(long)]
    random_ports: bool,

    /// Say nothing that is not a warning.
    #[arg(long)]
    quiet: bool,
}

/// How a configuration is printed.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PrintConfig {
    /// As a file that can be used again.
    Toml,
    /// For people.
    Table,
    /// For programs.
    Json,
}

/// Why a server does not run.
pub enum Refused {
    /// The configuration: all that is wrong with it.
    Configuration(Vec<Problem>),
    /// Anything else.
    Failed(Failure),
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Refused {
        Refused::Failed(failure)
    }
}

/// Runs a node until it is told to end.
pub fn run(env: &Env, args: ServerArgs, machines: Registry) -> Result<(), Refused> {
    let mut sources = Sources::of_process(&*env.files);
    sources.file = args.config;
    if let Some(dir) = args.data_dir {
        sources.flags.push(Flag::named("--data-dir", "data-dir", dir));
    }
    if let Some(seed) = args.join {
        sources.flags.push(Flag::named("--join", "join", seed));
    }
    sources.flags.extend(args.sets.iter().map(|set| Flag::set(set)));
    if args.quiet {
        sources.flags.push(Flag::named("--quiet", "log.level", "warn"));
    }
    let loaded = Config::load(&sources).map_err(Refused::Configuration)?;
    if let Some(how) = args.print_config {
        match how {
            PrintConfig::Toml => print!("{}", loaded.toml()),
            PrintConfig::Table => print!("{}", loaded.table()),
            PrintConfig::Json => println!("{}", loaded.json()),
        }
        return Ok(());
    }
    let mut config = loaded.into_config();
    serve::init_logging(&config.log);
    if args.random_ports {
        config.listen.take_free_ports();
    }
    let mut progress = Printed::new();
    let mut ready = |ready: &Ready<'_>| {
        say(ready);
        Ok(())
    };
    let ports_file = args.ports_file.as_deref();
    serve::run(env, config, machines, ports_file, &mut |at| progress.print(at), &mut ready)?;
    Ok(())
}

fn say(ready: &Ready<'_>) {
    let (listen, vitals) = (ready.listen, ready.node.vitals());
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        cluster = %vitals.cluster,
        node = vitals.node.0,
        boot = vitals.boot,
        data = %listen.data,
        control = %listen.control,
        peer = %listen.peer,
        metrics = %listen.metrics,
        took_ms = ready.took_ms,
        "ready"
    );
}
