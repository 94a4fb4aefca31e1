//! A layer that looks at a call and lets it pass, changed or not, or refuses it
//! at once.

use super::call::Call;
use super::leaving::Leaving;
use http::Response;
use pin_project_lite::pin_project;
use proto::Failure;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tower::Service;

/// Lets pass what the check lets pass.
#[derive(Clone)]
pub(super) struct Check<C, S> {
    check: C,
    inner: S,
}

impl<C, S> Check<C, S> {
    pub fn new(check: C, inner: S) -> Check<C, S> {
        Check { check, inner }
    }
}

impl<C, S> Service<Call> for Check<C, S>
where
    C: Fn(&mut Call) -> Result<(), Failure>,
    S: Service<Call, Response = Response<Leaving>, Error = Infallible>,
{
    type Response = Response<Leaving>;
    type Error = Infallible;
    type Future = Checked<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut call: Call) -> Checked<S::Future> {
        match (self.check)(&mut call) {
            Ok(()) => Checked::Passed { future: self.inner.call(call) },
            Err(failure) => Checked::refused(failure),
        }
    }
}

/// A failure as the whole answer.
pub fn refusal(failure: Failure) -> Response<Leaving> {
    Status::from(failure).into_http()
}

pin_project! {
    /// What becomes of a call that was looked at.
    #[project = CheckedPart]
    pub(super) enum Checked<F> {
        Passed { #[pin] future: F },
        Refused { response: Option<Response<Leaving>> },
    }
}

impl<F> Checked<F> {
    pub fn refused(failure: Failure) -> Checked<F> {
        Checked::Refused { response: Some(refusal(failure)) }
    }
}

impl<F: Future<Output = Result<Response<Leaving>, Infallible>>> Future for Checked<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project() {
            CheckedPart::Passed { future } => future.poll(context),
            CheckedPart::Refused { response } => Poll::Ready(Ok(response.take().unwrap_or_default())),
        }
    }
}
