//! What a serving node is started with, all of it checked and typed.

use model::Limits;
use partition_mgr::Expect;
use std::net::SocketAddr;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::time::Duration;
use wal::SyncPolicy;

/// Store instances of a new directory.
const STORES: NonZeroU8 = NonZeroU8::new(4).expect("four is not zero");

/// Where it listens. Port 0 takes a free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Clients.
    pub data: SocketAddr,
    /// Operators.
    pub control: SocketAddr,
    /// Other nodes.
    pub peer: SocketAddr,
    /// Health and metrics, plain HTTP.
    pub metrics: SocketAddr,
}

/// Bounds of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connections {
    /// All of a listener.
    pub max: usize,
    /// Of one address.
    pub per_address_max: usize,
    /// Until the first bytes that make sense.
    pub handshake: Duration,
    /// Without a byte from the other end.
    pub idle: Duration,
    /// After this the client is asked to connect anew; `None` is never.
    pub age: Option<Duration>,
    /// Calls of one connection at a time.
    pub streams: u32,
}

impl Default for Connections {
    fn default() -> Connections {
        Connections {
            max: 10_000,
            per_address_max: 10_000,
            handshake: Duration::from_secs(5),
            idle: Duration::from_secs(600),
            age: None,
            streams: 1024,
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: an object a line.
    Json,
}

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogOutput {
    /// The least level.
    pub level: tracing::Level,
    /// How it looks.
    pub format: LogFormat,
}

/// Everything.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where the node keeps everything.
    pub data_dir: PathBuf,
    /// What the directory is taken for.
    pub expect: Expect,
    /// Every bound of the node.
    pub limits: Limits,
    /// When the log is synced.
    pub sync: SyncPolicy,
    /// Where it listens.
    pub listen: Listen,
    /// Bounds of connections.
    pub connections: Connections,
    /// Threads that serve connections; 0 chooses.
    pub io_threads: usize,
    /// Threads that move partitions along; 0 chooses.
    pub shards: usize,
    /// Threads for reads that wait for a disk.
    pub blocking_threads: usize,
    /// How calls are served.
    pub calls: router::Settings,
    /// Are partitions counted one by one?
    pub metrics_per_partition: bool,
    /// How long it goes on after it said that it is not ready.
    pub lame_duck: Duration,
    /// How long it waits for what is under way.
    pub drain: Duration,
    /// Written when it is ready: where it listens.
    pub ports_file: Option<PathBuf>,
}

/// What one request's commands for a partition may have: a record holds a
/// header, too.
pub fn payload_bytes_max(limits: &Limits) -> usize {
    limits.log_record_bytes_max.saturating_sub(4096)
}

impl Options {
    /// A node in this directory, everything else as usual.
    pub fn in_dir(data_dir: PathBuf) -> Options {
        let at = |port: u16| ([127, 0, 0, 1], port).into();
        Options {
            data_dir,
            expect: Expect { cluster: None, node: None, stores: STORES },
            limits: Limits::default(),
            sync: SyncPolicy::Each,
            listen: Listen { data: at(7400), control: at(7401), peer: at(7402), metrics: at(7403) },
            connections: Connections::default(),
            io_threads: 0,
            shards: 0,
            blocking_threads: 4,
            calls: router::Settings {
                payload_bytes_max: payload_bytes_max(&Limits::default()),
                read_bytes_max: Limits::default().read_bytes_max,
                ..router::Settings::default()
            },
            metrics_per_partition: false,
            lame_duck: Duration::from_secs(5),
            drain: Duration::from_secs(30),
            ports_file: None,
        }
    }

    /// Half the cores each for connections and partitions, unless told.
    pub fn threads(&self, cores: usize) -> (usize, usize) {
        let half = (cores / 2).max(1);
        let or_half = |told: usize| if told == 0 { half } else { told };
        (or_half(self.io_threads), or_half(self.shards))
    }
}
