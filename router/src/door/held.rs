//! An answer on its way out: it keeps its request's place and its room until it
//! has left, and leaves in pieces.
//!
//! The gRPC library hands out a message whole, and HTTP/2 below takes whatever
//! it is handed once there is room for a byte: a client that reads nothing would
//! have all of it in buffers that nobody counts.

use crate::house::{Place, Weight};
use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use model::code;
use pin_project_lite::pin_project;
use proto::Failure;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;

type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What leaves at a time.
const PIECE_BYTES: usize = 64 << 10;

pin_project! {
    /// See above.
    pub(super) struct Held {
        #[pin] body: Body,
        rest: Bytes,
        ending: Option<Ending>,
        _place: Option<Place>,
        _weight: Option<Weight>,
    }
}

impl Held {
    /// With `ending`, it ends when that turns true.
    pub fn new(
        body: Body,
        place: Option<Place>,
        weight: Option<Weight>,
        ending: Option<watch::Receiver<bool>>,
    ) -> Held {
        let ending = ending.map(|ending| Box::pin(told(ending)) as Ending);
        Held { body, rest: Bytes::new(), ending, _place: place, _weight: weight }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let mut this = self.project();
        if this.ending.as_mut().is_some_and(|ending| ending.as_mut().poll(context).is_ready()) {
            *this.ending = None;
            this.body.set(Body::empty());
            return Poll::Ready(Some(Ok(Frame::trailers(last_words()))));
        }
        if this.rest.is_empty() {
            let frame = match ready!(this.body.poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => return Poll::Ready(end),
            };
            match frame.into_data() {
                Ok(data) => *this.rest = data,
                Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What is left of a piece counts, and nobody asks once it has begun.
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

async fn told(mut ending: watch::Receiver<bool>) {
    // An error means that the node has ended.
    let _ = ending.wait_for(|ends| *ends).await;
}

fn last_words() -> HeaderMap {
    let status = Status::from(Failure::new(code::STOPPING, "the node is ending"));
    let mut trailers = HeaderMap::new();
    // What cannot be said is left out: the code alone can always be.
    let _ = status.add_header(&mut trailers);
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    async fn pieces_of(bytes: usize) -> (Vec<usize>, bool) {
        let data = Frame::data(Bytes::from(vec![7; bytes]));
        let frames = [Ok::<_, Status>(data), Ok(Frame::trailers(HeaderMap::new()))];
        let mut held = Held::new(Body::new(StreamBody::new(tokio_stream::iter(frames))), None, None, None);
        let (mut pieces, mut trailers) = (Vec::new(), false);
        while let Some(frame) = held.frame().await {
            match frame.expect("no error").into_data() {
                Ok(data) => pieces.push(data.len()),
                Err(_) => trailers = true,
            }
        }
        (pieces, trailers)
    }

    #[tokio::test]
    async fn a_message_leaves_in_pieces_and_whole() {
        for (bytes, expected) in [
            (10, &[10][..]),
            (PIECE_BYTES, &[PIECE_BYTES]),
            (2 * PIECE_BYTES + 5, &[PIECE_BYTES, PIECE_BYTES, 5]),
        ] {
            assert_eq!(pieces_of(bytes).await, (expected.to_vec(), true), "{bytes} bytes");
        }
    }
}
