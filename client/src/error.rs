//! What a caller learns when something was not done.

use crate::endpoint::Endpoints;
use model::{Code, code};
use proto::{BadNode, Failure, Retry};
use std::error::Error as _;
use std::io;
use tonic::Status;

/// Why something was not done, or is not known to be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Error(Box<Failure>);

/// What a call may do to the server's state; decides what a lost answer means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing: it may be sent again whatever happened.
    Read,
    /// Without an answer it is not known whether it was applied.
    Write,
}

impl Error {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Error {
        Error(Box::new(Failure::new(code, message)))
    }

    pub(crate) fn with_hint(mut self, hint: &str) -> Error {
        hint.clone_into(&mut self.0.hint);
        self
    }

    /// The code, as `SH2101`. It never changes meaning.
    pub fn code(&self) -> String {
        format!("SH{:04}", self.0.number)
    }

    /// The code's number.
    pub fn number(&self) -> u16 {
        self.0.number
    }

    /// Is it this one?
    pub fn is(&self, code: Code) -> bool {
        self.0.is(code)
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    pub fn hint(&self) -> &str {
        &self.0.hint
    }

    /// With `SH2210`: the revision that the row has; none if there is no such row.
    pub fn revision(&self) -> Option<u64> {
        self.0.revision
    }

    /// With `SH2230`: the first index whose events are kept.
    pub fn first_kept(&self) -> Option<u64> {
        self.0.revision.filter(|_| self.is(code::COMPACTED))
    }

    /// What a retry may do.
    pub fn retry(&self) -> Retry {
        self.0.retry
    }

    /// Was nothing applied, and may the same request succeed later or elsewhere?
    pub fn is_retryable(&self) -> bool {
        matches!(self.0.retry, Retry::Later | Retry::Elsewhere)
    }

    /// The same, where nothing was done and it may succeed later.
    pub(crate) fn that_passes(mut self) -> Error {
        self.0.retry = Retry::Later;
        self
    }

    /// Is it what the operation came to, and not why an attempt at it came to
    /// nothing? Then it is the same for every attempt. A client from the future
    /// was that before, too: the clocks of partitions only go on.
    pub(crate) fn is_outcome(&self) -> bool {
        let of_machines = code::COUNTER_LIMIT.number..=code::LEASE_LOST.number;
        [code::CONDITION_FAILED, code::OP_GIVEN_UP, code::CLIENT_AHEAD].iter().any(|code| self.is(*code))
            || of_machines.contains(&self.number())
    }

    /// Was nothing done because of the client's id?
    pub(crate) fn refuses_client(&self) -> bool {
        self.is(code::CLIENT_AHEAD) || self.is(code::CLIENT_FORGOTTEN)
    }

    /// Who holds the key instead, when the server said so.
    pub fn bad_node(&self) -> Option<&BadNode> {
        self.0.bad_node.as_ref()
    }

    /// Of a status that a call to `server` ended with.
    pub(crate) fn of_call(status: Status, access: Access, server: &Endpoints) -> Error {
        if let Some(cause) = connect_failure(&status) {
            return unreachable(server, cause);
        }
        // With a source, the words are the transport's, not the server's: the
        // request may have arrived, whatever the transport calls its trouble.
        let transport = status.source().is_some();
        let failure = Failure::from(status);
        let lost = transport || failure.is(code::UNKNOWN_OUTCOME);
        match access {
            Access::Read if lost => broken(server, &failure.message),
            Access::Write if transport => {
                let message = format!("the connection to {server} failed: {}", failure.message);
                Error::new(code::UNKNOWN_OUTCOME, message)
            }
            _ => failure.into(),
        }
    }

    /// No answer came in time to a call that may have been sent.
    pub(crate) fn expired(access: Access, server: &Endpoints) -> Error {
        let message = format!("no answer from {server} before the deadline");
        Error::new(expired_code(access), message)
    }

    /// It could not be sent in time.
    pub(crate) fn not_sent_in_time(server: &Endpoints) -> Error {
        Error::new(code::DEADLINE_EXCEEDED, format!("it could not be sent to {server} before the deadline"))
    }
}

fn expired_code(access: Access) -> Code {
    match access {
        Access::Read => code::DEADLINE_EXCEEDED,
        Access::Write => code::UNKNOWN_OUTCOME,
    }
}

/// A read whose connection broke: nothing is lost by reading again.
pub(crate) fn broken(server: &Endpoints, why: &str) -> Error {
    Error::new(code::UNREACHABLE, format!("the connection to {server} failed: {why}"))
}

fn unreachable(server: &Endpoints, cause: String) -> Error {
    let message = match cause.is_empty() {
        true => format!("nothing listens at {server}"),
        false => format!("cannot connect to {server}: {cause}"),
    };
    Error::new(code::UNREACHABLE, message)
}

/// Why no connection came about, when that is what happened; empty when there
/// is nobody. Nothing was sent then.
fn connect_failure(status: &Status) -> Option<String> {
    let mut at = status.source();
    let mut connecting = false;
    let mut reason = None;
    while let Some(error) = at {
        connecting |= error.is::<tonic::ConnectError>();
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io.kind() == io::ErrorKind::ConnectionRefused
        {
            reason = Some(String::new());
            break;
        }
        reason = Some(error.to_string());
        at = error.source();
    }
    reason.filter(|_| connecting)
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Error {
        Error(Box::new(failure))
    }
}

/// Of an error in an item's place.
impl From<proto::common::Error> for Error {
    fn from(error: proto::common::Error) -> Error {
        Failure::from_wire(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn server() -> Endpoints {
        "127.0.0.1:7400".parse().expect("an endpoint")
    }

    fn from_transport(code: tonic::Code, source: impl std::error::Error + Send + Sync + 'static) -> Status {
        let mut status = Status::new(code, "transport error");
        status.set_source(Arc::new(source));
        status
    }

    fn connecting(kind: io::ErrorKind) -> Status {
        let cause = tonic::ConnectError(Box::new(io::Error::new(kind, "the reason")));
        from_transport(tonic::Code::Unavailable, cause)
    }

    #[test]
    fn what_a_lost_answer_means() {
        use Access::{Read, Write};
        let reset = || from_transport(tonic::Code::Unavailable, io::Error::other("reset"));
        let calm = || from_transport(tonic::Code::ResourceExhausted, io::Error::other("calm"));
        let overloaded = || Status::from(Failure::new(code::OVERLOADED, "full"));
        let bare = || Status::unavailable("proxy");
        let rows = [
            (connecting(io::ErrorKind::ConnectionRefused), Write, code::UNREACHABLE, Retry::Later),
            (connecting(io::ErrorKind::TimedOut), Write, code::UNREACHABLE, Retry::Later),
            (reset(), Write, code::UNKNOWN_OUTCOME, Retry::WithOpId),
            (reset(), Read, code::UNREACHABLE, Retry::Later),
            // Not to be mistaken for the server's own refusal.
            (calm(), Write, code::UNKNOWN_OUTCOME, Retry::WithOpId),
            (overloaded(), Write, code::OVERLOADED, Retry::Later),
            (overloaded(), Read, code::OVERLOADED, Retry::Later),
            (bare(), Write, code::UNKNOWN_OUTCOME, Retry::WithOpId),
            (bare(), Read, code::UNREACHABLE, Retry::Later),
        ];
        for (status, access, code, retry) in rows {
            let error = Error::of_call(status, access, &server());
            assert_eq!((error.number(), error.retry()), (code.number, retry), "{error}");
        }
    }

    #[test]
    fn nobody_there_is_said_in_so_many_words() {
        let refused = Error::of_call(connecting(io::ErrorKind::ConnectionRefused), Access::Write, &server());
        assert_eq!(refused.to_string(), "SH2401 nothing listens at 127.0.0.1:7400");
        assert!(refused.hint().contains("statehouse dev"), "{}", refused.hint());
        let timeout = Error::of_call(connecting(io::ErrorKind::TimedOut), Access::Write, &server());
        assert_eq!(timeout.message(), "cannot connect to 127.0.0.1:7400: the reason");
    }
}
