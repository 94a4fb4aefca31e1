//! A layer that counts calls and their time, whatever becomes of them.

use super::arrival::Arrival;
use super::rpc::Rpc;
use crate::house::House;
use env::Mono;
use http::{Request, Response};
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tower::{Layer, Service};

/// Counts.
pub(super) struct ObserveLayer(Arc<House>);

impl ObserveLayer {
    pub fn new(house: Arc<House>) -> ObserveLayer {
        ObserveLayer(house)
    }
}

impl<S> Layer<S> for ObserveLayer {
    type Service = Observe<S>;

    fn layer(&self, inner: S) -> Observe<S> {
        Observe { house: self.0.clone(), inner }
    }
}

/// See [`ObserveLayer`].
#[derive(Clone)]
pub(super) struct Observe<S> {
    house: Arc<House>,
    inner: S,
}

impl<S> Service<Request<Body>> for Observe<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let arrival = request.extensions().get::<Arrival>().map(|arrival| (arrival.rpc, arrival.at));
        let house = self.house.clone();
        Observed { future: self.inner.call(request), house, arrival }
    }
}

pin_project! {
    /// A call that is counted when it is answered.
    pub(super) struct Observed<F> {
        #[pin] future: F,
        house: Arc<House>,
        arrival: Option<(&'static Rpc, Mono)>,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Observed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(context))?;
        if let Some((rpc, at)) = this.arrival.take() {
            let status = response.headers().get("grpc-status").and_then(|status| status.to_str().ok());
            let took = this.house.clock.mono().0.saturating_sub(at.0);
            this.house.meters.count(rpc, status.unwrap_or("0"), took);
        }
        Poll::Ready(Ok(response))
    }
}
