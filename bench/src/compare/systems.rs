//! Those who take part: how each is started, and how each is talked to.

mod caller;
mod cluster;
mod echo;
mod etcd;
mod etcd_wire;
mod led;
mod names;
mod redis;
mod ring;
mod scan;
mod statehouse;
mod stream;
mod unary;
mod watch;

pub use echo::{Echo, serve as serve_echo};
pub use etcd::Etcd;
pub use names::Names;
pub use redis::Redis;
pub use ring::{Ring, Writer};
pub use scan::scanned;
pub use statehouse::{Statehouse, TABLE, Table, create_table};
pub use unary::connect;
pub use watch::{Watched, watch};

use super::load::{self, Job, Measured};
use super::process::Process;
use super::rows::Rows;
use super::scenario::{Shape, System};
use crate::Failure;
use std::path::Path;
use std::process::Command;
use std::rc::Rc;

/// Of clients, as our server has them.
const STREAM_WINDOW: u32 = 1 << 20;
/// Of clients, as our server has them.
const CONNECTION_WINDOW: u32 = 4 << 20;

/// A server that is ready for load.
pub enum Running {
    /// Over gRPC, a call for each operation.
    Unary(Grpc),
    /// The same, and writes have no names.
    Unnamed(Grpc),
    /// Over gRPC, one call for each connection.
    Stream(Grpc),
    /// etcd.
    Etcd(Etcd),
    /// Redis.
    Redis(Redis),
}

/// A server that speaks `statehouse.data.v1`.
pub struct Grpc {
    /// Where it listens; several with commas between them.
    pub data: String,
    /// What it runs in; none if it is not ours.
    pub processes: Vec<Process>,
}

impl Grpc {
    fn is_several(&self) -> bool {
        self.data.contains(',')
    }
}

/// What is needed to start one.
pub struct Place<'a> {
    /// The binary `statehouse`.
    pub statehouse: &'a Path,
    /// A directory for the server alone.
    pub dir: &'a Path,
    /// Of the table.
    pub machine: &'a str,
}

impl Running {
    /// Starts a server and waits until it is ready.
    pub async fn start(system: System, place: &Place<'_>) -> Result<Running, Failure> {
        Ok(match system {
            System::Statehouse => Running::Unary(statehouse_with(place, "rocksdb").await?),
            System::StatehouseStream => Running::Stream(statehouse_with(place, "rocksdb").await?),
            System::WithoutRetries => Running::Unnamed(statehouse_with(place, "rocksdb").await?),
            System::StatehouseMemory => Running::Unary(statehouse_with(place, "memory").await?),
            System::Echo => Running::Unary(Echo::start(place.dir).await?),
            System::Etcd | System::EtcdCompacted => Running::Etcd(Etcd::start(place.dir, 1).await?),
            System::Redis => Running::Redis(Redis::start(place.dir).await?),
            System::Statehouse3 => Running::Unary(cluster::start(place).await?),
            System::Statehouse3Stream => Running::Stream(cluster::start(place).await?),
            System::Etcd3 => Running::Etcd(Etcd::start(place.dir, 3).await?),
        })
    }

    /// Connects clients of this shape and keeps them busy.
    pub async fn drive(&self, job: &Job, rows: &Rc<Rows>) -> Result<Measured, Failure> {
        let cpu = || self.cpu_s();
        match self {
            Running::Unary(it) if it.is_several() => {
                let names = Names::new();
                let connect =
                    async |address: &str, shape| unary::connect(address, shape, Some(names.clone())).await;
                load::drive(led::led(&it.data, job.shape, connect).await?, job, rows, cpu).await
            }
            Running::Stream(it) if it.is_several() => {
                let names = Names::new();
                let connect =
                    async |address: &str, shape| stream::connect(address, shape, names.clone()).await;
                load::drive(led::led(&it.data, job.shape, connect).await?, job, rows, cpu).await
            }
            Running::Unary(it) => {
                load::drive(unary::connect(&it.data, job.shape, Some(Names::new())).await?, job, rows, cpu)
                    .await
            }
            Running::Unnamed(it) => {
                load::drive(unary::connect(&it.data, job.shape, None).await?, job, rows, cpu).await
            }
            Running::Stream(it) => {
                load::drive(stream::connect(&it.data, job.shape, Names::new()).await?, job, rows, cpu).await
            }
            Running::Etcd(it) => load::drive(it.connect(job.shape).await?, job, rows, cpu).await,
            Running::Redis(it) => load::drive(it.connect(job.shape).await?, job, rows, cpu).await,
        }
    }

    /// Writes so many rows, as fast as it goes.
    pub async fn pour(&self, shape: Shape, rows: &Rc<Rows>, total: usize) -> Result<(), Failure> {
        match self {
            Running::Unary(it) | Running::Unnamed(it) | Running::Stream(it) => {
                load::pour(unary::connect(&it.data, shape, None).await?, shape, rows, total).await
            }
            Running::Etcd(it) => load::pour(it.connect(shape).await?, shape, rows, total).await,
            Running::Redis(it) => load::pour(it.connect(shape).await?, shape, rows, total).await,
        }
    }

    /// What its operator would do after a load.
    pub async fn compact(&self) -> Result<(), Failure> {
        match self {
            Running::Etcd(it) => it.compact().await,
            _ => Ok(()),
        }
    }

    /// CPU seconds of the server so far; 0 if its process is not ours.
    pub fn cpu_s(&self) -> Result<f64, Failure> {
        match self {
            Running::Unary(it) | Running::Unnamed(it) | Running::Stream(it) => {
                it.processes.iter().map(Process::cpu_s).sum()
            }
            Running::Etcd(it) => it.processes.iter().map(Process::cpu_s).sum(),
            Running::Redis(it) => it.process.cpu_s(),
        }
    }
}

async fn statehouse_with(place: &Place<'_>, store: &str) -> Result<Grpc, Failure> {
    let server = Statehouse::start(place.statehouse, place.dir).await?;
    let table = Table { store, machine: place.machine, replication: "none" };
    create_table(&server.control, &table).await?;
    Ok(Grpc { data: server.data, processes: vec![server.process] })
}

/// What a system says its version is, or why it cannot take part.
pub fn version(system: System, statehouse: &Path) -> Result<String, String> {
    let (program, install) = match system {
        System::Echo => return Ok("tonic, in this binary".to_owned()),
        System::Etcd | System::EtcdCompacted | System::Etcd3 => {
            ("etcd".as_ref(), "apt-get install etcd-server")
        }
        System::Redis => ("redis-server".as_ref(), "apt-get install redis-server"),
        _ => (statehouse, "make build, or say --statehouse PATH"),
    };
    let output = Command::new(program).arg("--version").output();
    let output =
        output.map_err(|error| format!("{} does not run ({error}): {install}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(said.lines().next().unwrap_or_default().trim().to_owned())
}
