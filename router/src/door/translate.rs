//! Refusals of the gRPC library in our words: a caller always finds a code,
//! what is safe, and what to do next.

use super::leaving::Leaving;
use http::Response;
use model::code;
use proto::{Failure, UPSERT_BYTES_MAX};
use tonic::body::Body;
use tonic::{Code, Status};

/// What the library answered, on its way out.
pub(crate) fn translated(response: Response<Body>) -> Response<Leaving> {
    // Success says so behind the body, and has no status here.
    let status =
        response.headers().get("grpc-status").and_then(|_| Status::from_header_map(response.headers()));
    match status {
        // What health says of a service that it does not know is its own word,
        // and others wait for exactly that.
        Some(status) if !matches!(status.code(), Code::Ok | Code::NotFound) => {
            in_our_words(status).into_http()
        }
        _ => response.map(Leaving::of_library),
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
            let response = translated(status.into_http());
            let status = Status::from_header_map(response.headers()).expect("a status");
            assert!(Failure::from(status.clone()).is(expected), "{status:?}");
        }
        let health = translated(Status::not_found("service not registered").into_http());
        let health = Status::from_header_map(health.headers()).expect("a status");
        assert_eq!((health.code(), health.details()), (Code::NotFound, &b""[..]));
        let fine = translated(Response::new(Body::empty()));
        assert!(!fine.headers().contains_key("grpc-status"));
    }
}
