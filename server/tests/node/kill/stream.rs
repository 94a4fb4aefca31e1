//! The writer that has many requests under way on one call.

use super::gate::Gate;
use super::ledger::Change;
use super::writer::{Answer, Request, Writer};
use crate::talk::Data;
use proto::Failure;
use proto::data::stream_request::Request as Asked;
use proto::data::stream_response::Response as Answered;
use proto::data::{StreamRequest, StreamResponse};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Requests under way.
const WINDOW: usize = 16;

/// Writes until the node is gone.
pub async fn run(mut writer: Writer, mut client: Data, gate: Arc<Gate>) -> Writer {
    let (requests, outgoing) = mpsc::channel(WINDOW);
    let Ok(answers) = client.stream(ReceiverStream::new(outgoing)).await else { return writer };
    let mut answers = answers.into_inner();
    let mut under_way: BTreeMap<u64, Vec<Change>> = BTreeMap::new();
    loop {
        while under_way.len() < WINDOW {
            let Some(changes) = writer.choose() else { break };
            let sequence = writer.ledger.send(&changes);
            let request = Some(match writer.request(&changes) {
                Request::Upsert(upsert) => Asked::Upsert(upsert),
                Request::Remove(remove) => Asked::Remove(remove),
            });
            under_way.insert(sequence, changes);
            if requests.send(StreamRequest { sequence, request }).await.is_err() {
                return writer;
            }
        }
        // What is unanswered when the call breaks stays of unknown outcome.
        let Ok(Some(StreamResponse { sequence, response })) = answers.message().await else { return writer };
        let Some(changes) = under_way.remove(&sequence) else {
            writer.ledger.wrongs.push(format!("an answer to {sequence}, which is not under way"));
            return writer;
        };
        let answer: Answer = match response {
            Some(Answered::Upsert(response)) => Ok((response.receipts, response.results)),
            Some(Answered::Remove(response)) => Ok((response.receipts, response.results)),
            Some(Answered::Error(error)) => Err(Failure::from_wire(error)),
            other => {
                writer.ledger.wrongs.push(format!("an answer to something else: {other:?}"));
                return writer;
            }
        };
        writer.take(sequence, &changes, answer, &gate);
    }
}
