//! A call as it stands in the door: which method, who calls, since when, until
//! when.

use super::call::Call;
use super::rpc::{self, Rpc};
use env::Mono;
use model::code;
use proto::Failure;
use std::net::SocketAddr;
use tokio::sync::watch;

/// Who calls, as the transport says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The other end of the connection.
    pub address: Option<SocketAddr>,
}

impl Caller {
    /// Is it on this machine?
    pub fn is_local(&self) -> bool {
        self.address.is_some_and(|address| address.ip().to_canonical().is_loopback())
    }
}

/// The connection that calls come in on.
#[derive(Debug)]
pub struct Line {
    /// Who is at the other end.
    pub caller: Caller,
    /// Turns true when calls that live on should take nothing in any more,
    /// finish what is under way, and end.
    pub ending: watch::Receiver<bool>,
}

impl Line {
    /// Returns when they should.
    pub(crate) async fn ends(&self) {
        // An error means that the connection is gone.
        let _ = self.ending.clone().wait_for(|ends| *ends).await;
    }
}

/// A call on its way in.
#[derive(Clone, Copy, Debug)]
pub struct Arrival {
    /// Which method.
    pub rpc: &'static Rpc,
    /// Who calls.
    pub caller: Caller,
    /// Since when.
    pub at: Mono,
    /// Until when somebody waits, if the call says so. Messages of a `Stream` say
    /// it themselves.
    pub deadline: Option<Mono>,
}

impl Arrival {
    /// Of a message of `Stream` that came without the call.
    pub(crate) fn alone(caller: Caller, at: Mono) -> Arrival {
        let rpc = rpc::find("/statehouse.data.v1.Data/Stream").unwrap_or(&rpc::UNKNOWN);
        Arrival { rpc, caller, at, deadline: None }
    }

    /// May its caller call that?
    pub(crate) fn authorize(&self) -> Result<(), Failure> {
        rpc::authorize(self.rpc, &self.caller)
    }

    /// The same for one message of a call that lives on.
    pub(crate) fn of_message(self, at: Mono) -> Arrival {
        Arrival { at, deadline: None, ..self }
    }

    /// Until when somebody waits for a request: what the call says, or the
    /// request's own header, or the node; the earliest counts.
    pub(crate) fn until(&self, asked_ms: Option<u32>, default_ms: u32) -> Mono {
        let asked = self.at.plus_ms(u64::from(asked_ms.unwrap_or(default_ms)));
        self.deadline.map_or(asked, |deadline| deadline.min(asked))
    }
}

/// Takes `grpc-timeout` into account.
pub(super) fn set_deadline(call: &mut Call) -> Result<(), Failure> {
    let Some(value) = call.request.headers().get("grpc-timeout") else { return Ok(()) };
    let timeout_ms = value.to_str().ok().and_then(timeout_ms);
    let timeout_ms =
        timeout_ms.ok_or_else(|| Failure::new(code::MALFORMED, "`grpc-timeout` is no duration"))?;
    if timeout_ms == 0 {
        return Err(Failure::new(code::DEADLINE_EXCEEDED, "the deadline had passed when the call came in"));
    }
    call.arrival.deadline = Some(call.arrival.at.plus_ms(timeout_ms));
    Ok(())
}

/// At most eight digits and a unit, in milliseconds, rounded up.
fn timeout_ms(text: &str) -> Option<u64> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let fits = (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: u64 = digits.parse().ok().filter(|_| fits)?;
    match unit {
        "H" => Some(number * 3_600_000),
        "M" => Some(number * 60_000),
        "S" => Some(number * 1000),
        "m" => Some(number),
        "u" => Some(number.div_ceil(1000)),
        "n" => Some(number.div_ceil(1_000_000)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timeouts_are_read_and_nonsense_is_not() {
        let table = [
            ("1H", Some(3_600_000)),
            ("2M", Some(120_000)),
            ("3S", Some(3000)),
            ("250m", Some(250)),
            ("1u", Some(1)),
            ("99999999n", Some(100)),
            ("", None),
            ("S", None),
            ("1", None),
            ("1x", None),
            ("-1S", None),
            ("123456789S", None),
            ("1é", None),
        ];
        for (text, expected) in table {
            assert_eq!(timeout_ms(text), expected, "{text}");
        }
    }

    #[test]
    fn a_message_without_its_call_may_what_the_call_may() {
        let alone = Arrival::alone(Caller { address: None }, Mono(7));
        assert_eq!((alone.rpc.name(), alone.rpc.right, alone.at), ("Stream", rpc::Right::Data, Mono(7)));
        assert!(alone.authorize().is_ok());
    }

    #[test]
    fn the_earliest_deadline_counts() {
        let row = rpc::find("/statehouse.data.v1.Data/Get").expect("a row");
        let arrival =
            |deadline| Arrival { rpc: row, caller: Caller { address: None }, at: Mono(0), deadline };
        let ms = |ms| Mono(0).plus_ms(ms);
        assert_eq!(arrival(None).until(None, 10), ms(10));
        assert_eq!(arrival(None).until(Some(5), 10), ms(5));
        assert_eq!(arrival(Some(ms(3))).until(Some(5), 10), ms(3));
        assert_eq!(arrival(Some(ms(30))).until(None, 10), ms(10));
        assert_eq!(arrival(Some(ms(30))).until(Some(20), 10), ms(20));
    }
}
