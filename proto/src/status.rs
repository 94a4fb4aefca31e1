//! A failure as a gRPC status, and back: the one place where the two meet.
//!
//! Details travel as `google.rpc.Status` has them, so that clients in any
//! language find them where they look.

use crate::common;
use crate::failure::{Failure, Retry};
use bytes::Bytes;
use model::{Code, code};
use prost::Message;
use tonic::Status;

const TYPE_URL: &str = "type.googleapis.com/statehouse.v1.Error";

/// `google.rpc.Status`, of which the details alone are ours.
#[derive(Clone, PartialEq, Message)]
struct RichStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Detail>,
}

/// `google.protobuf.Any`.
#[derive(Clone, PartialEq, Message)]
struct Detail {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// The gRPC code of each code that is one's own doing.
const TABLE: &[(Code, tonic::Code)] = &[
    (code::MALFORMED, tonic::Code::InvalidArgument),
    (code::KEY_INVALID, tonic::Code::InvalidArgument),
    (code::BATCH_TOO_LARGE, tonic::Code::InvalidArgument),
    (code::RECORD_TOO_LONG, tonic::Code::InvalidArgument),
    (code::ANSWER_TOO_LARGE, tonic::Code::InvalidArgument),
    (code::UNIMPLEMENTED, tonic::Code::Unimplemented),
    (code::NO_TABLE, tonic::Code::NotFound),
    (code::NO_PARTITION, tonic::Code::NotFound),
    (code::PARTITION_UNKNOWN, tonic::Code::NotFound),
    (code::BAD_NODE, tonic::Code::FailedPrecondition),
    (code::NO_LEADER, tonic::Code::Unavailable),
    (code::TOO_FEW_NODES, tonic::Code::FailedPrecondition),
    (code::NO_CLUSTER, tonic::Code::FailedPrecondition),
    (code::NOT_JOINED, tonic::Code::FailedPrecondition),
    (code::OWN_TABLE, tonic::Code::PermissionDenied),
    (code::CATALOG_AWAY, tonic::Code::Unavailable),
    (code::OP_SETTLED, tonic::Code::FailedPrecondition),
    (code::CLIENT_FORGOTTEN, tonic::Code::FailedPrecondition),
    (code::CLIENT_AHEAD, tonic::Code::FailedPrecondition),
    (code::OP_GIVEN_UP, tonic::Code::FailedPrecondition),
    (code::CONDITION_FAILED, tonic::Code::FailedPrecondition),
    (code::NOT_TOGETHER, tonic::Code::InvalidArgument),
    (code::OTHER_MACHINE, tonic::Code::FailedPrecondition),
    (code::TOKEN_ELSEWHERE, tonic::Code::InvalidArgument),
    (code::TOKEN_FOREIGN, tonic::Code::FailedPrecondition),
    (code::TOKEN_LOST, tonic::Code::FailedPrecondition),
    (code::COUNTER_LIMIT, tonic::Code::FailedPrecondition),
    (code::COUNTER_OVERFLOW, tonic::Code::FailedPrecondition),
    (code::NO_RESERVATION, tonic::Code::FailedPrecondition),
    (code::RESERVATION_TAKEN, tonic::Code::FailedPrecondition),
    (code::TOO_MANY_RESERVATIONS, tonic::Code::FailedPrecondition),
    (code::LEASE_TAKEN, tonic::Code::FailedPrecondition),
    (code::LEASE_LOST, tonic::Code::FailedPrecondition),
    (code::COMPACTED, tonic::Code::OutOfRange),
    (code::FROM_FUTURE, tonic::Code::OutOfRange),
    (code::NO_EVENTS, tonic::Code::FailedPrecondition),
    (code::EPOCH_MISMATCH, tonic::Code::FailedPrecondition),
    (code::DURABILITY_NOT_OFFERED, tonic::Code::FailedPrecondition),
    (code::NOT_QUARANTINED, tonic::Code::FailedPrecondition),
    (code::TABLE_NOT_EMPTY, tonic::Code::FailedPrecondition),
    (code::NO_MACHINE, tonic::Code::Unavailable),
    (code::NOT_DROPPED, tonic::Code::NotFound),
    (code::DROP_INCOMPLETE, tonic::Code::FailedPrecondition),
    (code::DROP_KEPT, tonic::Code::FailedPrecondition),
    (code::NOT_ALTERABLE, tonic::Code::FailedPrecondition),
    (code::TABLE_EXISTS, tonic::Code::AlreadyExists),
    (code::ID_IN_USE, tonic::Code::AlreadyExists),
    (code::RANGE_OVERLAPS, tonic::Code::AlreadyExists),
    (code::RANGE_INVALID, tonic::Code::InvalidArgument),
    (code::PROFILE_REFUSED, tonic::Code::InvalidArgument),
    (code::OVERLOADED, tonic::Code::ResourceExhausted),
    (code::LOG_FULL, tonic::Code::ResourceExhausted),
    (code::DEADLINE_EXCEEDED, tonic::Code::DeadlineExceeded),
    (code::UNKNOWN_OUTCOME, tonic::Code::Aborted),
    (code::DESIRED_UNSURE, tonic::Code::Unavailable),
    (code::STOPPING, tonic::Code::Unavailable),
    (code::UNREACHABLE, tonic::Code::Unavailable),
    (code::PARTITION_FAILED, tonic::Code::Unavailable),
    (code::NOT_ALLOWED, tonic::Code::PermissionDenied),
    (code::NOT_SORTED, tonic::Code::InvalidArgument),
    (code::IMPORT_MALFORMED, tonic::Code::InvalidArgument),
];

/// The gRPC code of a failure. What is not listed is the server's own trouble.
fn grpc_code(number: u16) -> tonic::Code {
    let row = TABLE.iter().find(|(code, _)| code.number == number);
    row.map_or(tonic::Code::Internal, |(_, grpc)| *grpc)
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Status {
        let grpc = grpc_code(failure.number);
        let message = failure.to_string();
        let value = Bytes::from(failure.to_wire().encode_to_vec());
        let detail = Detail { type_url: TYPE_URL.to_owned(), value };
        let rich = RichStatus { code: grpc as i32, message: message.clone(), details: vec![detail] };
        Status::with_details(grpc, message, Bytes::from(rich.encode_to_vec()))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Failure {
        let rich = RichStatus::decode(status.details()).unwrap_or_default();
        let ours = rich.details.into_iter().find(|detail| detail.type_url == TYPE_URL);
        let error = ours.and_then(|detail| common::Error::decode(detail.value).ok());
        error.map(Failure::from_wire).unwrap_or_else(|| without_details(&status))
    }
}

/// The library's own words, or somebody's between us and the server.
fn without_details(status: &Status) -> Failure {
    let (code, retry) = match status.code() {
        // The connection may have broken after the server took the request.
        tonic::Code::Unavailable | tonic::Code::Unknown | tonic::Code::Cancelled => {
            (code::UNKNOWN_OUTCOME, Retry::WithOpId)
        }
        tonic::Code::DeadlineExceeded => (code::UNKNOWN_OUTCOME, Retry::WithOpId),
        tonic::Code::ResourceExhausted => (code::OVERLOADED, Retry::Later),
        tonic::Code::InvalidArgument | tonic::Code::OutOfRange => (code::MALFORMED, Retry::Never),
        tonic::Code::Unimplemented => (code::UNIMPLEMENTED, Retry::Never),
        tonic::Code::PermissionDenied | tonic::Code::Unauthenticated => (code::NOT_ALLOWED, Retry::Never),
        _ => (code::INTERNAL, Retry::Never),
    };
    let message = format!("{}: {}", status.code(), status.message());
    Failure { retry, ..Failure::new(code, message) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::BadNode;
    use model::Epoch;

    #[test]
    fn every_failure_survives_the_wire() {
        for code in code::ALL {
            let failure = Failure::new(*code, "what happened");
            let status = Status::from(failure.clone());
            assert_eq!(Failure::from(status), failure, "{code}");
        }
        let node = BadNode { address: "10.0.0.1:7400".to_owned(), epoch: Epoch::FIRST, map_version: 7 };
        let failure = Failure::bad_node(node);
        let status = Status::from(failure.clone());
        assert_eq!(status.code(), tonic::Code::FailedPrecondition);
        assert_eq!(Failure::from(status), failure);
    }

    #[test]
    fn codes_that_stay_are_what_they_are() {
        let table = [
            (code::BAD_NODE, tonic::Code::FailedPrecondition),
            (code::OP_SETTLED, tonic::Code::FailedPrecondition),
            (code::CLIENT_FORGOTTEN, tonic::Code::FailedPrecondition),
            (code::CLIENT_AHEAD, tonic::Code::FailedPrecondition),
            (code::OP_GIVEN_UP, tonic::Code::FailedPrecondition),
            (code::CONDITION_FAILED, tonic::Code::FailedPrecondition),
            (code::NOT_TOGETHER, tonic::Code::InvalidArgument),
            (code::OTHER_MACHINE, tonic::Code::FailedPrecondition),
            (code::NO_PARTITION, tonic::Code::NotFound),
            (code::OVERLOADED, tonic::Code::ResourceExhausted),
            (code::UNKNOWN_OUTCOME, tonic::Code::Aborted),
            (code::DESIRED_UNSURE, tonic::Code::Unavailable),
            (code::STORE_IO, tonic::Code::Internal),
        ];
        for (code, grpc) in table {
            assert_eq!(grpc_code(code.number), grpc, "{code}");
        }
    }

    #[test]
    fn strangers_words_become_ours() {
        let failure = Failure::from(Status::unavailable("connection reset"));
        assert!(failure.is(code::UNKNOWN_OUTCOME) && failure.retry == Retry::WithOpId);
        let noise = Status::with_details(tonic::Code::Internal, "x", Bytes::from_static(b"\xff\xff"));
        assert!(Failure::from(noise).is(code::INTERNAL));
    }
}
