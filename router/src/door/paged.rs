//! An answer of many messages that are not all there yet: each leaves as it
//! comes, and takes room until it has left.

use super::leaving::{Leaving, all_is_well, weighed};
use crate::house::Weight;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use model::code;
use proto::Failure;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::mpsc;
use tonic::Status;
use tonic::body::Body;

/// What comes next of an answer.
pub(crate) enum Piece {
    /// A message in its frame, and its room.
    Message(Bytes, Weight),
    /// The end: all is well, or not.
    End(Result<(), Failure>),
}

/// An answer of pieces. Whoever makes them has given up when there are none any
/// more and no end came.
pub(crate) fn paged(pieces: mpsc::Receiver<Piece>) -> Response<Leaving> {
    let mut response = Response::new(Leaving::of_library(Body::new(Paged { pieces, over: false })));
    let content = HeaderValue::from_static("application/grpc");
    response.headers_mut().insert(header::CONTENT_TYPE, content);
    response
}

struct Paged {
    pieces: mpsc::Receiver<Piece>,
    over: bool,
}

impl http_body::Body for Paged {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let end = match ready!(self.pieces.poll_recv(context)) {
            Some(Piece::Message(bytes, weight)) => {
                return Poll::Ready(Some(Ok(Frame::data(weighed(bytes, weight)))));
            }
            Some(Piece::End(end)) => end,
            None => Err(Failure::new(code::DEADLINE_EXCEEDED, "the answer was not taken in time")),
        };
        self.over = true;
        Poll::Ready(Some(Ok(Frame::trailers(end.map_or_else(said, |()| all_is_well())))))
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

fn said(failure: Failure) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    // What cannot be said is left out: the code alone can always be.
    let _ = Status::from(failure).add_header(&mut trailers);
    trailers
}
