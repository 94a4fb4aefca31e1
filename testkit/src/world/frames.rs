//! The transport that most seeds use: length-prefixed messages of `Stream`,
//! without HTTP/2. Calls can be served late and twice here, which TCP alone
//! never does: a write for the second time once the first has been answered, as
//! if it had been sent again.

use super::pause;
use super::site::{Mischief, Site};
use bytes::{Buf, BufMut, BytesMut};
use env::rng::Stream;
use proto::Message;
use proto::data::item_result::Outcome;
use proto::data::stream_request::Request as Asked;
use proto::data::stream_response::Response;
use proto::data::{ItemResult, StreamRequest, StreamResponse};
use router::DataService;
use router::door::Caller;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;
use turmoil::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use turmoil::net::{TcpListener, TcpStream};

/// Where nodes listen for frames.
pub const PORT: u16 = 7500;
/// Answers that wait for a connection.
const ANSWERS_MAX: usize = 1024;

/// Writes one message.
pub async fn put(to: &mut OwnedWriteHalf, message: &impl Message) -> io::Result<()> {
    let mut frame = BytesMut::with_capacity(4 + message.encoded_len());
    frame.put_u32_le(message.encoded_len() as u32);
    frame.put_slice(&message.encode_to_vec());
    to.write_all(&frame).await
}

/// Reads one message; `None` at the end.
pub async fn take<M: Message + Default>(
    from: &mut OwnedReadHalf,
    buffer: &mut BytesMut,
) -> io::Result<Option<M>> {
    loop {
        if let Some(head) = buffer.first_chunk::<4>() {
            let bytes = u32::from_le_bytes(*head) as usize;
            if buffer.len() >= 4 + bytes {
                buffer.advance(4);
                let message = M::decode(buffer.split_to(bytes));
                return message.map(Some).map_err(io::Error::other);
            }
        }
        if from.read_buf(buffer).await? == 0 {
            return Ok(None);
        }
    }
}

/// Serves frames until the host ends.
pub async fn serve(site: Rc<Site>, service: DataService) -> io::Result<()> {
    let listener = TcpListener::bind(("0.0.0.0", PORT)).await?;
    let draws = Rc::new(RefCell::new(site.stream("calls")));
    loop {
        let (stream, address) = listener.accept().await?;
        let caller = Caller { address: Some(address) };
        tokio::task::spawn_local(attend(site.clone(), service.clone(), stream, caller, draws.clone()));
    }
}

/// One connection.
async fn attend(
    site: Rc<Site>,
    service: DataService,
    stream: TcpStream,
    caller: Caller,
    draws: Rc<RefCell<Stream>>,
) {
    let (mut from, mut to) = stream.into_split();
    let (answers, mut out) = mpsc::channel::<StreamResponse>(ANSWERS_MAX);
    tokio::task::spawn_local(async move {
        while let Some(answer) = out.recv().await {
            if put(&mut to, &answer).await.is_err() {
                return;
            }
        }
    });
    let mut buffer = BytesMut::new();
    while let Ok(Some(request)) = take::<StreamRequest>(&mut from, &mut buffer).await {
        let mischief = site.mischief();
        let doubled = mischief.duplicate_percent > 0 && draws.borrow_mut().chance(mischief.duplicate_percent);
        let late = [(); 2].map(|()| lateness(mischief, &mut draws.borrow_mut()));
        let call = Call { site: site.clone(), service: service.clone(), caller, answers: answers.clone() };
        tokio::task::spawn_local(async move {
            let answer = call.serve(request.clone(), late[0]).await;
            if doubled && is_safe_twice(&request) && is_done(&answer) {
                let again = call.serve(request, late[1].or(Some(Duration::from_millis(1)))).await;
                if let Some(what) = differs(&answer, &again) {
                    call.site.ledger.borrow_mut().find_strange(what);
                }
            }
        });
    }
}

/// One call on its way.
struct Call {
    site: Rc<Site>,
    service: DataService,
    caller: Caller,
    answers: mpsc::Sender<StreamResponse>,
}

impl Call {
    async fn serve(&self, request: StreamRequest, late: Option<Duration>) -> StreamResponse {
        if let Some(late) = late {
            pause(late).await;
        }
        let answer = self.service.ask(self.caller, request).await;
        // The connection may be gone.
        let _ = self.answers.send(answer.clone()).await;
        answer
    }
}

/// A write without a name would be two writes.
fn is_safe_twice(request: &StreamRequest) -> bool {
    let header = match &request.request {
        Some(Asked::Get(_)) => return true,
        Some(Asked::Upsert(write)) => &write.header,
        Some(Asked::Remove(write)) => &write.header,
        Some(Asked::Apply(write)) => &write.header,
        Some(Asked::Query(_)) => return true,
        None => return false,
    };
    header.as_ref().is_some_and(|header| header.op.is_some())
}

/// Who has been told that nothing was done must not see it done by a copy.
fn is_done(answer: &StreamResponse) -> bool {
    let done = |result: &ItemResult| matches!(result.outcome, Some(Outcome::Applied(_)));
    match results(answer) {
        Some(results) => results.iter().all(done),
        None => matches!(answer.response, Some(Response::Get(_))),
    }
}

/// What was done has one answer, however often it is asked for; unless nobody
/// needs one any more.
fn differs(first: &StreamResponse, second: &StreamResponse) -> Option<String> {
    let (first, second) = (results(first)?, results(second)?);
    let differs = |first: &ItemResult, second: &ItemResult| match (&first.outcome, &second.outcome) {
        (Some(Outcome::Applied(was)), Some(Outcome::Applied(is))) => {
            (was.revision, was.not_found) != (is.revision, is.not_found)
        }
        _ => false,
    };
    let mut pairs = first.iter().zip(second);
    let (was, is) = pairs.find(|(first, second)| differs(first, second))?;
    Some(format!("a write was answered {was:?}, and sent again {is:?}"))
}

fn results(answer: &StreamResponse) -> Option<&[ItemResult]> {
    match answer.response.as_ref()? {
        Response::Upsert(answer) => Some(&answer.results),
        Response::Remove(answer) => Some(&answer.results),
        Response::Get(_) | Response::Apply(_) | Response::Query(_) | Response::Error(_) => None,
    }
}

fn lateness(mischief: Mischief, draws: &mut Stream) -> Option<Duration> {
    let late = mischief.reorder_percent > 0 && draws.chance(mischief.reorder_percent);
    late.then(|| Duration::from_millis(1 + draws.below(mischief.reorder_by_ms.max(1))))
}
