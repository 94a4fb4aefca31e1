//! Calls with one message each way that do not go by the gRPC library: it
//! copies each message twice, and keeps a buffer of its own for it, which costs
//! more than all we do with a short one.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use super::check::refusal;
use super::leaving::Leaving;
use super::patience::late;
use super::place::full;
use super::rest::Rest;
use crate::house::{House, Weight};
use futures_util::FutureExt;
use http::Response;
use http_body::Body as _;
use model::code;
use proto::{Failure, Gathering, MESSAGE_BYTES_MAX};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use tonic::body::Body;

/// The call's message, and the room that its bytes take, from when they come in
/// until nobody needs them.
pub(crate) async fn request<M: proto::Message + Default>(
    house: &Arc<House>,
    mut body: Body,
) -> Result<(M, Weight), Failure> {
    let gathered = soon(house, gather(house, &mut body)).await;
    let (message, weight) = match gathered {
        Ok(gathered) => gathered,
        Err(failure) => {
            // Who is late has been waited for.
            if !failure.is(code::DEADLINE_EXCEEDED) {
                Rest::of(body).await;
            }
            return Err(failure);
        }
    };
    Ok((message.message()?, weight))
}

/// Waits for a body only so long.
async fn soon<T>(house: &House, gather: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let mut gather = pin!(gather);
    // Nearly always it is there already, and no timer is made.
    match gather.as_mut().now_or_never() {
        Some(gathered) => gathered,
        None => tokio::time::timeout(house.patience(), gather).await.unwrap_or_else(|_| Err(late())),
    }
}

async fn gather(house: &Arc<House>, body: &mut Body) -> Result<(Gathering, Weight), Failure> {
    let (mut gathering, mut weight, mut weighed) = (Gathering::default(), Weight::default(), 0);
    while let Some(frame) = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await {
        let broke = |why| Failure::new(code::MALFORMED, format!("the call broke off: {why}"));
        // What a client says behind its message means nothing.
        let Ok(data) = frame.map_err(broke)?.into_data() else { continue };
        gathering.add(data)?;
        if gathering.len() > weighed {
            weighed = gathering.len().next_power_of_two().min(MESSAGE_BYTES_MAX);
            drop(weight);
            weight = house.weigh(weighed, false).ok_or_else(full)?;
        }
    }
    Ok((gathering, weight))
}

/// A call's end. The answer takes room until it has left, whether there is any
/// or not: what was asked is done.
pub(crate) fn response<M: proto::Message>(
    house: &Arc<House>,
    answer: Result<M, Failure>,
) -> Response<Leaving> {
    match answer.and_then(|answer| proto::framed(&answer)) {
        Ok(framed) => {
            let weight = house.burden(framed.len(), false);
            Leaving::message(framed, weight)
        }
        Err(failure) => refusal(failure),
    }
}
