//! etcd: one member or three with its own settings, so every answer is behind a sync.

use super::caller::{Caller, Path as Method};
use super::etcd_wire::{
    CompactionRequest, CompactionResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp,
    StatusRequest, StatusResponse, TxnRequest, TxnResponse,
};
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::process::{Process, free_port};
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::Bytes;
use std::path::Path;
use std::process::Command;

/// Its own limit is 2 GiB, old revisions included; a long run writes more.
const QUOTA_BYTES: u64 = 8 << 30;

/// The server, or the servers.
pub struct Etcd {
    /// Where each listens.
    pub addresses: Vec<String>,
    /// What it runs in.
    pub processes: Vec<Process>,
}

impl Etcd {
    /// Starts so many members and waits until each answers a read, which takes a leader.
    pub async fn start(dir: &Path, members: usize) -> Result<Etcd, Failure> {
        let ports = (0..2 * members).map(|_| free_port()).collect::<Result<Vec<_>, _>>()?;
        let at = |port: u16| format!("127.0.0.1:{port}");
        let peers: Vec<String> =
            ports[..members].iter().map(|port| format!("http://{}", at(*port))).collect();
        let all = peers.iter().enumerate().map(|(number, peer)| format!("bench{number}={peer}"));
        let all = all.collect::<Vec<_>>().join(",");
        let addresses: Vec<String> = ports[members..].iter().map(|port| at(*port)).collect();
        let mut processes = Vec::new();
        for (number, (address, peer)) in addresses.iter().zip(&peers).enumerate() {
            let (dir, client) = (dir.join(number.to_string()), format!("http://{address}"));
            let mut command = Command::new("etcd");
            command.args(["--name", &format!("bench{number}"), "--logger", "zap", "--log-level", "warn"]);
            command.arg("--data-dir").arg(dir.join("data"));
            command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
            command.args(["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]);
            command.args(["--initial-cluster", &all]);
            command.args(["--quota-backend-bytes", &QUOTA_BYTES.to_string()]);
            processes.push(Process::start("etcd", command, &dir)?);
        }
        let mut etcd = Etcd { addresses, processes };
        for member in 0..members {
            etcd.answers(member).await?;
        }
        Ok(etcd)
    }

    /// Waits until a member answers a read.
    pub async fn answers(&mut self, member: usize) -> Result<(), Failure> {
        let address = &self.addresses[member];
        let probe = async || Kv::open(address).await.ok()?.range(Bytes::from_static(b"key")).await.ok();
        self.processes[member].ready(probe).await?;
        Ok(())
    }

    /// The member that leads.
    pub async fn leader(&self) -> Result<usize, Failure> {
        for (member, address) in self.addresses.iter().enumerate() {
            let mut kv = Kv::open(address).await?;
            let status = kv.caller.path("/etcdserverpb.Maintenance/Status")?;
            let said: StatusResponse = kv.caller.call(&status, &StatusRequest {}).await?;
            if said.leader != 0 && said.header.is_some_and(|own| own.member_id == said.leader) {
                return Ok(member);
            }
        }
        Err("no member of etcd leads".into())
    }

    /// One client for each call under way, on connections that are spread over the
    /// members.
    pub async fn connect(&self, shape: Shape) -> Result<Vec<Kv>, Failure> {
        let mut clients = Vec::new();
        for address in self.addresses.iter().cycle().take(shape.connections) {
            let client = Kv::open(address).await?;
            clients.extend((0..shape.in_flight).map(|_| client.clone()));
        }
        Ok(clients)
    }

    /// Compacts, as is due after many writes. Without it, each read of etcd 3.4
    /// copies a buffer that is as large as the largest load, until something
    /// other than a row has been written.
    pub async fn compact(&self) -> Result<(), Failure> {
        let mut kv = Kv::open(&self.addresses[0]).await?;
        let now = kv.range(Bytes::from_static(b"key")).await?.header.ok_or("etcd names no revision")?;
        let request = CompactionRequest { revision: now.revision, physical: true };
        let compact = kv.caller.path("/etcdserverpb.KV/Compact")?;
        let _: CompactionResponse = kv.caller.call(&compact, &request).await?;
        Ok(())
    }
}

/// A client of the service `etcdserverpb.KV`.
#[derive(Clone)]
pub struct Kv {
    caller: Caller,
    put: Method,
    range: Method,
    txn: Method,
}

impl Kv {
    /// Connects to a member.
    pub async fn open(address: &str) -> Result<Kv, Failure> {
        let caller = Caller::connect(address).await?;
        let method = |name: &str| caller.path(&format!("/etcdserverpb.KV/{name}"));
        let (put, range, txn) = (method("Put")?, method("Range")?, method("Txn")?);
        Ok(Kv { caller, put, range, txn })
    }

    /// The value of a key.
    pub async fn value(&mut self, key: Bytes) -> Result<Option<Bytes>, Failure> {
        Ok(self.range(key).await?.kvs.pop().map(|row| row.value))
    }

    async fn range(&mut self, key: Bytes) -> Result<RangeResponse, Failure> {
        self.caller.call(&self.range, &RangeRequest { key }).await
    }
}

fn put(row: Item) -> PutRequest {
    PutRequest { key: row.key, value: row.value }
}

impl Client for Kv {
    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        let _: PutResponse = self.caller.call(&self.put, &put(row)).await?;
        Ok(())
    }

    async fn add(&mut self, _: usize) -> Result<(), Failure> {
        Err("etcd has no counters".into())
    }

    async fn read(&mut self, key: Bytes) -> Result<(), Failure> {
        let answer = self.range(key).await?;
        match answer.kvs.as_slice() {
            [row] if row.value.len() == VALUE_BYTES => Ok(()),
            _ => Err("etcd has not the row that was written".into()),
        }
    }

    async fn write_batch(&mut self, rows: Vec<Item>) -> Result<(), Failure> {
        let success = rows.into_iter().map(|row| RequestOp { request_put: Some(put(row)) }).collect();
        let answer: TxnResponse = self.caller.call(&self.txn, &TxnRequest { success }).await?;
        if answer.succeeded { Ok(()) } else { Err("etcd refused a transaction".into()) }
    }
}
