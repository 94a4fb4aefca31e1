//! A layer that looks at a call and lets it pass, changed or not, or refuses it
//! at once.

use http::{Request, Response};
use pin_project_lite::pin_project;
use proto::Failure;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;
use tower::{Layer, Service};

/// Lets pass what the check lets pass.
pub(super) struct CheckLayer<C>(Arc<C>);

impl<C> CheckLayer<C> {
    pub fn new(check: C) -> CheckLayer<C> {
        CheckLayer(Arc::new(check))
    }
}

impl<C, S> Layer<S> for CheckLayer<C> {
    type Service = Check<C, S>;

    fn layer(&self, inner: S) -> Check<C, S> {
        Check { check: self.0.clone(), inner }
    }
}

/// See [`CheckLayer`].
pub(super) struct Check<C, S> {
    check: Arc<C>,
    inner: S,
}

impl<C, S: Clone> Clone for Check<C, S> {
    fn clone(&self) -> Check<C, S> {
        Check { check: self.check.clone(), inner: self.inner.clone() }
    }
}

impl<C, S> Service<Request<Body>> for Check<C, S>
where
    C: Fn(&mut Request<Body>) -> Result<(), Failure>,
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Checked<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Checked<S::Future> {
        match (self.check)(&mut request) {
            Ok(()) => Checked::Passed { future: self.inner.call(request) },
            Err(failure) => Checked::Refused { response: Some(refusal(failure)) },
        }
    }
}

/// A failure as the whole answer.
pub(super) fn refusal(failure: Failure) -> Response<Body> {
    Status::from(failure).into_http()
}

pin_project! {
    /// What becomes of a call that was looked at.
    #[project = CheckedPart]
    pub(super) enum Checked<F> {
        Passed { #[pin] future: F },
        Refused { response: Option<Response<Body>> },
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Checked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            CheckedPart::Passed { future } => future.poll(context),
            CheckedPart::Refused { response } => Poll::Ready(Ok(response.take().unwrap_or_default())),
        }
    }
}
