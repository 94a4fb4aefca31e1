//! The loop: whatever is due next happens, and whoever it happens to takes a turn.

use super::book::{Book, Failure};
use super::host::{Host, Seated};
use super::knobs::Knobs;
use super::life::{Life, Starter};
use super::net::Net;
use super::wishes::Wishes;
use crate::world::trace;
use bytes::Bytes;
use env::rng::Stream;
use env::sim::SimClock;
use env::{Clock, Plant, Plants, Rng};
use model::{NodeId, PartitionId};
use replication::raft::{Outputs, wire};
use std::collections::BTreeMap;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, RngSeed};

pub(super) const MS: u64 = 1_000_000;
/// So often a host may find that something is left to do, before time goes on.
const TURNS_MAX: u32 = 1_000;

/// What waited for a host that stood still comes at this distance.
const LATE_NS: u64 = 20_000;

/// What a run came to.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What went wrong.
    pub failures: Vec<Failure>,
    /// Records that were acknowledged.
    pub acked: u64,
    /// Reads that were served.
    pub read: u64,
    /// Elections that were won.
    pub led: u64,
    /// Exports that took a store's place.
    pub taken: u64,
    /// Two runs of a seed that differ anywhere differ here.
    pub trace: u64,
}

/// What happens.
pub(super) enum What {
    Arrives(u64, u64, Bytes),
    Written(u64, u64),
    Wakes(u64, u64),
    Proposes(u64, u64),
    Reads(u64, u64),
    Flushes(u64, u64),
    Fetched(u64, u64, PartitionId, NodeId),
    Starts(u64),
    Loses(u64, u64),
    Wish,
    Hears(u64),
    Trouble,
    Heals,
    Quick(u64),
}

/// The world as it turns.
pub(super) struct World {
    pub knobs: Knobs,
    clock: Arc<SimClock>,
    rng: Rng,
    pub plants: Plants,
    pub hosts: Vec<Host>,
    pub net: Net,
    pub book: Book,
    pub wishes: Wishes,
    due: BTreeMap<(u64, u64), What>,
    serial: u64,
    pub draws: Stream,
    /// Nothing goes wrong any more, and nobody proposes.
    pub rests: bool,
}

/// Runs a seed to its end and judges it. A world that breaks is a failure, too.
pub fn run(seed: u64, work_ms: u64, plant: Option<Plant>, copy: Option<Box<dyn Write>>) -> Verdict {
    let ran = catch_unwind(AssertUnwindSafe(|| turn(seed, work_ms, plant, copy)));
    ran.unwrap_or_else(|_| Verdict {
        failures: vec!["the world broke; why was said on standard error".to_owned()],
        ..Verdict::default()
    })
}

fn turn(seed: u64, work_ms: u64, plant: Option<Plant>, copy: Option<Box<dyn Write>>) -> Verdict {
    trace::begin(copy);
    // Channels of this runtime draw whom they wake first; nothing else of it is used.
    let runtime = Builder::new_current_thread().rng_seed(RngSeed::from_bytes(&seed.to_le_bytes())).build();
    let runtime = runtime.expect("a runtime without anything in it");
    runtime.block_on(tokio::task::unconstrained(async move {
        let rng = Rng::from_seed(seed);
        let plants = plant.map(Plants::of).unwrap_or_default();
        let knobs = Knobs::of(&rng, work_ms).aimed_at(plants);
        let mut world = World::new(knobs, rng, plants);
        world.work();
        world.settle();
        let Book { failures, acked, read, led, taken, .. } = world.book;
        Verdict { failures, acked, read, led, taken, trace: trace::sum().0 }
    }))
}

/// The replicas that a host begins with.
fn found(wishes: &Wishes, partitions: u64, host: u64) -> BTreeMap<PartitionId, Seated> {
    let own = |partition| {
        let mut seats = wishes.founding(partition).seats.iter();
        let replica = *seats.find(|(_, node)| node.0 == host)?.0;
        Some((partition, Seated { replica, founds: true }))
    };
    (1..=partitions).map(PartitionId).filter_map(own).collect()
}

impl World {
    fn new(knobs: Knobs, rng: Rng, plants: Plants) -> World {
        let wishes = Wishes::new(&knobs, &mut rng.stream("wishes"));
        let hosts = (0..knobs.hosts).map(|host| Host::new(found(&wishes, knobs.partitions, host))).collect();
        let mut world = World {
            clock: Arc::default(),
            hosts,
            wishes,
            net: Net::new(rng.stream("network")),
            book: Book::default(),
            due: BTreeMap::new(),
            serial: 0,
            draws: rng.stream("world"),
            rests: false,
            knobs,
            rng,
            plants,
        };
        for host in 0..world.knobs.hosts {
            world.at(0, What::Starts(host));
            world.later(world.knobs.hears_ms * MS, What::Hears(host));
        }
        world.later(world.knobs.faults_every_ms * MS, What::Trouble);
        world.later(world.knobs.wishes_every_ms * MS, What::Wish);
        world
    }

    pub fn now(&self) -> u64 {
        self.clock.mono().0
    }

    pub fn at(&mut self, ns: u64, what: What) {
        self.serial += 1;
        self.due.insert((ns, self.serial), what);
    }

    /// About so much later.
    pub fn later(&mut self, ns: u64, what: What) {
        let jitter = self.draws.below(ns.max(1));
        self.at(self.now() + ns / 2 + jitter, what);
    }

    pub(super) fn run_until(&mut self, end: u64) {
        while let Some(entry) = self.due.first_entry() {
            let (ns, _) = *entry.key();
            if ns > end || self.book.failures.len() > 3 {
                break;
            }
            let what = entry.remove();
            self.clock.go_to(ns);
            self.happens(what);
        }
        self.clock.go_to(end);
    }

    fn work(&mut self) {
        self.run_until(self.knobs.work_ms * MS);
    }

    pub(super) fn happens(&mut self, what: What) {
        match what {
            What::Starts(host) => self.start(host as usize),
            What::Arrives(from, to, frame) => self.arrives(from, to as usize, frame),
            What::Written(host, boot) => self.written(host as usize, boot),
            What::Wakes(host, boot) => self.wakes(host as usize, boot),
            What::Proposes(host, boot) => self.proposes(host as usize, boot),
            What::Reads(host, boot) => self.reads(host as usize, boot),
            What::Flushes(host, boot) => self.flushes(host as usize, boot),
            What::Fetched(host, boot, partition, leader) => {
                self.fetched(host as usize, boot, partition, leader.0 as usize);
            }
            What::Loses(host, other) => {
                if let Some(life) = &mut self.hosts[host as usize].life {
                    life.groups.lose(NodeId(other));
                    // By now it may live again: then it is a false alarm.
                    life.groups.bereave(NodeId(other));
                    self.turn(host as usize);
                }
            }
            What::Wish => self.wish(),
            What::Hears(host) => self.hears_wishes(host as usize),
            What::Trouble => self.trouble(),
            What::Heals => self.net.heal(),
            What::Quick(host) => self.hosts[host as usize].slow = 1,
        }
    }

    /// The process that was meant, unless it has ended.
    pub fn living(&mut self, host: usize, boot: u64) -> Option<&mut Life> {
        let host = &mut self.hosts[host];
        if host.boots == boot { host.life.as_mut() } else { None }
    }

    /// Is it standing still? Then it is later.
    pub fn stands_still(&mut self, host: usize, what: impl FnOnce() -> What) -> bool {
        let until = self.hosts[host].paused_until;
        let still = until > self.now() && self.hosts[host].life.is_some();
        if still {
            // What has waited comes in its order, and each takes a moment.
            let one = &mut self.hosts[host];
            one.late_ns += LATE_NS;
            let at = until + one.late_ns;
            self.at(at, what());
        }
        still
    }

    fn start(&mut self, host: usize) {
        if self.hosts[host].life.is_some() {
            return;
        }
        let boots = self.hosts[host].boots;
        let starter = Starter {
            host: host as u64,
            knobs: &self.knobs,
            clock: &self.clock,
            rng: Rng::from_seed(self.rng.stream(&format!("host {host} start {boots}")).next_u64()),
            plants: self.plants,
            wishes: &self.wishes,
        };
        if let Err(why) = self.hosts[host].start(&starter) {
            return self.book.fail(format!("host {host} does not start: {why}"));
        }
        self.say(format_args!("host {host} starts"));
        let boot = self.hosts[host].boots;
        self.later(self.knobs.think_us * 1000, What::Proposes(host as u64, boot));
        self.later(self.knobs.think_us * 1000, What::Reads(host as u64, boot));
        self.later(self.knobs.flush_every_ms * MS, What::Flushes(host as u64, boot));
        self.turn(host);
    }

    fn wakes(&mut self, host: usize, boot: u64) {
        if self.stands_still(host, || What::Wakes(host as u64, boot)) {
            return;
        }
        if let Some(life) = self.living(host, boot) {
            life.wakes_at = None;
            self.turn(host);
        }
    }

    fn arrives(&mut self, from: u64, to: usize, frame: Bytes) {
        if self.stands_still(to, || What::Arrives(from, to as u64, frame.clone())) {
            return;
        }
        if let Some(life) = &mut self.hosts[to].life {
            let envelopes = wire::decode(NodeId(from), frame).expect("what a host has written");
            envelopes.into_iter().for_each(|envelope| life.groups.deliver(envelope));
            self.turn(to);
        }
    }

    fn written(&mut self, host: usize, boot: u64) {
        if self.stands_still(host, || What::Written(host as u64, boot)) {
            return;
        }
        let now = self.now();
        let Some(life) = self.living(host, boot) else { return };
        match life.write(now) {
            Ok(tickets) => {
                tickets.iter().for_each(|ticket| life.groups.logged(*ticket));
                let come: Vec<_> = tickets.iter().filter_map(|ticket| life.coming.remove(ticket)).collect();
                come.into_iter().for_each(|(partition, replica)| self.come(host, partition, replica));
            }
            Err(why) => return self.book.fail(format!("host {host} cannot write: {why}")),
        }
        self.turn(host);
    }

    /// Lets a host run, and does what it wants done.
    pub fn turn(&mut self, host: usize) {
        for turn in 0.. {
            if turn > TURNS_MAX {
                // Whoever is always busy would take a core, and let nobody else run.
                self.book.fail(format!("host {host} does not come to rest"));
                break;
            }
            let Some(life) = &mut self.hosts[host].life else { return };
            let outputs = life.turn();
            let behind = life.groups.is_behind();
            if outputs.is_empty() && !behind {
                break;
            }
            self.carry_out(host, outputs);
        }
        self.begin_write(host);
        self.set_alarm(host);
    }

    fn carry_out(&mut self, host: usize, outputs: Outputs) {
        for envelope in outputs.messages {
            let to = envelope.node.0;
            // Each by itself, so that each can be lost by itself.
            for frame in wire::encode(vec![envelope]) {
                for at in self.net.arrivals(self.now(), &self.knobs, host as u64, to) {
                    self.at(at, What::Arrives(host as u64, to, frame.clone()));
                }
            }
        }
        for (partition, event) in outputs.events {
            self.hears(host, partition, event);
        }
    }

    fn begin_write(&mut self, host: usize) {
        let (least, most) = self.knobs.sync_us;
        let mut us = least + self.draws.below(most - least + 1);
        if self.draws.chance(self.knobs.spikes_percent) {
            us *= 10;
        }
        let (now, one) = (self.now(), &mut self.hosts[host]);
        let (boot, slow) = (one.boots, one.slow);
        let Some(life) = &mut one.life else { return };
        if life.writing.is_empty() && !life.queued.is_empty() {
            life.writing = std::mem::take(&mut life.queued);
            self.at(now + us * 1000 * slow, What::Written(host as u64, boot));
        }
    }

    fn set_alarm(&mut self, host: usize) {
        let (now, boot) = (self.now(), self.hosts[host].boots);
        let paused = self.hosts[host].paused_until;
        let Some(life) = &mut self.hosts[host].life else { return };
        let Some(at) = life.groups.wakes_at().map(|at| at.0.max(now).max(paused)) else { return };
        if life.wakes_at.is_none_or(|set| at < set) {
            life.wakes_at = Some(at);
            self.at(at, What::Wakes(host as u64, boot));
        }
    }

    /// The store writes down what it has, and the log marks itself.
    fn flushes(&mut self, host: usize, boot: u64) {
        let (now, purges) = (self.now(), self.knobs.purges);
        let Some(life) = self.living(host, boot) else { return };
        if life.writing.is_empty() {
            life.writer.idle(env::Mono(now)).expect("a disk that is well");
        }
        let flushed = life.partitions.iter().map(|(id, own)| (*id, own.shelved())).collect();
        if purges {
            life.partitions.iter().for_each(|(id, own)| life.groups.purge(*id, own.upto));
        }
        self.hosts[host].shelf = flushed;
        self.turn(host);
        self.later(self.knobs.flush_every_ms * MS, What::Flushes(host as u64, boot));
    }

    pub fn say(&self, what: std::fmt::Arguments<'_>) {
        trace::event(Duration::from_nanos(self.now()), what);
    }
}
