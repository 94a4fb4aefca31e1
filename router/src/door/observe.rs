//! A layer that counts calls and their time, whatever becomes of them.

use super::call::Call;
use super::leaving::Leaving;
use super::rpc::Rpc;
use crate::house::House;
use env::Mono;
use http::Response;
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tower::Service;

/// Counts.
#[derive(Clone)]
pub(super) struct Observe<S> {
    house: Arc<House>,
    inner: S,
}

impl<S> Observe<S> {
    pub fn new(house: Arc<House>, inner: S) -> Observe<S> {
        Observe { house, inner }
    }
}

impl<S> Service<Call> for Observe<S>
where
    S: Service<Call, Response = Response<Leaving>, Error = Infallible>,
{
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Observed<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let (rpc, at) = (call.arrival.rpc, call.arrival.at);
        Observed { future: self.inner.call(call), house: self.house.clone(), rpc, at }
    }
}

pin_project! {
    /// A call that is counted when it is answered.
    pub(super) struct Observed<F> {
        #[pin] future: F,
        house: Arc<House>,
        rpc: &'static Rpc,
        at: Mono,
    }
}

impl<F: Future<Output = Result<Response<Leaving>, Infallible>>> Future for Observed<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let response = ready!(this.future.poll(context))?;
        let status = response.headers().get("grpc-status").and_then(|status| status.to_str().ok());
        let took = this.house.clock.mono().0.saturating_sub(this.at.0);
        this.house.meters.count(this.rpc, status.unwrap_or("0"), took);
        Poll::Ready(Ok(response))
    }
}
