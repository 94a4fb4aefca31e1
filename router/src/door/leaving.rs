//! An answer on its way out: it keeps its request's place until HTTP/2 below has
//! taken it, and its room until it has been written.
//!
//! It leaves in pieces. HTTP/2 takes whatever it is handed once there is room for
//! a byte: of messages that the gRPC library hands out whole, a client that reads
//! nothing would have all in buffers that nobody counts.

use super::arrival::Line;
use crate::house::{Place, Weight};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};
use http_body::Frame;
use model::code;
use proto::Failure;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Status;
use tonic::body::Body;

type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What leaves at a time.
const PIECE_BYTES: usize = 64 << 10;

/// See above.
#[derive(Default)]
pub struct Leaving {
    /// What is next.
    rest: Bytes,
    behind: Behind,
    ending: Option<Ending>,
    _place: Option<Place>,
}

/// Bytes that take room for as long as anybody has a piece of them, HTTP/2 below
/// included.
struct Weighed {
    bytes: Bytes,
    _weight: Weight,
}

/// The same bytes; their room is given back with the last piece of them.
pub(super) fn weighed(bytes: Bytes, weight: Weight) -> Bytes {
    if weight.is_nothing() { bytes } else { Bytes::from_owner(Weighed { bytes, _weight: weight }) }
}

impl AsRef<[u8]> for Weighed {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// What comes after it.
#[derive(Default)]
enum Behind {
    #[default]
    Nothing,
    /// That all is well.
    Fine,
    /// Whatever the gRPC library has.
    Library(Body),
}

impl Leaving {
    /// A message, and that all is well.
    pub(super) fn message(bytes: Bytes, weight: Weight) -> Response<Leaving> {
        let leaving = Leaving { rest: weighed(bytes, weight), behind: Behind::Fine, ..Leaving::default() };
        let mut response = Response::new(leaving);
        let content = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(header::CONTENT_TYPE, content);
        response
    }

    /// What the gRPC library answers.
    pub(super) fn of_library(body: Body) -> Leaving {
        Leaving { behind: Behind::Library(body), ..Leaving::default() }
    }

    /// Keeps the place until it has left. With `ending`, it ends when calls on
    /// that connection should.
    pub(super) fn hold(&mut self, place: Option<Place>, ending: Option<Arc<Line>>) {
        self._place = place;
        self.ending = ending.map(|line| Box::pin(async move { line.ends().await }) as Ending);
    }
}

impl http_body::Body for Leaving {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = &mut *self;
        if this.ending.as_mut().is_some_and(|ending| ending.as_mut().poll(context).is_ready()) {
            this.ending = None;
            this.rest = Bytes::new();
            this.behind = Behind::Nothing;
            return Poll::Ready(Some(Ok(Frame::trailers(last_words()))));
        }
        if this.rest.is_empty() {
            let behind = match &mut this.behind {
                Behind::Nothing => return Poll::Ready(None),
                Behind::Fine => {
                    this.behind = Behind::Nothing;
                    return Poll::Ready(Some(Ok(Frame::trailers(all_is_well()))));
                }
                Behind::Library(body) => ready!(Pin::new(body).poll_frame(context)),
            };
            match behind {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(this.rest.len().min(PIECE_BYTES));
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
            && match &self.behind {
                Behind::Nothing => true,
                Behind::Fine => false,
                Behind::Library(body) => body.is_end_stream(),
            }
    }
}

pub(super) fn all_is_well() -> HeaderMap {
    let mut trailers = HeaderMap::with_capacity(1);
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers
}

fn last_words() -> HeaderMap {
    let status = Status::from(Failure::new(code::STOPPING, "the node or this connection is ending"));
    let mut trailers = HeaderMap::new();
    // What cannot be said is left out: the code alone can always be.
    let _ = status.add_header(&mut trailers);
    trailers
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::{BodyExt, StreamBody};

    async fn of_both(bytes: usize) -> (Vec<usize>, bool) {
        let data = Bytes::from(vec![7; bytes]);
        let frames = [Ok::<_, Status>(Frame::data(data.clone())), Ok(Frame::trailers(all_is_well()))];
        let library = Leaving::of_library(Body::new(StreamBody::new(tokio_stream::iter(frames))));
        let ours = Leaving::message(data, Weight::default()).into_body();
        let (pieces, same) = (pieces_of(ours).await, pieces_of(library).await);
        assert_eq!(pieces, same);
        pieces
    }

    async fn pieces_of(mut leaving: Leaving) -> (Vec<usize>, bool) {
        let (mut pieces, mut trailers) = (Vec::new(), false);
        while let Some(frame) = leaving.frame().await {
            match frame.expect("no error").into_data() {
                Ok(data) => pieces.push(data.len()),
                Err(frame) => {
                    let map = frame.into_trailers().expect("trailers");
                    trailers = map["grpc-status"] == "0";
                }
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
            assert_eq!(of_both(bytes).await, (expected.to_vec(), true), "{bytes} bytes");
        }
    }
}
