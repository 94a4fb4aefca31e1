//! Keeps a lane's stream open while there is something to send.

use super::lane::{Lane, lost};
use crate::error::{Access, Error, broken};
use crate::runtime;
use crate::sending::service;
use model::code;
use proto::Retry;
use std::sync::Arc;
use tonic::Status;

/// How a stream ended.
struct End {
    error: Error,
    /// It had been of use.
    answered: bool,
    /// The server refused it, and would refuse the next one.
    refused: bool,
}

/// Opens the stream when something waits, and again when it broke. Ends by being
/// aborted, when nobody can call any more.
pub(super) async fn drive(lane: Arc<Lane>) {
    let retrying = &lane.table.client.inner.retrying;
    let server = lane.connections().server();
    let mut failures = 0;
    loop {
        lane.work().await;
        let end = run(&lane).await;
        failures = if end.answered { 0 } else { failures + 1 };
        let sent = |access| match end.refused {
            true => end.error.clone(),
            false => lost(server, end.error.message(), access),
        };
        // What was not sent cannot have an unknown outcome.
        let unsent = match end.error.retry() {
            Retry::WithOpId => broken(server, end.error.message()),
            _ => end.error.clone(),
        };
        // What waits for a node that leads finds another way.
        let is_led = lane.leader.is_some();
        if is_led {
            lane.doubt_leader();
        }
        let wait_on = !is_led && (end.answered || (retrying.enabled() && !end.refused));
        lane.broke(&unsent, sent, wait_on);
        if failures > 0 && wait_on {
            runtime::pause(retrying.pause(failures)).await;
        }
    }
}

/// One stream, from its beginning to its end.
async fn run(lane: &Arc<Lane>) -> End {
    let server = lane.connections().server();
    let of_call = |status: Status| Error::of_call(status, Access::Write, server);
    let mut service = service(lane.connections().at(lane.place));
    let mut answers = match service.stream(lane.open()).await {
        Ok(response) => response.into_inner(),
        Err(status) => {
            let error = of_call(status);
            let refused = error.retry() == Retry::Never;
            return End { error, answered: false, refused };
        }
    };
    let mut answered = false;
    let error = loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                if !std::mem::replace(&mut answered, true) {
                    lane.well();
                }
                lane.answer(answer);
            }
            Ok(None) => break Error::new(code::STOPPING, "the server ended the stream"),
            Err(status) => break of_call(status),
        }
    };
    End { error, answered, refused: false }
}

/// Tells whose time is over. Ends by being aborted.
pub(super) async fn reap(lane: Arc<Lane>) {
    loop {
        match lane.expire(runtime::now()) {
            Some(next) => runtime::until(next).await,
            None => lane.rearmed().await,
        }
    }
}
