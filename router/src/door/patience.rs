//! A layer that waits for a request's body only so long: half a request keeps
//! its place, and whoever sends no more must not keep it for ever.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use super::arrival::Arrival;
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

pub(super) fn bound(house: &House, request: &mut Request<Body>) -> Result<(), Failure> {
    if request.extensions().get::<Arrival>().is_some_and(|arrival| !arrival.rpc.streams) {
        let body = std::mem::take(request.body_mut());
        let wait = Duration::from_millis(u64::from(house.settings.deadline_ms));
        *request.body_mut() = Body::new(Patient { body, wait, timer: None });
    }
    Ok(())
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
            Poll::Ready(()) => Poll::Ready(Some(Err(late()))),
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

fn late() -> Status {
    Failure::new(code::DEADLINE_EXCEEDED, "the request's body did not come in time").into()
}
