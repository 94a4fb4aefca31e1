//! etcd: one member with its own settings, so every answer is behind a sync.

use super::etcd_wire::{
    CompactionRequest, CompactionResponse, PutRequest, PutResponse, RangeRequest, RangeResponse, RequestOp,
    TxnRequest, TxnResponse,
};
use super::unary::channel;
use crate::Failure;
use crate::compare::load::Client;
use crate::compare::process::{Process, free_port};
use crate::compare::rows::{Item, VALUE_BYTES};
use crate::compare::scenario::Shape;
use bytes::Bytes;
use prost::Message;
use std::path::Path;
use std::process::Command;
use tonic::client::Grpc;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

/// Its own limit is 2 GiB, old revisions included; a long run writes more.
const QUOTA_BYTES: u64 = 8 << 30;

/// The server.
pub struct Etcd {
    address: String,
    /// What it runs in.
    pub process: Process,
}

impl Etcd {
    /// Starts it and waits until it answers a read, which takes a leader.
    pub async fn start(dir: &Path) -> Result<Etcd, Failure> {
        let address = format!("127.0.0.1:{}", free_port()?);
        let (client, peer) = (format!("http://{address}"), format!("http://127.0.0.1:{}", free_port()?));
        let mut command = Command::new("etcd");
        command.args(["--name", "bench", "--logger", "zap", "--log-level", "warn"]);
        command.arg("--data-dir").arg(dir.join("data"));
        command.args(["--listen-client-urls", &client, "--advertise-client-urls", &client]);
        command.args(["--listen-peer-urls", &peer, "--initial-advertise-peer-urls", &peer]);
        command.args(["--initial-cluster", &format!("bench={peer}")]);
        command.args(["--quota-backend-bytes", &QUOTA_BYTES.to_string()]);
        let mut process = Process::start("etcd", &mut command, dir)?;
        let probe = async || Kv::open(&address).await.ok()?.range(Bytes::from_static(b"key")).await.ok();
        process.ready(probe).await?;
        Ok(Etcd { address, process })
    }

    /// One client for each call under way.
    pub async fn connect(&self, shape: Shape) -> Result<Vec<Kv>, Failure> {
        let mut clients = Vec::new();
        for _ in 0..shape.connections {
            let client = Kv::open(&self.address).await?;
            clients.extend((0..shape.in_flight).map(|_| Kv { grpc: client.grpc.clone() }));
        }
        Ok(clients)
    }

    /// Compacts, as is due after many writes. Without it, each read of etcd 3.4
    /// copies a buffer that is as large as the largest load, until something
    /// other than a row has been written.
    pub async fn compact(&self) -> Result<(), Failure> {
        let mut kv = Kv::open(&self.address).await?;
        let now = kv.range(Bytes::from_static(b"key")).await?.header.ok_or("etcd names no revision")?;
        let request = CompactionRequest { revision: now.revision, physical: true };
        let _: CompactionResponse = kv.call("/etcdserverpb.KV/Compact", request).await?;
        Ok(())
    }
}

/// A client of the service `etcdserverpb.KV`.
pub struct Kv {
    grpc: Grpc<Channel>,
}

impl Kv {
    async fn open(address: &str) -> Result<Kv, Failure> {
        Ok(Kv { grpc: Grpc::new(channel(address).await?) })
    }

    async fn call<I, O>(&mut self, path: &'static str, request: I) -> Result<O, Failure>
    where
        I: Message + 'static,
        O: Message + Default + 'static,
    {
        self.grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let path = PathAndQuery::from_static(path);
        let answer = self.grpc.unary(Request::new(request), path, ProstCodec::default()).await?;
        Ok(answer.into_inner())
    }

    async fn range(&mut self, key: Bytes) -> Result<RangeResponse, Failure> {
        self.call("/etcdserverpb.KV/Range", RangeRequest { key }).await
    }
}

fn put(row: Item) -> PutRequest {
    PutRequest { key: row.key, value: row.value }
}

impl Client for Kv {
    async fn write(&mut self, row: Item) -> Result<(), Failure> {
        let _: PutResponse = self.call("/etcdserverpb.KV/Put", put(row)).await?;
        Ok(())
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
        let answer: TxnResponse = self.call("/etcdserverpb.KV/Txn", TxnRequest { success }).await?;
        if answer.succeeded { Ok(()) } else { Err("etcd refused a transaction".into()) }
    }
}
