//! There and back: whatever happens on the way, who waits is answered once.

use super::*;
use env::channel;
use env::sim::SimClock;
use model::command::{Command, encode_commands};
use model::{Code, Durability, Epoch, code};
use partition::{Envelope, Room};
use pipeline::retries::Answered;
use pipeline::{Done, Reply};

const ID: PartitionId = PartitionId(7);
const HERE: NodeId = NodeId(1);
const THERE: NodeId = NodeId(2);

/// Frames on their way, and whether there is one.
#[derive(Default)]
struct Wire {
    frames: Mutex<Vec<(NodeId, Bytes)>>,
    is_cut: std::sync::atomic::AtomicBool,
}

impl Way for Wire {
    fn send(&self, node: NodeId, frame: Bytes) -> bool {
        let is_there = !self.is_cut.load(Ordering::Relaxed);
        if is_there {
            self.frames.lock().expect("not poisoned").push((node, frame));
        }
        is_there
    }
}

impl Wire {
    fn take(&self) -> Vec<Bytes> {
        self.frames.lock().expect("not poisoned").drain(..).map(|(_, frame)| frame).collect()
    }
}

/// What came back.
#[derive(Default)]
struct Desk(Mutex<Vec<(u64, Result<Done, Code>)>>);

impl Outlet for Desk {
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>) {
        let told = answers.drain(..).map(|(token, answer)| (token, answer.map_err(|why| why.code())));
        self.0.lock().expect("not poisoned").extend(told);
    }
}

struct World {
    clock: Arc<SimClock>,
    wires: [Arc<Wire>; 2],
    calls: [Calls; 2],
    desk: Arc<Desk>,
    inbox: env::Receiver<Message>,
}

impl World {
    /// The second node serves the partition.
    fn new() -> World {
        let clock = Arc::new(SimClock::default());
        let wires = [Arc::new(Wire::default()), Arc::new(Wire::default())];
        let calls = [0, 1].map(|at| Calls::new(clock.clone(), wires[at].clone(), 100));
        let (inbox, waiting) = channel::bounded(8);
        let mailbox = Mailbox::new(ID, inbox, 4, Room::new(2, 1 << 20));
        calls[1].serve([(ID, mailbox)].into());
        World { clock, wires, calls, desk: Arc::default(), inbox: waiting }
    }

    fn ask(&self, partition: PartitionId, token: u64, until: Option<Mono>) -> Result<(), Unaccepted> {
        let request = Request {
            payload: encode_commands(&[Command::plain("x")]),
            count: 1,
            rows: 1,
            arrived: Mono(0),
            deadline: until,
            expected_epoch: Some(Epoch { generation: 3, term: 4 }),
            min_durability: Some(Durability::Quorum),
            makes_room: false,
            token: (),
        };
        self.calls[0].send(THERE, partition, request, (self.desk.clone(), token))
    }

    /// What has been sent arrives.
    fn carry(&self) {
        self.wires[0].take().into_iter().for_each(|frame| drop(self.calls[1].hear(HERE, frame)));
        self.wires[1].take().into_iter().for_each(|frame| drop(self.calls[0].hear(THERE, frame)));
    }

    /// The partition answers what it was asked.
    fn answer(&self, answer: impl Fn() -> Answer) -> usize {
        let requests = self.inbox.try_iter().filter_map(|message| match message {
            Message::Request(Envelope { request, .. }) => Some(request),
            _ => None,
        });
        let requests: Vec<_> = requests.collect();
        for request in &requests {
            assert_eq!((request.count, request.expected_epoch), (1, Some(Epoch { generation: 3, term: 4 })));
            request.token.outlet.deliver(&mut vec![(request.token.token, answer())]);
        }
        requests.len()
    }

    fn told(&self) -> Vec<(u64, Result<Done, Code>)> {
        std::mem::take(&mut self.desk.0.lock().expect("not poisoned"))
    }

    fn refusals(&self) -> Vec<(u64, Code)> {
        self.told().into_iter().map(|(token, answer)| (token, answer.expect_err("it is refused"))).collect()
    }
}

fn done() -> Done {
    Done {
        partition: ID,
        epoch: Epoch { generation: 1, term: 9 },
        first_index: 5,
        count: 1,
        durability: Durability::Quorum,
        replies: vec![
            Reply::Now("now".into()),
            Reply::Before(Answered { revision: 3, reply: Some("before".into()) }),
            Reply::Before(Answered { revision: 2, reply: None }),
            Reply::Refused(code::CONDITION_FAILED),
        ],
        timings: Timings::default(),
    }
}

#[test]
fn what_became_of_it_comes_back_whole() {
    let world = World::new();
    world.clock.go_to(50);
    world.ask(ID, 4, Some(Mono(9_000_000_000))).expect("there is a way");
    world.carry();
    assert_eq!(world.answer(|| Ok(done())), 1);
    world.carry();
    let timings = Timings { arrived: Mono(50), dispatched: Mono(50), logged: Mono(50), applied: Mono(50) };
    assert_eq!(world.told(), [(4, Ok(Done { timings, ..done() }))]);
}

#[test]
fn every_refusal_keeps_its_meaning() {
    let (expected, current) = (Epoch { generation: 1, term: 2 }, Epoch { generation: 3, term: 4 });
    let refusals = [
        Refusal::Late,
        Refusal::Epoch { expected, current },
        Refusal::Durability { demanded: Durability::Quorum, given: Durability::Local },
        Refusal::Full,
        Refusal::Elsewhere { leader: Some(NodeId(3)) },
        Refusal::Elsewhere { leader: None },
        Refusal::Overloaded,
        Refusal::Stopping,
        Refusal::Unknown("because".to_owned()),
    ];
    for refusal in refusals {
        let frames = wire::outcomes([(9, Err(refusal.clone()))].into_iter());
        let read = wire::decode(frames[0].clone()).expect("of ours");
        assert_eq!(read.outcomes, [(9, Err(refusal))]);
    }
}

#[test]
fn who_is_not_there_or_full_says_so() {
    let world = World::new();
    world.ask(PartitionId(8), 1, None).expect("there is a way");
    for token in 2..5 {
        world.ask(ID, token, None).expect("there is a way");
    }
    world.carry();
    assert_eq!(world.refusals(), [(1, code::NO_LEADER), (4, code::OVERLOADED)]);
    world.wires[0].is_cut.store(true, Ordering::Relaxed);
    assert_eq!(world.ask(ID, 5, None), Err(Unaccepted::Gone));
    assert!(world.told().is_empty(), "who was not taken in gets no answer");
}

#[test]
fn what_is_lost_is_of_unknown_outcome_and_answered_once() {
    let world = World::new();
    world.ask(ID, 1, Some(Mono(1_000_000_000))).expect("there is a way");
    world.ask(ID, 2, None).expect("there is a way");
    world.carry();
    world.clock.go_to(1_300_000_000);
    world.calls[0].sweep();
    assert!(world.told().is_empty(), "it may be on its way back");
    world.clock.go_to(1_400_000_000);
    world.calls[0].sweep();
    assert_eq!(world.refusals(), [(1, code::UNKNOWN_OUTCOME)]);
    world.calls[0].lose(NodeId(3));
    assert!(world.told().is_empty(), "that is another node");
    world.calls[0].lose(THERE);
    assert_eq!(world.refusals(), [(2, code::UNKNOWN_OUTCOME)]);
    assert_eq!(world.answer(|| Ok(done())), 2);
    world.carry();
    assert!(world.told().is_empty(), "nobody waits any more");
}

#[test]
fn nonsense_is_passed_over() {
    let world = World::new();
    let call = |payload: &'static str, count| {
        let request = Request {
            payload: Bytes::from_static(payload.as_bytes()),
            count,
            rows: 1,
            arrived: Mono(0),
            deadline: None,
            expected_epoch: None,
            min_durability: None,
            makes_room: false,
            token: (),
        };
        wire::call(Call { serial: 1, partition: ID, request }, Mono(0))
    };
    for frame in ["no frame".into(), call("no commands", 1), call("more than none", 0)] {
        assert_eq!(wire::decode(frame), None);
    }
    assert!(wire::decode(call("", 0)).is_some(), "a question");
    let end = Done { first_index: u64::MAX, ..done() };
    let frames = wire::outcomes([(9, Ok(end))].into_iter());
    let read = wire::decode(frames[0].clone()).expect("a frame of ours");
    assert!(matches!(read.outcomes[..], [(9, Err(Refusal::Unknown(_)))]), "no index is so far");
    assert!(world.calls[1].hear(HERE, "no frame".into()).is_empty());
    assert!(world.inbox.try_iter().next().is_none());
}

#[test]
fn what_nodes_tell_each_other_comes_through() {
    let world = World::new();
    let tidings = Tidings { version: 7, leads: 3, undone: 1 };
    for said in
        [Word::Tidings(tidings, "n1:7402".to_owned()), Word::Wanted { beyond: 0 }, Word::Map("text".into())]
    {
        assert_eq!(world.calls[1].hear(HERE, word(said.clone())), [said]);
    }
}
