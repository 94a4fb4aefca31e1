//! A layer that puts refusals of the gRPC library into our words: a caller
//! always finds a code, what is safe, and what to do next.

use http::{Request, Response};
use model::code;
use pin_project_lite::pin_project;
use proto::{Failure, UPSERT_BYTES_MAX};
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service};

/// Translates what comes out.
pub(super) struct TranslateLayer;

impl<S> Layer<S> for TranslateLayer {
    type Service = Translate<S>;

    fn layer(&self, inner: S) -> Translate<S> {
        Translate { inner }
    }
}

/// See [`TranslateLayer`].
#[derive(Clone)]
pub(super) struct Translate<S> {
    inner: S,
}

impl<S> Service<Request<Body>> for Translate<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Translated<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Translated { future: self.inner.call(request) }
    }
}

pin_project! {
    /// A call whose answer will be looked at.
    pub(super) struct Translated<F> {
        #[pin] future: F,
    }
}

impl<F: Future<Output = Result<Response<Body>, Infallible>>> Future for Translated<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let response = ready!(self.project().future.poll(context))?;
        Poll::Ready(Ok(translate(response)))
    }
}

fn translate(response: Response<Body>) -> Response<Body> {
    // Success says so behind the body, and has no status here.
    if !response.headers().contains_key("grpc-status") {
        return response;
    }
    match Status::from_header_map(response.headers()) {
        // What health says of a service that it does not know is its own word,
        // and others wait for exactly that.
        Some(status) if matches!(status.code(), Code::Ok | Code::NotFound) => response,
        Some(status) => in_our_words(status).into_http(),
        None => response,
    }
}

/// A status of the library as one of ours; ours stay.
pub(crate) fn in_our_words(status: Status) -> Status {
    if status.details().is_empty() { Status::from(failure(&status)) } else { status }
}

/// What the library means.
fn failure(status: &Status) -> Failure {
    let message = status.message();
    match status.code() {
        Code::OutOfRange | Code::ResourceExhausted => Failure::new(
            code::BATCH_TOO_LARGE,
            format!("the message is far larger than {UPSERT_BYTES_MAX} bytes: {message}"),
        ),
        Code::Unimplemented => Failure::new(code::UNIMPLEMENTED, message),
        Code::Internal | Code::InvalidArgument => Failure::new(code::MALFORMED, message),
        _ => Failure::from(status.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_librarys_words_get_a_code_and_ours_are_left_alone() {
        let table = [
            (Status::internal("failed to decode"), code::MALFORMED),
            (Status::out_of_range("too large"), code::BATCH_TOO_LARGE),
            (Status::unimplemented("compression"), code::UNIMPLEMENTED),
            (Failure::new(code::NO_TABLE, "x").into(), code::NO_TABLE),
        ];
        for (status, expected) in table {
            let response = translate(status.into_http());
            let status = Status::from_header_map(response.headers()).expect("a status");
            assert!(Failure::from(status.clone()).is(expected), "{status:?}");
        }
        let health = translate(Status::not_found("service not registered").into_http());
        let health = Status::from_header_map(health.headers()).expect("a status");
        assert_eq!((health.code(), health.details()), (Code::NotFound, &b""[..]));
        let fine = translate(Response::new(Body::empty()));
        assert!(!fine.headers().contains_key("grpc-status"));
    }
}
