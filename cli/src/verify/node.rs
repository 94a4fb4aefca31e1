//! A node as a process of its own: started, waited for, killed, started again
//! on the same directory. It ends with whoever started it.
#![allow(clippy::disallowed_methods, reason = "another process, and what it writes to its files")]

use super::rim;
use client::Client;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// A start replays a log; nothing here takes so long.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at something that another process does.
const LOOK_EVERY: Duration = Duration::from_millis(2);
/// Calls take no longer, so that faults make outcomes unknown.
const DEADLINE: Duration = Duration::from_secs(2);
/// Small bounds: segments change, memtables are flushed and checkpoints are
/// written all the time.
const SMALL: [&str; 6] = [
    "drain.lame-duck=0s",
    "limits.log-segment-bytes=1MiB",
    "limits.log-bytes-max=16MiB",
    "limits.record-payload-bytes-max=64KiB",
    "limits.checkpoint-bytes=1MiB",
    "limits.store-memtable-bytes-each-max=64KiB",
];

/// How a node is started.
#[derive(Clone, Debug)]
pub struct Launch {
    program: PathBuf,
    /// For what it says.
    dir: PathBuf,
    data: PathBuf,
    sets: Vec<String>,
}

impl Launch {
    /// `program server` on `data`; its words and its ports go to files below
    /// `dir`.
    pub fn new(program: PathBuf, dir: &Path, data: PathBuf) -> Launch {
        let sets = SMALL.map(str::to_owned).into();
        Launch { program, dir: dir.to_owned(), data, sets }
    }

    /// One more key of its configuration.
    pub fn set(mut self, key: &str) -> Launch {
        self.sets.push(key.to_owned());
        self
    }

    /// Where its data is.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// What it has written to its standard error, in all its lives.
    pub fn errors(&self) -> String {
        fs::read_to_string(self.errors_file()).unwrap_or_default()
    }

    fn errors_file(&self) -> PathBuf {
        self.dir.join("stderr")
    }

    fn ports_file(&self) -> PathBuf {
        self.dir.join("ports.toml")
    }

    fn output(&self, path: &Path) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(path)
    }

    fn spawn(&self) -> io::Result<Child> {
        // Of an earlier start: its addresses would look like readiness.
        let _ = fs::remove_file(self.ports_file());
        let mut command = Command::new(&self.program);
        command.args(["server", "--quiet", "--random-ports", "--data-dir"]).arg(&self.data);
        command.arg("--ports-file").arg(self.ports_file());
        for set in &self.sets {
            command.args(["--set", set]);
        }
        // No variable of whoever runs us decides how it runs.
        let ours = std::env::vars_os().map(|(name, _)| name);
        ours.filter(|name| name.as_encoded_bytes().starts_with(b"STATEHOUSE_")).for_each(|name| {
            command.env_remove(name);
        });
        command.stdin(Stdio::null()).stdout(self.output(&self.dir.join("stdout"))?);
        // In a group of its own: a Ctrl-C is for us, and we end it.
        command.stderr(self.output(&self.errors_file())?).process_group(0).spawn()
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&self) -> io::Result<Node> {
        let mut node = Node { child: self.spawn()?, at: Addresses::default() };
        let late = rim::now() + READY_WITHIN;
        loop {
            if let Some(at) = Addresses::read(&self.ports_file()) {
                node.at = at;
                return Ok(node);
            }
            if let Some(status) = node.ended()? {
                let last = self.last_words();
                return Err(io::Error::other(format!(
                    "the node ended instead of starting ({status}): {last}"
                )));
            }
            if rim::now() > late {
                return Err(io::Error::other(format!("the node was not ready within {READY_WITHIN:?}")));
            }
            rim::pause(LOOK_EVERY).await;
        }
    }

    /// The last line of what it said.
    pub fn last_words(&self) -> String {
        self.errors().trim_end().lines().last().unwrap_or("it said nothing").to_owned()
    }
}

/// Where a node listens.
#[derive(Clone, Debug, Default)]
struct Addresses {
    data: String,
    control: String,
}

impl Addresses {
    /// Of a ports file, which is written whole.
    fn read(file: &Path) -> Option<Addresses> {
        let text = fs::read_to_string(file).ok()?;
        let at = |name: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once(" = "));
            lines.find(|(key, _)| *key == name).map(|(_, address)| address.trim_matches('"').to_owned())
        };
        Some(Addresses { data: at("data")?, control: at("control")? })
    }
}

/// A node that was ready. It is killed when dropped.
#[derive(Debug)]
pub struct Node {
    child: Child,
    at: Addresses,
}

impl Node {
    /// The address of its data service.
    pub fn data_address(&self) -> &str {
        &self.at.data
    }

    /// A client of it.
    pub fn client(&self) -> Result<Client, client::Error> {
        self.client_by(&self.at.data)
    }

    /// A client that goes to another address for data, which leads to it.
    pub fn client_by(&self, data: &str) -> Result<Client, client::Error> {
        let builder = Client::builder(data).control(&self.at.control).connections(2);
        builder.deadline(DEADLINE).connect_timeout(Duration::from_millis(500)).build()
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits for its end.
    pub async fn end_within(&mut self, time: Duration) -> io::Result<Option<ExitStatus>> {
        let late = rim::now() + time;
        loop {
            match self.ended()? {
                None if rim::now() < late => rim::pause(LOOK_EVERY).await,
                ended => return Ok(ended),
            }
        }
    }

    /// Ends it as a power switch would, as far as a process can tell. Was it
    /// alive?
    pub fn kill(&mut self) -> io::Result<bool> {
        // An error means that it has ended already.
        let _ = self.child.kill();
        let status = self.child.wait()?;
        Ok(status.signal().is_some_and(|signal| signal == 9))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}
