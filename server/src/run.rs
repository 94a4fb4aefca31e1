//! `statehouse server`: a node as it is meant to be run, with all of its
//! configuration.

use crate::config::{Config, Flag, LogFormat, LogLevel, Problem, Sources};
use crate::failure::Failure;
use crate::progress::Printed;
use crate::serve::{self, Options, Ready};
use clap::{Args, ValueEnum};
use env::Env;
use partition_mgr::Expect;
use std::path::PathBuf;
use std::time::Duration;

/// What `server` is told beside its configuration.
#[derive(Args, Debug)]
pub struct ServerArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Where the node keeps everything; its parent must exist.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,

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
pub fn run(env: &Env, args: ServerArgs) -> Result<(), Refused> {
    let mut sources = Sources::of_process(&*env.files);
    sources.file = args.config;
    if let Some(dir) = args.data_dir {
        sources.flags.push(Flag::named("--data-dir", "data-dir", dir));
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
    let config = loaded.into_config();
    serve::init_logging(&serve::LogOutput {
        level: level(config.log.level),
        format: format(config.log.format),
    });
    let mut options = options(config);
    options.ports_file = args.ports_file;
    if args.random_ports {
        let Options { listen, .. } = &mut options;
        for address in [&mut listen.data, &mut listen.control, &mut listen.peer, &mut listen.metrics] {
            address.set_port(0);
        }
    }
    let mut progress = Printed::new();
    serve::run(env, &options, &mut |at| progress.print(at), &mut |ready| {
        say(ready);
        Ok(())
    })?;
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

fn options(config: Config) -> Options {
    let Config { listen, threads, log, metrics, connections, requests, drain, stores, limits, .. } = config;
    let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let payload_bytes_max = serve::payload_bytes_max(&limits);
    let read_bytes_max = limits.read_bytes_max;
    Options {
        data_dir: config.data_dir,
        expect: Expect { cluster: None, node: None, stores: stores.instances },
        limits,
        sync: log.sync,
        listen: serve::Listen {
            data: listen.data,
            control: listen.control,
            peer: listen.peer,
            metrics: listen.metrics,
        },
        connections: serve::Connections {
            max: connections.max,
            per_address_max: connections.per_address_max,
            handshake: connections.handshake_timeout,
            idle: connections.idle_timeout.unwrap_or(NEVER),
            age: connections.age_max,
            streams: requests.streams_per_connection,
        },
        io_threads: threads.io.unwrap_or_default(),
        shards: threads.shards.unwrap_or_default(),
        blocking_threads: threads.blocking,
        calls: router::Settings {
            requests_max: requests.max,
            bytes_max: requests.bytes_max,
            payload_bytes_max,
            read_bytes_max,
            deadline_ms: u32::try_from(requests.deadline.as_millis()).unwrap_or(u32::MAX),
            slow_ms: log.slow.map_or(u64::MAX, ms),
            ..router::Settings::default()
        },
        metrics_per_partition: metrics.per_partition,
        lame_duck: drain.lame_duck,
        drain: drain.timeout,
        ports_file: None,
    }
}

/// Thirty years.
const NEVER: Duration = Duration::from_secs(30 * 365 * 86_400);

fn level(level: LogLevel) -> tracing::Level {
    match level {
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    }
}

fn format(format: LogFormat) -> serve::LogFormat {
    match format {
        LogFormat::Text => serve::LogFormat::Text,
        LogFormat::Json => serve::LogFormat::Json,
    }
}
