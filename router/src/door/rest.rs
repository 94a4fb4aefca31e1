//! What still comes of a call that is refused in the midst of its body. A refusal
//! ends the call, and HTTP/2 holds it against the client when it goes on sending;
//! one that could not know better gets to the end first.
#![allow(clippy::disallowed_methods, reason = "the runtime's timer, which simulation drives as well")]

use http_body::Body as _;
use proto::MESSAGE_BYTES_MAX;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tonic::body::Body;

/// Nobody who means well takes much longer, or has more.
const WAIT: Duration = Duration::from_millis(250);
const BYTES_MAX: usize = 2 * MESSAGE_BYTES_MAX;

/// Reads to the end and keeps nothing.
pub(crate) struct Rest {
    body: Body,
    bytes: usize,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Rest {
    pub fn of(body: Body) -> Rest {
        Rest { body, bytes: 0, timer: None }
    }
}

impl Future for Rest {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        while this.bytes <= BYTES_MAX && !this.body.is_end_stream() {
            match Pin::new(&mut this.body).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => this.bytes += frame.data_ref().map_or(0, bytes::Bytes::len),
                Poll::Ready(_) => break,
                Poll::Pending => {
                    let timer = this.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep(WAIT)));
                    return timer.as_mut().poll(context);
                }
            }
        }
        Poll::Ready(())
    }
}
