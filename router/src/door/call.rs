//! A call as it goes through the door.

use super::arrival::{Arrival, Caller};
use super::rpc;
use env::Clock;
use http::Request;
use tonic::body::Body;

/// A request of HTTP, and what is known of it.
pub struct Call {
    /// Which method, who calls, since when, until when.
    pub arrival: Arrival,
    /// As it came.
    pub request: Request<Body>,
}

impl Call {
    /// One that came in a moment ago. Who calls is what the transport says;
    /// whatever a caller says of itself is not asked.
    pub(super) fn new(clock: &dyn Clock, caller: Caller, request: Request<Body>) -> Call {
        let rpc = rpc::find(request.uri().path()).unwrap_or(&rpc::UNKNOWN);
        Call { arrival: Arrival { rpc, caller, at: clock.mono(), deadline: None }, request }
    }
}
