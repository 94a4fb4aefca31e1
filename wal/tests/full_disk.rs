//! The log with its threads on a disk that fills up: a refusal leaves no hole,
//! what makes room goes on, and writing resumes.
#![allow(missing_docs, reason = "a test")]

use bytes::Bytes;
use env::channel::{Receiver, Sender, bounded};
use env::sim::SimDisk;
use env::{Env, Files, Mono, Plants};
use model::{ClusterId, DiskId, Epoch, Index, Limits, PartitionId, Record, RecordKind, Stamp};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wal::{Append, Log, LogConfig, LogError, LogIdentity, MarkPolicy, Submission, SyncPolicy, Urgency, open};

const DIR: &str = "/log";

fn config() -> LogConfig {
    LogConfig {
        dir: PathBuf::from(DIR),
        identity: LogIdentity { cluster: ClusterId(1), disk: DiskId(2) },
        sync: SyncPolicy::Each,
        mark: MarkPolicy::Idle,
        limits: Limits { log_segment_bytes: 32 * 1024, ..Limits::default() },
        plants: Plants::NONE,
    }
}

/// A log, and what it answered: the first index of each submission, and whether
/// it was taken.
struct World {
    disk: SimDisk,
    log: Option<Log>,
    answers: Sender<(Index, bool)>,
    inbox: Receiver<(Index, bool)>,
}

impl World {
    fn new() -> World {
        let disk = SimDisk::new();
        disk.create_dir(Path::new(DIR)).expect("made");
        disk.sync_dir(Path::new("/")).expect("synced");
        let env = Env { files: Arc::new(disk.clone()), ..env::real::env().expect("an environment") };
        let open = open(env.files.clone(), config(), Mono(0)).expect("opens");
        let log = Log::start(&env, open.writer).expect("started");
        let (answers, inbox) = bounded(4096);
        World { disk, log: Some(log), answers, inbox }
    }

    fn submit(&self, index: Index, urgency: Urgency) {
        self.submit_of(7, index, urgency);
    }

    fn submit_of(&self, partition: u64, index: Index, urgency: Urgency) {
        let record = Record {
            partition: PartitionId(partition),
            epoch: Epoch::FIRST,
            first_index: index,
            count: 1,
            stamp: Stamp(index),
            kind: RecordKind::Commands,
            payload: Bytes::from(vec![1; 1000]),
        };
        let log = self.log.as_ref().expect("it runs");
        let packet = log.frame(&[Append::from(record)]).expect("short enough");
        let answers = self.answers.clone();
        let answer = move |result: Result<_, Arc<LogError>>| {
            answers.send((index, result.is_ok())).expect("somebody listens");
        };
        log.submit(Submission { packet, urgency, chain: None, answer: Box::new(answer) }).expect("it runs");
    }

    fn answer(&self) -> (Index, bool) {
        self.inbox.recv().expect("every submission is answered")
    }
}

#[test]
fn what_follows_a_refusal_is_refused_until_the_refused_index_comes_again() {
    let mut world = World::new();
    let used: u64 = world.disk.list(Path::new(DIR)).expect("listed").iter().map(|entry| entry.bytes).sum();
    // Room for one more segment: the reserve.
    world.disk.set_capacity(Some(used + 32 * 1024));
    // Handed in without waiting, as a shard does.
    (1..=200).for_each(|index| world.submit(index, Urgency::Normal));
    let answers: Vec<(Index, bool)> = (1..=200).map(|_| world.answer()).collect();
    let refused = answers.iter().find(|(_, taken)| !taken).expect("the disk fills up").0;
    let hole = answers.iter().find(|(index, taken)| *index > refused && *taken);
    assert_eq!(hole, None, "index {refused} was refused");

    world.submit(refused + 1, Urgency::Urgent);
    assert_eq!(world.answer(), (refused + 1, false), "urgent, and behind a hole");
    world.submit(refused, Urgency::Urgent);
    assert_eq!(world.answer(), (refused, true), "the reserve takes it");
    world.disk.set_capacity(None);
    world.submit(refused + 1, Urgency::Normal);
    assert_eq!(world.answer(), (refused + 1, true), "there is room again");

    world.log = None;
    let mut reader = open(Arc::new(world.disk.clone()), config(), Mono(0)).expect("opens").reader;
    let mut found = Vec::new();
    while let Some(batch) = reader.next_batch().expect("readable") {
        found.extend(batch.records.iter().map(|record| record.first_index));
    }
    assert!(found.iter().copied().eq(1..=refused + 1), "found {found:?}");
}

/// A world with a refused index of partition 7, and room again.
fn with_a_hole() -> (World, Index) {
    let world = World::new();
    world.disk.set_capacity(Some(0));
    let refused = (1..).find(|index| {
        world.submit(*index, Urgency::Normal);
        !world.answer().1
    });
    world.disk.set_capacity(None);
    (world, refused.expect("the disk fills up"))
}

impl World {
    /// Holds the writer until the sender is dropped: what is submitted meanwhile
    /// leaves together.
    fn hold(&self) -> Sender<()> {
        let (hold, held) = bounded::<()>(0);
        let wait = move |_: &mut wal::Writer| {
            let _ = held.recv();
        };
        self.log.as_ref().expect("it runs").call(wait).expect("it runs");
        hold
    }
}

#[test]
fn a_refused_index_that_never_comes_again_slows_nobody_down() {
    let (world, refused) = with_a_hole();
    let log = world.log.as_ref().expect("it runs");
    let before = log.meters().batches.get();
    let hold = world.hold();
    (1..=20).for_each(|index| world.submit_of(9, index, Urgency::Normal));
    world.submit(refused + 1, Urgency::Normal);
    drop(hold);
    let answers: Vec<(Index, bool)> = (1..=21).map(|_| world.answer()).collect();
    let refused: Vec<Index> = answers.iter().filter(|(_, taken)| !taken).map(|(index, _)| *index).collect();
    assert_eq!(refused.len(), 1, "only what follows the hole: {answers:?}");
    assert_eq!(log.meters().batches.get(), before + 1, "one batch, one sync");
}

#[test]
fn answers_come_in_the_order_of_submissions_whatever_is_refused() {
    let (world, refused) = with_a_hole();
    let hold = world.hold();
    let others = 1_000_000;
    world.submit_of(9, others, Urgency::Normal);
    world.submit(refused + 1, Urgency::Normal);
    world.submit_of(9, others + 1, Urgency::Normal);
    world.submit(refused, Urgency::Normal);
    world.submit(refused + 1, Urgency::Normal);
    drop(hold);
    let answers: Vec<(Index, bool)> = (1..=5).map(|_| world.answer()).collect();
    let expected =
        [(others, true), (refused + 1, false), (others + 1, true), (refused, true), (refused + 1, true)];
    assert_eq!(answers, expected);
}
