//! A call as it goes through the door.

use super::arrival::{Arrival, Line};
use super::rpc;
use env::Clock;
use http::Request;
use std::sync::Arc;
use tonic::body::Body;

/// A request of HTTP, and what is known of it.
pub struct Call {
    /// Which method, who calls, since when, until when.
    pub arrival: Arrival,
    /// The connection that it came in on.
    pub line: Arc<Line>,
    /// As it came.
    pub request: Request<Body>,
}

impl Call {
    /// One that came in a moment ago. Who calls is what the transport says;
    /// whatever a caller says of itself is not asked.
    pub(super) fn new(clock: &dyn Clock, line: Arc<Line>, request: Request<Body>) -> Call {
        let rpc = rpc::find(request.uri().path()).unwrap_or(&rpc::UNKNOWN);
        let arrival = Arrival { rpc, caller: line.caller, at: clock.mono(), deadline: None };
        Call { arrival, line, request }
    }
}
