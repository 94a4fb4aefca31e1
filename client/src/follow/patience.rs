//! How long a call that goes on for ever is waited for, and made again.

use crate::Inner;
use crate::error::{Access, Error, broken};
use crate::runtime::{self, Instant};
use std::time::Duration;

/// Of a wait for one message.
pub(super) struct Patience {
    /// A call that says nothing for so long has broken.
    silence: Duration,
    /// Goes on making calls, however long none succeeds.
    for_ever: bool,
    attempts: u32,
    /// There was a break: until when it may last.
    expires: Option<Instant>,
    /// What the break was.
    known: Option<Error>,
}

impl Patience {
    /// Behind so many attempts that came to nothing.
    pub fn new(silence: Duration, for_ever: bool, attempts: u32) -> Patience {
        Patience { silence, for_ever, attempts, expires: None, known: None }
    }

    /// What is heard, unless that takes too long.
    pub async fn hear<T>(
        &mut self,
        inner: &Inner,
        hearing: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let quiet = runtime::now() + self.silence;
        let expires = self.expires.filter(|expires| *expires < quiet);
        if let Some(heard) = runtime::before(expires.unwrap_or(quiet), hearing).await {
            return heard;
        }
        let server = inner.data.server();
        Err(match (expires, self.known.take()) {
            // What broke it says more than that time is over.
            (Some(_), Some(known)) => known,
            (Some(_), None) => Error::expired(Access::Read, server),
            (None, _) => broken(server, &format!("it said nothing for {:?}", self.silence)),
        })
    }

    /// Waits before the call is made again, or says why it is not.
    pub async fn again(&mut self, inner: &Inner, error: Error) -> Result<(), Error> {
        let in_time = inner.expires();
        let expires = match self.for_ever {
            true => in_time + Duration::from_secs(1),
            false => *self.expires.get_or_insert(in_time),
        };
        self.attempts += 1;
        if error.is_retryable() && inner.retrying.again(self.attempts, Duration::ZERO, expires).await {
            self.known = Some(error);
            return Ok(());
        }
        Err(error)
    }
}
