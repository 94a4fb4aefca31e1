//! `statehouse dev`: a node for trying things, in one command.

use crate::config::{Config, Drain, Listen, LogLevel};
use crate::failure::Failure;
use crate::progress::Printed;
use crate::serve::{self, Ready};
use clap::Args;
use coordinator::{TableName, TableSpec};
use env::Env;
use machine::Registry;
use model::{Layout, code};
use partition_mgr::{ChangeError, Node};
use pipeline::{LogChoice, Profile, StoreChoice};
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The table that is there from the start.
const TABLE: &str = "kv";
const PARTITIONS: u32 = 8;

/// What `dev` is told.
#[derive(Args, Debug)]
pub struct DevArgs {
    /// Keep data here; a directory of its own under the system's temporary one
    /// unless told, deleted at the end.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,

    /// Do not delete the temporary directory at the end.
    #[arg(long)]
    keep: bool,

    /// Write the addresses here once it is ready, as TOML.
    #[arg(long, value_name = "FILE")]
    ports_file: Option<PathBuf>,

    /// Take free ports instead of 7400 to 7403.
    #[arg(long)]
    random_ports: bool,

    /// How many nodes; this build has one.
    #[arg(long, value_name = "N", default_value_t = 1, hide_default_value = true)]
    nodes: usize,
}

/// Runs a node until it is told to end.
pub fn run(env: &Env, args: &DevArgs, machines: Registry) -> Result<(), Failure> {
    if args.nodes != 1 {
        let what = format!("{} nodes were asked for; this build runs one", args.nodes);
        return Err(Failure::new(code::UNIMPLEMENTED, what));
    }
    let (dir, scratch) = match &args.data_dir {
        Some(dir) => (dir.clone(), None),
        None => {
            let scratch = Scratch::make(args.keep)?;
            (scratch.path.clone(), Some(scratch))
        }
    };
    let config = config(args, dir.clone());
    serve::init_logging(&config.log);
    let mut progress = Printed::new();
    let mut ready = |ready: &Ready<'_>| {
        make_table(ready.node)?;
        greet(ready, &dir, scratch.as_ref().is_some_and(Scratch::is_deleted));
        Ok(())
    };
    serve::run(env, config, machines, args.ports_file.as_deref(), &mut |at| progress.print(at), &mut ready)
}

fn config(args: &DevArgs, data_dir: PathBuf) -> Config {
    let mut config = Config { data_dir, ..Config::default() };
    config.log.level = LogLevel::Warn;
    config.drain = Drain { lame_duck: Duration::ZERO, timeout: Duration::from_secs(5) };
    if args.random_ports {
        config.listen.take_free_ports();
    }
    config
}

/// The table, if it is not there already.
fn make_table(node: &Node) -> Result<(), Failure> {
    let Some(name) = TableName::new(TableName::DEFAULT_NAMESPACE, TABLE) else { return Ok(()) };
    let store = if cfg!(feature = "rocksdb") { StoreChoice::Rocks } else { StoreChoice::Memory };
    let profile = Profile::new(store, LogChoice::Local);
    let spec = TableSpec { layout: Layout::Hashed, machine: "kv".to_owned(), profile };
    match node.create_table(name, spec, PARTITIONS) {
        Ok(_) => Ok(()),
        Err(ChangeError::Refused(refused)) if refused.code() == code::TABLE_EXISTS => Ok(()),
        Err(error) => Err(Failure::new(error.code(), error.to_string())),
    }
}

fn greet(ready: &Ready<'_>, dir: &Path, is_deleted: bool) {
    let Listen { data, control, metrics, .. } = ready.listen;
    let fate = if is_deleted { "deleted at the end" } else { "kept" };
    let unless_usual = |flag: &str, address: SocketAddr, usual: SocketAddr| {
        if address == usual { String::new() } else { format!(" --{flag} {address}") }
    };
    let usual = Config::default().listen;
    let to_data = unless_usual("endpoint", data, usual.data);
    let to_control = unless_usual("control-endpoint", control, usual.control);
    let program = program();
    let version = env!("CARGO_PKG_VERSION");
    let text = format!(
        "Statehouse {version}, one node for trying things, ready in {took} ms\n\
         \n\
         data     {data}      gRPC, for clients\n\
         control  {control}      gRPC, for operators\n\
         metrics  {metrics}      HTTP: /metrics /livez /readyz\n\
         files    {dir} ({fate})\n\
         \n\
         Table `{TABLE}` is there. From a second terminal:\n\
         \n  {program} put{to_data} hello world\n  {program} get{to_data} hello\n  {program} status{to_control}\n\
         \n\
         Ctrl-C ends it.\n",
        took = ready.took_ms,
        dir = dir.display(),
    );
    let mut out = std::io::stdout().lock();
    // Whoever closed our output does not want to read it.
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

/// How this program is called from a second terminal.
#[allow(clippy::disallowed_methods, reason = "looks where the shell would look")]
fn program() -> String {
    const NAME: &str = "statehouse";
    let Ok(own) = std::env::current_exe() else { return NAME.to_owned() };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_own = |dir: PathBuf| dir.join(NAME).canonicalize().is_ok_and(|found| found == own);
    let found = std::env::split_paths(&path).any(is_own);
    if found { NAME.to_owned() } else { own.display().to_string() }
}

/// A temporary directory, deleted at the end unless it is to be kept.
struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    #[allow(clippy::disallowed_methods, reason = "a directory of its own, which nobody else's data is in")]
    fn make(keep: bool) -> Result<Scratch, Failure> {
        let under = std::env::temp_dir();
        let refused = |error: std::io::Error| {
            let what = format!("no directory can be made in {}: {error}", under.display());
            Failure::new(code::DIRECTORY_IO, what)
        };
        for number in 0.. {
            let path = under.join(format!("statehouse-dev-{}-{number}", std::process::id()));
            match std::fs::create_dir(&path) {
                Ok(()) => return Ok(Scratch { path, keep }),
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(refused(error)),
            }
        }
        Err(refused(std::io::ErrorKind::AlreadyExists.into()))
    }

    fn is_deleted(&self) -> bool {
        !self.keep
    }
}

impl Drop for Scratch {
    #[allow(clippy::disallowed_methods, reason = "this process made it, and nobody else's data is in it")]
    fn drop(&mut self) {
        if !self.keep {
            // What cannot be deleted is left to whoever cleans that place.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
