//! The data plane over the map.

use super::{Asked, Rows, World};
use bytes::Bytes;
use model::code;
use proto::common::Header;
use proto::convert::condition_from_wire;
use proto::data::data_server::Data;
use proto::data::{
    Applied, ApplyRequest, ApplyResponse, GetRequest, GetResponse, ItemResult, OutcomeRequest,
    OutcomeResponse, QueryRequest, QueryResponse, RemoveRequest, RemoveResponse, Row, RowResult, ScanRequest,
    ScanResponse, StreamRequest, StreamResponse, TailRequest, TailResponse, UpsertRequest, UpsertResponse,
    WatchMapRequest, WatchMapResponse, WatchRequest, WatchResponse, item_result, row_result, stream_request,
    stream_response,
};
use proto::{Failure, UPSERT_BYTES_MAX};
use std::collections::VecDeque;
use tokio::sync::mpsc::Sender;
use tonic::codegen::tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming, async_trait};

type Answers<T> = ReceiverStream<Result<T, Status>>;

impl World {
    pub(super) fn check(
        &self,
        header: Option<Header>,
        table: &str,
        items: usize,
        timeout: Option<String>,
    ) -> Result<String, Failure> {
        let header = header.unwrap_or_default();
        let namespace = header.namespace;
        let deadline_ms = header.deadline_ms;
        let op = header.op.map(|op| (op.client.to_vec(), op.sequence));
        let answered_upto = header.answered_upto;
        self.admit(Asked {
            namespace: namespace.clone(),
            deadline_ms,
            grpc_timeout: timeout,
            items,
            op,
            answered_upto,
            ..Asked::default()
        })?;
        if !self.rows().has(&namespace, table) {
            return Err(Failure::new(code::NO_TABLE, format!("there is no table `{table}`")));
        }
        Ok(namespace)
    }

    fn do_upsert(&self, request: UpsertRequest, timeout: Option<String>) -> Result<UpsertResponse, Failure> {
        let UpsertRequest { header, table, items, .. } = request;
        let mut names = names(&header);
        let bytes: usize = items.iter().map(|item| item.key.len() + item.value.len()).sum();
        let namespace = self.check(header, &table, items.len(), timeout)?;
        if bytes > UPSERT_BYTES_MAX {
            return Err(Failure::new(code::BATCH_TOO_LARGE, format!("{bytes} bytes")));
        }
        let mut result = |item: proto::data::Item| match self.refuses(&item.key) {
            Some(failure) => item_result::Outcome::Error(failure.to_wire()),
            None => {
                let (receipt, name) = (Rows::receipt(&item.key), names());
                let stands = self.rows().get(&namespace, &table, &item.key).map(|(revision, _)| revision);
                let condition = condition_from_wire(item.condition, 0).expect("a condition");
                if !condition.holds(stands) {
                    let failure = Failure::new(code::CONDITION_FAILED, "the condition does not hold");
                    let failure = Failure { revision: stands, ..failure };
                    return item_result::Outcome::Error(failure.to_wire());
                }
                let proto::data::Item { key, value, ttl_ms, .. } = item;
                let change = |rows: &mut Rows| match (item.remove, item.touch) {
                    (true, _) => rows.remove(&namespace, &table, key),
                    (_, true) => rows.lasts(&namespace, &table, key, ttl_ms),
                    _ => (rows.put_for(&namespace, &table, key, value, ttl_ms), true),
                };
                let (revision, found) = self.once(name, change);
                item_result::Outcome::Applied(Applied { receipt, revision, not_found: !found })
            }
        };
        let alone = items.len() == 1;
        let results: Vec<ItemResult> =
            items.into_iter().map(|item| ItemResult { outcome: Some(result(item)) }).collect();
        // Of one item alone it is the call that is refused.
        if let (true, Some(item_result::Outcome::Error(error))) = (alone, &results[0].outcome) {
            return Err(Failure::from_wire(error.clone()));
        }
        Ok(UpsertResponse { receipts: self.rows().receipts(), results })
    }

    fn do_remove(&self, request: RemoveRequest, timeout: Option<String>) -> Result<RemoveResponse, Failure> {
        if request.range.is_some() {
            return self.do_clear(request, timeout);
        }
        let RemoveRequest { header, table, keys, .. } = request;
        let mut names = names(&header);
        let namespace = self.check(header, &table, keys.len(), timeout)?;
        let mut result = |key: Bytes| match self.refuses(&key) {
            Some(failure) => item_result::Outcome::Error(failure.to_wire()),
            None => {
                let (receipt, name) = (Rows::receipt(&key), names());
                let (revision, found) = self.once(name, |rows| rows.remove(&namespace, &table, key));
                item_result::Outcome::Applied(Applied { receipt, revision, not_found: !found })
            }
        };
        let results = keys.into_iter().map(|key| ItemResult { outcome: Some(result(key)) }).collect();
        Ok(RemoveResponse { receipts: self.rows().receipts(), results, ..RemoveResponse::default() })
    }

    /// Does what was not done under this name.
    fn once(&self, name: Option<(Bytes, u64)>, change: impl FnOnce(&mut Rows) -> (u64, bool)) -> (u64, bool) {
        let mut rows = self.rows();
        let done = name.as_ref().and_then(|name| rows.done.get(name).copied());
        let answer = done.unwrap_or_else(|| change(&mut rows));
        rows.done.extend(name.map(|name| (name, answer)));
        answer
    }

    fn do_get(&self, request: GetRequest, timeout: Option<String>) -> Result<GetResponse, Failure> {
        let GetRequest { header, table, keys } = request;
        let namespace = self.check(header, &table, keys.len(), timeout)?;
        let result = |key: Bytes| match self.refuses(&key) {
            Some(failure) => row_result::Outcome::Error(failure.to_wire()),
            None => {
                let receipt = Rows::receipt(&key);
                let (found, revision, value) = match self.rows().get(&namespace, &table, &key) {
                    Some((revision, value)) => (true, revision, value),
                    None => (false, 0, Bytes::new()),
                };
                let expires_ms = self.rows().expires_ms(&namespace, &table, &key);
                row_result::Outcome::Row(Row { receipt, found, revision, value, expires_ms })
            }
        };
        let results = keys.into_iter().map(|key| RowResult { outcome: Some(result(key)) }).collect();
        Ok(GetResponse { receipts: self.rows().receipts(), results })
    }

    /// One message of a stream.
    fn respond(&self, message: StreamRequest) -> StreamResponse {
        use stream_request::Request as Ask;
        use stream_response::Response as Answer;
        let answer = match message.request {
            Some(Ask::Upsert(request)) => self.do_upsert(request, None).map(Answer::Upsert),
            Some(Ask::Get(request)) => self.do_get(request, None).map(Answer::Get),
            Some(Ask::Remove(request)) => self.do_remove(request, None).map(Answer::Remove),
            Some(Ask::Apply(_) | Ask::Query(_)) => Err(Failure::new(code::UNIMPLEMENTED, "not in a fake")),
            None => Err(Failure::new(code::MALFORMED, "an empty message")),
        };
        let answer = answer.unwrap_or_else(|failure| Answer::Error(failure.to_wire()));
        StreamResponse { sequence: message.sequence, response: Some(answer) }
    }

    /// Is the stream to end here?
    fn cuts(&self) -> bool {
        let mut plan = self.plan();
        let Some(left) = plan.cut_after.as_mut() else { return false };
        *left -= 1;
        let cut = *left == 0;
        if cut {
            plan.cut_after = None;
        }
        cut
    }

    /// Remembers a message that is not answered.
    fn note(&self, message: &StreamRequest) {
        let items = match &message.request {
            Some(stream_request::Request::Upsert(request)) => request.items.len(),
            Some(stream_request::Request::Get(request)) => request.keys.len(),
            Some(stream_request::Request::Remove(request)) => request.keys.len(),
            _ => 0,
        };
        let _ = self.admit(Asked { items, ..Asked::default() });
    }

    async fn silence(&self) {
        if self.plan().silent {
            let _ = self.admit(Asked::default());
            std::future::pending::<()>().await;
        }
    }
}

/// The names of a write's items, one after the other.
pub(super) fn names(header: &Option<Header>) -> impl FnMut() -> Option<(Bytes, u64)> + use<> {
    let first = header.as_ref().and_then(|header| header.op.clone());
    let mut items = 0..;
    move || {
        let item = items.next().unwrap_or_default();
        first.as_ref().map(|op| (op.client.clone(), op.sequence + item))
    }
}

async fn run_stream(
    world: &World,
    mut messages: Streaming<StreamRequest>,
    answers: Sender<Result<StreamResponse, Status>>,
) {
    let mut held: Option<StreamResponse> = None;
    while let Ok(Some(message)) = messages.message().await {
        if world.plan().silent {
            world.note(&message);
            continue;
        }
        let answer = world.respond(message);
        if world.cuts() {
            let _ = answers.send(Err(Status::unavailable("cut"))).await;
            return;
        }
        let out = match (world.plan().muddle, held.take()) {
            (false, None) => vec![answer],
            (true, None) if answer.sequence % 2 == 1 => {
                held = Some(answer);
                Vec::new()
            }
            (true, None) => vec![answer.clone(), answer],
            (_, Some(before)) => vec![answer.clone(), answer, before.clone(), before],
        };
        for answer in out {
            let _ = answers.send(Ok(answer)).await;
        }
    }
}

fn timeout<T>(request: &Request<T>) -> Option<String> {
    request.metadata().get("grpc-timeout").and_then(|value| value.to_str().ok()).map(str::to_owned)
}

/// An answer in pieces, one at a time.
fn pieces<T: Send + 'static>(mut pieces: VecDeque<Result<T, Status>>) -> Response<Answers<T>> {
    // So that whoever breaks off is noticed, and memory is bounded.
    let (answers, out) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(piece) = pieces.pop_front() {
            if answers.send(piece).await.is_err() {
                return;
            }
        }
    });
    Response::new(ReceiverStream::new(out))
}

fn not_here<T>() -> Result<Response<T>, Status> {
    Err(Failure::new(code::UNIMPLEMENTED, "not in this fake").into())
}

#[async_trait]
impl Data for World {
    async fn upsert(&self, request: Request<UpsertRequest>) -> Result<Response<UpsertResponse>, Status> {
        self.silence().await;
        let timeout = timeout(&request);
        Ok(Response::new(self.do_upsert(request.into_inner(), timeout)?))
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<GetResponse>, Status> {
        self.silence().await;
        let timeout = timeout(&request);
        Ok(Response::new(self.do_get(request.into_inner(), timeout)?))
    }

    async fn remove(&self, request: Request<RemoveRequest>) -> Result<Response<RemoveResponse>, Status> {
        self.silence().await;
        let timeout = timeout(&request);
        Ok(Response::new(self.do_remove(request.into_inner(), timeout)?))
    }

    type StreamStream = Answers<StreamResponse>;

    async fn stream(
        &self,
        request: Request<Streaming<StreamRequest>>,
    ) -> Result<Response<Self::StreamStream>, Status> {
        if let Some(failure) = self.plan().no_streams.clone() {
            return Err(failure.into());
        }
        let (answers, out) = tokio::sync::mpsc::channel(16);
        let world = self.myself();
        tokio::spawn(async move {
            world.streams.send_modify(|open| *open += 1);
            run_stream(&world, request.into_inner(), answers).await;
            world.streams.send_modify(|open| *open -= 1);
        });
        Ok(Response::new(ReceiverStream::new(out)))
    }

    type ScanStream = Answers<ScanResponse>;
    async fn scan(&self, request: Request<ScanRequest>) -> Result<Response<Self::ScanStream>, Status> {
        self.silence().await;
        let timeout = timeout(&request);
        Ok(pieces(self.do_scan(request.into_inner(), timeout)?))
    }

    type TailStream = Answers<TailResponse>;
    async fn tail(&self, request: Request<TailRequest>) -> Result<Response<Self::TailStream>, Status> {
        self.silence().await;
        Ok(pieces(self.do_tail(request.into_inner())?))
    }

    type WatchStream = Answers<WatchResponse>;
    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        self.silence().await;
        Ok(pieces(self.do_watch(request.into_inner())?))
    }

    async fn apply(&self, request: Request<ApplyRequest>) -> Result<Response<ApplyResponse>, Status> {
        Ok(Response::new(self.do_apply(request.into_inner())?))
    }

    async fn query(&self, request: Request<QueryRequest>) -> Result<Response<QueryResponse>, Status> {
        Ok(Response::new(self.do_query(request.into_inner())?))
    }

    async fn outcome(&self, _: Request<OutcomeRequest>) -> Result<Response<OutcomeResponse>, Status> {
        not_here()
    }

    type WatchMapStream = Answers<WatchMapResponse>;
    async fn watch_map(&self, _: Request<WatchMapRequest>) -> Result<Response<Self::WatchMapStream>, Status> {
        not_here()
    }
}
