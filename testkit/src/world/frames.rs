//! The transport that most seeds use: length-prefixed messages of `Stream`,
//! without HTTP/2. Calls can be served late and twice here, which TCP alone
//! never does.

use super::pause;
use super::site::{Mischief, Site};
use bytes::{Buf, BufMut, BytesMut};
use env::rng::Stream;
use proto::Message;
use proto::data::stream_request::Request as Asked;
use proto::data::{StreamRequest, StreamResponse};
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
        let times = if is_doubled(&request, mischief, &mut draws.borrow_mut()) { 2 } else { 1 };
        for _ in 0..times {
            let late = lateness(mischief, &mut draws.borrow_mut());
            let (service, request, answers) = (service.clone(), request.clone(), answers.clone());
            tokio::task::spawn_local(async move {
                if let Some(late) = late {
                    pause(late).await;
                }
                let answer = service.ask(caller, request).await;
                // The connection may be gone.
                let _ = answers.send(answer).await;
            });
        }
    }
}

/// Only reads are served twice: a write would be two writes, as long as writes
/// have no op-ids.
fn is_doubled(request: &StreamRequest, mischief: Mischief, draws: &mut Stream) -> bool {
    matches!(request.request, Some(Asked::Get(_)))
        && mischief.duplicate_percent > 0
        && draws.chance(mischief.duplicate_percent)
}

fn lateness(mischief: Mischief, draws: &mut Stream) -> Option<Duration> {
    let late = mischief.reorder_percent > 0 && draws.chance(mischief.reorder_percent);
    late.then(|| Duration::from_millis(1 + draws.below(mischief.reorder_by_ms.max(1))))
}
