//! An answer on its way out: it keeps its request's place and its room until it
//! has left, and leaves in pieces.
//!
//! The gRPC library hands out a message whole, and HTTP/2 below takes whatever
//! it is handed once there is room for a byte: a client that reads nothing would
//! have all of it in buffers that nobody counts.

use crate::house::{Place, Weight};
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use pin_project_lite::pin_project;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tonic::Status;
use tonic::body::Body;

/// What leaves at a time.
const PIECE_BYTES: usize = 64 << 10;

pin_project! {
    /// See above.
    pub(super) struct Held {
        #[pin] body: Body,
        rest: Bytes,
        _place: Option<Place>,
        _weight: Option<Weight>,
    }
}

impl Held {
    pub fn new(body: Body, place: Option<Place>, weight: Option<Weight>) -> Held {
        Held { body, rest: Bytes::new(), _place: place, _weight: weight }
    }
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.project();
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

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderMap;
    use http_body_util::{BodyExt, StreamBody};

    async fn pieces_of(bytes: usize) -> (Vec<usize>, bool) {
        let data = Frame::data(Bytes::from(vec![7; bytes]));
        let frames = [Ok::<_, Status>(data), Ok(Frame::trailers(HeaderMap::new()))];
        let mut held = Held::new(Body::new(StreamBody::new(tokio_stream::iter(frames))), None, None);
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
