//! A layer that gives each call a place among those under way, until it is
//! answered, or refuses it at once: nobody waits at the door.

use super::arrival::Arrival;
use super::check::{Checked, refusal};
use super::held::Held;
use super::rpc::Right;
use crate::house::{House, Place, Weight};
use http::{Request, Response};
use model::code;
use pin_project_lite::pin_project;
use proto::Failure;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use tonic::body::Body;
use tower::{Layer, Service};

/// Gives places.
pub(super) struct PlaceLayer(Arc<House>);

impl PlaceLayer {
    pub fn new(house: Arc<House>) -> PlaceLayer {
        PlaceLayer(house)
    }
}

impl<S> Layer<S> for PlaceLayer {
    type Service = PlaceService<S>;

    fn layer(&self, inner: S) -> PlaceService<S> {
        PlaceService { house: self.0.clone(), inner }
    }
}

/// See [`PlaceLayer`].
#[derive(Clone)]
pub(super) struct PlaceService<S> {
    house: Arc<House>,
    inner: S,
}

impl<S> Service<Request<Body>> for PlaceService<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Checked<Placed<S::Future>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The messages of a call that lives on take places, not the call.
        let rpc = request.extensions().get::<Arrival>().map(|arrival| arrival.rpc);
        let streams = rpc.is_some_and(|rpc| rpc.streams);
        // Those of the libraries beside ours, who do not hear of the node's end.
        let watches = rpc.is_some_and(|rpc| rpc.streams && rpc.right == Right::Open);
        let place = if streams { None } else { self.house.place() };
        if place.is_none() && !streams {
            return Checked::Refused { response: Some(refusal(full())) };
        }
        let ending = watches.then(|| self.house.ending());
        Checked::Passed { future: Placed { future: self.inner.call(request), place, ending } }
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
        ending: Option<watch::Receiver<bool>>,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Placed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let mut answer = ready!(this.future.poll(context))?;
        let place = this.place.take();
        let weight = answer.extensions_mut().remove::<Weight>();
        let ending = this.ending.take();
        Poll::Ready(Ok(answer.map(|body| Body::new(Held::new(body, place, weight, ending)))))
    }
}
