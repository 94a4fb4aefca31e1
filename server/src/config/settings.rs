//! The settings with their types and defaults, grouped as in the file.
//!
//! What each means stands in `keys.rs`, where the page for people is made from.

use super::word::{LogFormat, LogLevel};
use model::Limits;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;
use wal::SyncPolicy;

/// As many as a node of a few cores keeps busy.
const INSTANCES: NonZeroU8 = NonZeroU8::new(4).expect("not 0");

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// What clients are told to connect to, as `host:port`; without it, what
    /// the data listener is bound to.
    pub advertise: Option<String>,
    /// Where other nodes are told to find this one, as `host:port`; without it, what the
    /// peer listener is bound to.
    pub advertise_peer: Option<String>,
    /// The control address of a node of the cluster that a new node joins; without it,
    /// a new node is a cluster of its own.
    pub join: Option<String>,
    /// Addresses.
    pub listen: Listen,
    /// How many threads.
    pub threads: Threads,
    /// The log on disk, and the log that people read.
    pub log: LogSettings,
    /// What is measured.
    pub metrics: Metrics,
    /// Connections.
    pub connections: Connections,
    /// Requests.
    pub requests: Requests,
    /// The end of the process.
    pub drain: Drain,
    /// The store instances.
    pub stores: Stores,
    /// Every bound of the node below the server.
    pub limits: Limits,
}

/// Where the server listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// The data service.
    pub data: SocketAddr,
    /// The control service.
    pub control: SocketAddr,
    /// Other nodes.
    pub peer: SocketAddr,
    /// Health and metrics.
    pub metrics: SocketAddr,
}

impl Listen {
    /// Ports that are free, instead of those chosen.
    pub fn take_free_ports(&mut self) {
        for address in [&mut self.data, &mut self.control, &mut self.peer, &mut self.metrics] {
            address.set_port(0);
        }
    }
}

/// How many threads; `None` leaves the choice to the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threads {
    /// For connections.
    pub io: Option<usize>,
    /// For partitions.
    pub shards: Option<usize>,
    /// For work that blocks.
    pub blocking: usize,
}

/// The log on disk (`sync`), and the log that people read (the rest).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// When a batch is on disk.
    pub sync: SyncPolicy,
    /// The least that is written.
    pub level: LogLevel,
    /// How a line looks.
    pub format: LogFormat,
    /// A request that takes longer is logged; `None` logs none.
    pub slow: Option<Duration>,
}

/// What is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metrics {
    /// Whether metrics bear the partition.
    pub per_partition: bool,
}

/// Bounds of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// Open at once.
    pub max: usize,
    /// Open at once from one address.
    pub per_address_max: usize,
    /// From accept to the first request's headers.
    pub handshake_timeout: Duration,
    /// Without a request; `None` is for ever.
    pub idle_timeout: Option<Duration>,
    /// From accept to being asked to connect anew; `None` is never.
    pub age_max: Option<Duration>,
}

/// Bounds of requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requests {
    /// Under way in the whole node.
    pub max: usize,
    /// Bytes of large requests and answers under way in the whole node.
    pub bytes_max: usize,
    /// Of requests that bring none.
    pub deadline: Duration,
    /// HTTP/2 streams of one connection.
    pub streams_per_connection: u32,
}

/// The way from being told to stop to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drain {
    /// Unready, and still serving.
    pub lame_duck: Duration,
    /// What is under way may take so long.
    pub timeout: Duration,
}

/// The store instances.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stores {
    /// How many a new directory gets.
    pub instances: NonZeroU8,
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

impl Default for Config {
    fn default() -> Config {
        Config {
            data_dir: PathBuf::from("./statehouse-data"),
            advertise: None,
            advertise_peer: None,
            join: None,
            listen: Listen {
                data: loopback(7400),
                control: loopback(7401),
                peer: loopback(7402),
                metrics: loopback(7403),
            },
            threads: Threads { io: None, shards: None, blocking: 4 },
            log: LogSettings {
                sync: SyncPolicy::Each,
                level: LogLevel::Info,
                format: LogFormat::Text,
                slow: Some(Duration::from_millis(100)),
            },
            metrics: Metrics { per_partition: false },
            connections: Connections {
                max: 10_000,
                // Less than all, so that one address cannot keep the others out.
                per_address_max: 4096,
                handshake_timeout: Duration::from_secs(5),
                idle_timeout: Some(Duration::from_secs(600)),
                age_max: None,
            },
            requests: Requests {
                max: 65_536,
                bytes_max: 1 << 30,
                deadline: Duration::from_secs(10),
                streams_per_connection: 1024,
            },
            drain: Drain { lame_duck: Duration::from_secs(5), timeout: Duration::from_secs(30) },
            stores: Stores { instances: INSTANCES },
            limits: Limits::default(),
        }
    }
}
