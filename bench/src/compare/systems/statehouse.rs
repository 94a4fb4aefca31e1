//! Statehouse as a process, and the table that the load goes to.

use crate::Failure;
use crate::compare::process::Process;
use proto::control::control_client::ControlClient;
use proto::control::{CreateTableRequest, ListTablesRequest, Profile};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The table of every scenario.
pub const TABLE: &str = "bench";
const PARTITIONS: u32 = 8;

/// A node that is ready.
pub struct Statehouse {
    /// Where it takes calls to tables.
    pub data: String,
    /// Where it takes calls of control.
    pub control: String,
    /// What it runs in.
    pub process: Process,
    ports: PathBuf,
}

/// What varies between the tables that are measured.
pub struct Table<'a> {
    /// `rocksdb` or `memory`.
    pub store: &'a str,
    /// `kv` or `counter`.
    pub machine: &'a str,
    /// `none` or `raft(3)`.
    pub replication: &'a str,
}

impl Table<'_> {
    /// Rows in RocksDB, on one node.
    pub const ROWS: Table<'static> = Table { store: "rocksdb", machine: "kv", replication: "none" };
}

impl Statehouse {
    /// Starts the binary on the directory's data, new or old, and waits until
    /// it has written where it listens.
    pub async fn start(binary: &Path, dir: &Path) -> Result<Statehouse, Failure> {
        Statehouse::start_with(binary, dir, &["--random-ports"]).await
    }

    /// The same with other arguments.
    pub async fn start_with(binary: &Path, dir: &Path, more: &[&str]) -> Result<Statehouse, Failure> {
        let ports = dir.join("ports.toml");
        // Of an earlier start: its addresses would look like readiness.
        let _ = std::fs::remove_file(&ports);
        // The process has another working directory.
        let mut command = Command::new(std::path::absolute(binary)?);
        command.arg("server").arg("--data-dir").arg(dir.join("data"));
        command.arg("--ports-file").arg(&ports).arg("--quiet").args(more);
        let mut process = Process::start("statehouse", command, dir)?;
        let (data, control) = listens(&mut process, &ports).await?;
        Ok(Statehouse { data, control, process, ports })
    }

    /// Starts it once more when it has ended, and waits as before.
    pub async fn again(&mut self) -> Result<(), Failure> {
        let _ = std::fs::remove_file(&self.ports);
        self.process.again()?;
        (self.data, self.control) = listens(&mut self.process, &self.ports).await?;
        Ok(())
    }
}

/// Where it takes calls to tables, and of control.
async fn listens(process: &mut Process, ports: &Path) -> Result<(String, String), Failure> {
    let probe = async || {
        let text = std::fs::read_to_string(ports).ok()?;
        Some((address(&text, "data")?, address(&text, "control")?))
    };
    process.ready(probe).await
}

/// The address of a name in a ports file, once its line is complete.
pub fn address(ports: &str, name: &str) -> Option<String> {
    ports.split_inclusive('\n').find_map(|line| {
        let (key, value) = line.strip_suffix('\n')?.split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').to_owned())
    })
}

/// Makes the table unless it is there.
pub async fn create_table(control: &str, table: &Table<'_>) -> Result<(), Failure> {
    let mut client = ControlClient::connect(format!("http://{control}")).await?;
    let there = client.list_tables(ListTablesRequest::default()).await?.into_inner();
    if there.tables.iter().any(|table| table.name == TABLE) {
        return Ok(());
    }
    let profile = Profile {
        store: table.store.to_owned(),
        log: "local".to_owned(),
        replication: table.replication.to_owned(),
        ..Profile::default()
    };
    let request = CreateTableRequest {
        header: None,
        name: TABLE.to_owned(),
        layout: "hashed".to_owned(),
        machine: table.machine.to_owned(),
        profile: Some(profile),
        partitions: PARTITIONS,
        ..CreateTableRequest::default()
    };
    client.create_table(request).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::address;

    #[test]
    fn addresses_are_taken_from_whole_lines() {
        let whole = "data = \"127.0.0.1:1\"\ncontrol=\"127.0.0.1:2\"\n";
        let rows = [
            (whole, "data", Some("127.0.0.1:1")),
            (whole, "control", Some("127.0.0.1:2")),
            (whole, "peer", None),
            ("data = \"127.0.0.1:1", "data", None),
            ("", "data", None),
        ];
        for (text, name, expected) in rows {
            assert_eq!(address(text, name).as_deref(), expected, "{text}");
        }
    }
}
