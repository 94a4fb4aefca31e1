//! What is compared: the scenarios, who takes part in each, and in what shape.

use clap::ValueEnum;

/// One kind of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// Writes, one client with one in flight.
    #[value(name = "write-1")]
    Write1,
    /// Reads, one client with one in flight.
    #[value(name = "read-1")]
    Read1,
    /// Writes, 256 in flight.
    #[value(name = "write-256")]
    Write256,
    /// Reads, 256 in flight.
    #[value(name = "read-256")]
    Read256,
    /// Writes of many rows in a call.
    #[value(name = "write-batch")]
    WriteBatch,
    /// A million rows in order, by the client's loader.
    #[value(name = "load")]
    Load,
    /// One call that reads a table of 1 GiB.
    #[value(name = "scan")]
    Scan,
    /// From a write to its event, at 10,000 writes a second.
    #[value(name = "tail")]
    Tail,
    /// Additions to one counter within a limit, 256 in flight.
    #[value(name = "counter")]
    Counter,
    /// The same, eight in a message.
    #[value(name = "counter-batch")]
    CounterBatch,
    /// From the start after a kill to the first read.
    #[value(name = "recovery")]
    Recovery,
    /// Writes that most of three nodes have synced, 256 in flight.
    #[value(name = "write-3")]
    Write3,
    /// Linearizable reads of three nodes, 256 in flight.
    #[value(name = "read-3")]
    Read3,
    /// Writes of many rows in a call that most of three nodes have synced.
    #[value(name = "write-3-batch")]
    Write3Batch,
    /// Of three nodes, the one that leads is killed.
    #[value(name = "failover")]
    Failover,
    /// Three nodes are restarted in turn.
    #[value(name = "rolling-restart")]
    RollingRestart,
}

/// One who takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum System {
    /// A call for each operation, rows in RocksDB. Writes have names under which
    /// they are done once, here and in the next two.
    Statehouse,
    /// The same over one bidirectional call for each connection.
    StatehouseStream,
    /// A call for each operation, rows in memory, the same log.
    StatehouseMemory,
    /// As the first; writes have no names.
    WithoutRetries,
    /// A gRPC server that does nothing.
    Echo,
    /// etcd, one member.
    Etcd,
    /// The same, compacted after its rows are loaded.
    EtcdCompacted,
    /// Redis, its append-only file synced before it answers.
    Redis,
    /// Three nodes that agree, a call for each operation, to any of them.
    #[value(name = "statehouse-3")]
    Statehouse3,
    /// The same over one bidirectional call for each connection.
    #[value(name = "statehouse-3-stream")]
    Statehouse3Stream,
    /// etcd, three members.
    #[value(name = "etcd-3")]
    Etcd3,
}

/// What a call does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Writes one row.
    Write,
    /// Reads one row.
    Read,
    /// Writes many.
    WriteBatch,
    /// Adds to the one counter.
    Add,
}

/// How the load lies on connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Connections.
    pub connections: usize,
    /// Calls under way on each.
    pub in_flight: usize,
    /// Rows of a call.
    pub items: usize,
}

impl Scenario {
    /// As the command line and the report spell it.
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Write1 => "write-1",
            Scenario::Read1 => "read-1",
            Scenario::Write256 => "write-256",
            Scenario::Read256 => "read-256",
            Scenario::WriteBatch => "write-batch",
            Scenario::Load => "load",
            Scenario::Counter => "counter",
            Scenario::CounterBatch => "counter-batch",
            Scenario::Scan => "scan",
            Scenario::Tail => "tail",
            Scenario::Recovery => "recovery",
            Scenario::Write3 => "write-3",
            Scenario::Read3 => "read-3",
            Scenario::Write3Batch => "write-3-batch",
            Scenario::Failover => "failover",
            Scenario::RollingRestart => "rolling-restart",
        }
    }

    /// What its calls do.
    pub fn work(self) -> Work {
        match self {
            Scenario::Write1
            | Scenario::Write256
            | Scenario::Write3
            | Scenario::Failover
            | Scenario::RollingRestart => Work::Write,
            Scenario::Read1 | Scenario::Read256 | Scenario::Read3 => Work::Read,
            Scenario::Counter | Scenario::CounterBatch => Work::Add,
            Scenario::Write3Batch => Work::WriteBatch,
            // Of what comes before what is measured.
            Scenario::WriteBatch | Scenario::Load | Scenario::Scan | Scenario::Recovery | Scenario::Tail => {
                Work::WriteBatch
            }
        }
    }

    /// The machine of its table.
    pub fn machine(self) -> &'static str {
        if self.work() == Work::Add { "counter" } else { "kv" }
    }

    /// Who takes part, in the order of the report.
    pub fn systems(self) -> &'static [System] {
        use System::{
            Echo, Etcd, EtcdCompacted, Redis, Statehouse, StatehouseMemory, StatehouseStream, WithoutRetries,
        };
        match self {
            Scenario::Load | Scenario::Scan | Scenario::Tail | Scenario::Recovery => &[Statehouse],
            Scenario::Write3 | Scenario::Read3 | Scenario::Write3Batch => {
                &[System::Statehouse3, System::Statehouse3Stream, System::Etcd3]
            }
            Scenario::Failover | Scenario::RollingRestart => &[System::Statehouse3, System::Etcd3],
            Scenario::WriteBatch => &[Statehouse, StatehouseStream, StatehouseMemory, Etcd, Redis],
            Scenario::Counter | Scenario::CounterBatch => &[Statehouse, StatehouseStream, Redis],
            Scenario::Read1 | Scenario::Read256 => {
                &[Statehouse, StatehouseStream, Echo, Etcd, EtcdCompacted, Redis]
            }
            _ => &[Statehouse, StatehouseStream, WithoutRetries, Echo, Etcd, Redis],
        }
    }

    /// The shape of its load on a system.
    pub fn shape(self, system: System) -> Shape {
        let (connections, in_flight, items) = match (self, system) {
            (Scenario::Write1 | Scenario::Read1, _) => (1, 1, 1),
            // Its writers are its own.
            (Scenario::Failover | Scenario::RollingRestart, _) => (1, 1, 1),
            // Spread over three nodes.
            (Scenario::Write3 | Scenario::Read3, _) => (8, 32, 1),
            // A Redis client has one command under way on a connection.
            (Scenario::Write256 | Scenario::Read256 | Scenario::Counter, System::Redis) => (256, 1, 1),
            (Scenario::Write256 | Scenario::Read256 | Scenario::Counter, _) => (4, 64, 1),
            (Scenario::CounterBatch, System::Redis) => (32, 1, 8),
            (Scenario::CounterBatch, _) => (4, 8, 8),
            // Pipelines of 32, as `redis-benchmark -P 32` on 64 connections.
            (_, System::Redis) => (64, 1, 32),
            // etcd takes 128 operations in a transaction: as many rows under
            // way as the others have, in more calls.
            (_, System::Etcd | System::EtcdCompacted | System::Etcd3) => (4, 16, 128),
            (_, _) => (4, 2, 1000),
        };
        Shape { connections, in_flight, items }
    }
}

impl System {
    /// As the command line and the report spell it.
    pub fn name(self) -> &'static str {
        match self {
            System::Statehouse => "statehouse",
            System::StatehouseStream => "statehouse-stream",
            System::StatehouseMemory => "statehouse-memory",
            System::WithoutRetries => "without-retries",
            System::Echo => "echo",
            System::Etcd => "etcd",
            System::EtcdCompacted => "etcd-compacted",
            System::Redis => "redis",
            System::Statehouse3 => "statehouse-3",
            System::Statehouse3Stream => "statehouse-3-stream",
            System::Etcd3 => "etcd-3",
        }
    }

    /// Not Statehouse in one of its variants.
    pub fn is_peer(self) -> bool {
        matches!(self, System::Echo | System::Etcd | System::EtcdCompacted | System::Redis | System::Etcd3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_command_line() {
        for scenario in Scenario::value_variants() {
            assert_eq!(Scenario::from_str(scenario.name(), false), Ok(*scenario));
        }
        for system in System::value_variants() {
            assert_eq!(System::from_str(system.name(), false), Ok(*system));
        }
    }

    #[test]
    fn everyone_has_as_much_under_way() {
        for scenario in Scenario::value_variants() {
            let calls = |system: &System| {
                let shape = scenario.shape(*system);
                (shape.connections * shape.in_flight, shape.items)
            };
            for (system, (calls, items)) in scenario.systems().iter().map(|system| (system, calls(system))) {
                match scenario.work() {
                    Work::WriteBatch if *system == System::Redis => assert_eq!((calls, items), (64, 32)),
                    Work::WriteBatch => assert!((8_000..8_500).contains(&(calls * items)), "{system:?}"),
                    Work::Add if items > 1 => assert_eq!((calls * items, items), (256, 8)),
                    _ => assert!(items == 1 && (calls == 1 || calls == 256), "{scenario:?} {system:?}"),
                }
            }
        }
    }
}
