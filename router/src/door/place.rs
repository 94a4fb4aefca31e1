//! A layer that gives each call a place among those under way, until it is
//! answered, or refuses it at once: nobody waits at the door.

use super::arrival::Line;
use super::call::Call;
use super::check::Checked;
use super::leaving::Leaving;
use super::rpc::Right;
use crate::house::{House, Place};
use http::Response;
use model::code;
use pin_project_lite::pin_project;
use proto::Failure;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower::Service;

/// Gives places.
#[derive(Clone)]
pub(super) struct Places<S> {
    house: Arc<House>,
    inner: S,
}

impl<S> Places<S> {
    pub fn new(house: Arc<House>, inner: S) -> Places<S> {
        Places { house, inner }
    }
}

impl<S> Service<Call> for Places<S>
where
    S: Service<Call, Response = Response<Leaving>, Error = Infallible>,
{
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Checked<Placed<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        // The messages of a call that lives on take places, not the call.
        let rpc = call.arrival.rpc;
        let place = if rpc.streams { None } else { self.house.place() };
        if place.is_none() && !rpc.streams {
            return Checked::refused(full());
        }
        // Those of the libraries beside ours, who do not hear of the end.
        let ending = (rpc.streams && rpc.right == Right::Open).then(|| call.line.clone());
        Checked::Passed { future: Placed { future: self.inner.call(call), place, ending } }
    }
}

pub(crate) fn full() -> Failure {
    Failure::new(code::OVERLOADED, "as many requests are under way as this node takes")
}

pin_project! {
    /// A call in its place.
    pub(super) struct Placed<F> {
        #[pin] future: F,
        place: Option<Place>,
        ending: Option<Arc<Line>>,
    }
}

impl<F: Future<Output = Result<Response<Leaving>, Infallible>>> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.future.poll(context))?;
        answer.body_mut().hold(this.place.take(), this.ending.take());
        Poll::Ready(Ok(answer))
    }
}
