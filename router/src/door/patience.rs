//! A request's body is waited for only so long: half a request keeps its place,
//! and whoever sends no more must not keep it for ever.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use super::call::Call;
use crate::house::House;
use bytes::Bytes;
use http::Request;
use http_body::{Frame, SizeHint};
use model::code;
use pin_project_lite::pin_project;
use proto::Failure;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

/// A call as the gRPC library takes it.
pub(super) fn bounded(house: &House, call: Call) -> Request<Body> {
    match call.arrival.rpc.streams {
        true => call.request,
        false => {
            let wait = house.patience();
            call.request.map(|body| Body::new(Patient { body, wait, timer: None }))
        }
    }
}

pin_project! {
    /// A body that has to go on coming.
    struct Patient {
        #[pin] body: Body,
        wait: Duration,
        // Nearly always the body is there already, and no timer is made.
        timer: Option<Pin<Box<Sleep>>>,
    }
}

impl http_body::Body for Patient {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
        if let Poll::Ready(frame) = this.body.poll_frame(context) {
            return Poll::Ready(frame);
        }
        let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(*this.wait)));
        match timer.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(late().into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

pub(super) fn late() -> Failure {
    Failure::new(code::DEADLINE_EXCEEDED, "the request's body did not come in time")
}
