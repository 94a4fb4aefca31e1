//! Calls and what became of them, as bytes of a link's frame.

use bytes::Bytes;
use env::Mono;
use model::{Code, Durability, Epoch, NodeId, PartitionId, code};
use pipeline::retries::Answered;
use pipeline::{Answer, Done, Refusal, Reply, Request, Timings};
use proto::{Message as _, peer as wire};

/// Bytes of a frame beyond its first outcome.
const FRAME_BYTES: usize = 1 << 20;

/// A request on its way. Its deadline is, on the wire, how long somebody waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub serial: u64,
    pub partition: PartitionId,
    pub request: Request<()>,
}

/// What nodes tell each other of the desired state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// How far whoever says it is, and where it is reached now, if it knows.
    Tidings(Tidings, String),
    /// Whoever says it wants what is later than this version.
    Wanted { beyond: u64 },
    /// The desired state, as text.
    Map(Bytes),
}

/// How far a node is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tidings {
    /// The version of the desired state that it goes by.
    pub version: u64,
    /// Partitions that it leads.
    pub leads: u64,
    /// What it should do and cannot.
    pub undone: u64,
}

/// What a frame says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Frame {
    pub calls: Vec<Call>,
    pub outcomes: Vec<(u64, Answer)>,
    pub words: Vec<Word>,
}

/// A call as a frame.
pub(super) fn call(Call { serial, partition, request }: Call, now: Mono) -> Bytes {
    let left_ns = |until: Mono| until.0.saturating_sub(now.0);
    let call = wire::Call {
        serial,
        partition: partition.0,
        commands: request.payload,
        count: request.count,
        rows: request.rows,
        // At least 1: without any, it would be forever.
        remaining_ms: request.deadline.map_or(0, |until| left_ns(until).div_ceil(1_000_000).max(1)),
        expected: request.expected_epoch.map(epoch_out),
        min_durability: request.min_durability.map_or(0, |least| u32::from(least as u8)),
        makes_room: request.makes_room,
    };
    wire::Calls { calls: vec![call], ..wire::Calls::default() }.encode_to_vec().into()
}

/// Outcomes as frames.
pub(super) fn outcomes(answers: impl Iterator<Item = (u64, Answer)>) -> Vec<Bytes> {
    let (mut frames, mut frame, mut bytes) = (Vec::new(), wire::Calls::default(), 0);
    for (serial, answer) in answers {
        let what = Some(match answer {
            Ok(done) => wire::outcome::What::Done(done_out(done)),
            Err(refusal) => wire::outcome::What::Refused(refusal_out(&refusal)),
        });
        let outcome = wire::Outcome { serial, what };
        bytes += proto::encoded_len(&outcome);
        if bytes > FRAME_BYTES && !frame.outcomes.is_empty() {
            frames.push(std::mem::take(&mut frame).encode_to_vec().into());
            bytes = 0;
        }
        frame.outcomes.push(outcome);
    }
    if !frame.outcomes.is_empty() {
        frames.push(frame.encode_to_vec().into());
    }
    frames
}

/// A word as a frame.
pub(crate) fn word(word: Word) -> Bytes {
    let mut frame = wire::Calls::default();
    match word {
        Word::Tidings(Tidings { version, leads, undone }, peers) => {
            frame.tidings = Some(wire::Tidings { version, leads, undone, peers });
        }
        Word::Wanted { beyond } => frame.map_wanted = Some(wire::MapWanted { beyond }),
        Word::Map(text) => frame.map = Some(wire::Map { text }),
    }
    frame.encode_to_vec().into()
}

/// `None` for bytes that no node of ours sends.
pub(super) fn decode(frame: Bytes) -> Option<Frame> {
    let frame = wire::Calls::decode(frame).ok()?;
    let tidings = |told: wire::Tidings| {
        let wire::Tidings { version, leads, undone, peers } = told;
        Word::Tidings(Tidings { version, leads, undone }, peers)
    };
    let words = [
        frame.tidings.map(tidings),
        frame.map_wanted.map(|wanted| Word::Wanted { beyond: wanted.beyond }),
        frame.map.map(|map| Word::Map(map.text)),
    ];
    let calls = frame.calls.into_iter().map(call_in).collect::<Option<_>>()?;
    let outcomes = frame.outcomes.into_iter().map(outcome_in).collect();
    Some(Frame { calls, outcomes, words: words.into_iter().flatten().collect() })
}

fn call_in(call: wire::Call) -> Option<Call> {
    let partition = PartitionId(call.partition);
    let request = Request {
        payload: call.commands,
        count: call.count,
        rows: call.rows,
        arrived: Mono(0),
        deadline: Some(Mono(call.remaining_ms)).filter(|left| left.0 > 0),
        expected_epoch: call.expected.map(epoch_in),
        min_durability: durability_in(call.min_durability)?,
        makes_room: call.makes_room,
        token: (),
    };
    // Commands that are none would stop the partition.
    let makes_sense = match request.count {
        0 => request.payload.is_empty(),
        count => model::command::decode_commands(&request.payload, count).is_ok(),
    };
    let makes_sense = makes_sense && request.rows >= request.count;
    (partition.is_ordinary() && makes_sense).then_some(Call { serial: call.serial, partition, request })
}

fn outcome_in(outcome: wire::Outcome) -> (u64, Answer) {
    // Of a later build, perhaps: whoever waits learns at once that nobody here knows.
    let unreadable = || Err(Refusal::Unknown("the answer of another node cannot be read".to_owned()));
    let answer = match outcome.what {
        Some(wire::outcome::What::Done(done)) => done_in(done).map(Ok),
        Some(wire::outcome::What::Refused(refused)) => refusal_in(refused).map(Err),
        None => None,
    };
    (outcome.serial, answer.unwrap_or_else(unreadable))
}

fn done_out(done: Done) -> wire::CallDone {
    let reply = |reply: Reply| {
        use wire::call_reply::What;
        let what = match reply {
            Reply::Now(reply) => What::Now(reply),
            Reply::Before(Answered { revision, reply }) => What::Before(wire::CallBefore { revision, reply }),
            Reply::Refused(code) => What::Refused(u32::from(code.number)),
        };
        wire::CallReply { what: Some(what) }
    };
    wire::CallDone {
        partition: done.partition.0,
        epoch: Some(epoch_out(done.epoch)),
        first_index: done.first_index,
        count: done.count,
        durability: u32::from(done.durability as u8),
        replies: done.replies.into_iter().map(reply).collect(),
    }
}

fn done_in(done: wire::CallDone) -> Option<Done> {
    let reply = |reply: wire::CallReply| {
        use wire::call_reply::What;
        Some(match reply.what? {
            What::Now(reply) => Reply::Now(reply),
            What::Before(wire::CallBefore { revision, reply }) => Reply::Before(Answered { revision, reply }),
            What::Refused(number) => Reply::Refused(code_in(number)?),
        })
    };
    done.first_index.checked_add(u64::from(done.count))?;
    Some(Done {
        partition: PartitionId(done.partition),
        epoch: epoch_in(done.epoch?),
        // A read stands behind what is applied, and 0 would be before everything.
        first_index: Some(done.first_index).filter(|first| *first > 0)?,
        count: done.count,
        durability: durability_in(done.durability)??,
        replies: done.replies.into_iter().map(reply).collect::<Option<_>>()?,
        timings: Timings::default(),
    })
}

fn refusal_out(refusal: &Refusal) -> wire::CallRefused {
    let blank = wire::CallRefused { code: u32::from(refusal.code().number), ..wire::CallRefused::default() };
    match refusal {
        Refusal::Late | Refusal::Full | Refusal::Overloaded | Refusal::Stopping => blank,
        Refusal::Epoch { expected, current } => {
            let (expected, current) = (Some(epoch_out(*expected)), Some(epoch_out(*current)));
            wire::CallRefused { expected, current, ..blank }
        }
        Refusal::Durability { demanded, given } => {
            let number = |durability: Durability| u32::from(durability as u8);
            wire::CallRefused { demanded: number(*demanded), given: number(*given), ..blank }
        }
        Refusal::Elsewhere { leader } => wire::CallRefused { leader: leader.map(|node| node.0), ..blank },
        Refusal::Unknown(why) => wire::CallRefused { why: why.clone(), ..blank },
    }
}

fn refusal_in(refused: wire::CallRefused) -> Option<Refusal> {
    Some(match code_in(refused.code)? {
        code::DEADLINE_EXCEEDED => Refusal::Late,
        code::LOG_FULL => Refusal::Full,
        code::OVERLOADED => Refusal::Overloaded,
        code::NO_PARTITION => Refusal::Stopping,
        code::EPOCH_MISMATCH => {
            Refusal::Epoch { expected: epoch_in(refused.expected?), current: epoch_in(refused.current?) }
        }
        code::DURABILITY_NOT_OFFERED => {
            let (demanded, given) = (durability_in(refused.demanded)??, durability_in(refused.given)??);
            Refusal::Durability { demanded, given }
        }
        code::BAD_NODE | code::NO_LEADER => Refusal::Elsewhere { leader: refused.leader.map(NodeId) },
        _ => Refusal::Unknown(refused.why),
    })
}

fn epoch_out(epoch: Epoch) -> wire::CallEpoch {
    wire::CallEpoch { generation: epoch.generation, term: epoch.term }
}

fn epoch_in(epoch: wire::CallEpoch) -> Epoch {
    Epoch { generation: epoch.generation, term: epoch.term }
}

/// `None` for what is no durability; 0 is none that is asked for.
fn durability_in(number: u32) -> Option<Option<Durability>> {
    match number {
        0 => Some(None),
        number => Durability::from_number(u8::try_from(number).ok()?).map(Some),
    }
}

fn code_in(number: u32) -> Option<Code> {
    code::ALL.iter().find(|code| u32::from(code.number) == number).copied()
}
