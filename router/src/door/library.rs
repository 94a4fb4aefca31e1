//! A service of the gRPC library behind the door: bodies are waited for only so
//! long, and its refusals are put into our words.

use super::call::Call;
use super::leaving::Leaving;
use super::patience::bounded;
use super::translate::translated;
use crate::house::House;
use http::{Request, Response};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::body::Body;
use tower::Service;

/// See above.
#[derive(Clone)]
pub struct Library<S> {
    house: Arc<House>,
    service: S,
}

impl<S> Library<S> {
    /// Puts it behind the door.
    pub fn new(house: Arc<House>, service: S) -> Library<S> {
        Library { house, service }
    }
}

impl<S> Service<Call> for Library<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send + 'static>,
{
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Leaving>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, call: Call) -> Self::Future {
        let answer = self.service.call(bounded(&self.house, call));
        Box::pin(async { answer.await.map(translated) })
    }
}
