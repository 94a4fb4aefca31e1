//! A run: users work, faults come and end, users rest, and all is judged.

use super::fault::{self, Kind};
use super::host;
use super::operators::Operators;
use super::plan::{desired, knobs};
use super::seat::Seat;
use super::users::{self, Clients};
use crate::fibers;
use crate::world::knobs::Knobs;
use crate::world::trace;
use crate::world::{Closing, Crowd, FRESH, Ledger, TABLE, close, network, set_now};
use env::sim::SimDisk;
use env::{Plants, Rng};
use partition_mgr::directory::{Place, Standing};
use serde::Serialize;
use statestore::content_hash;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;
use turmoil::Sim;
use verify::check::{self, End, Last, Verdict};

/// How many nodes there are.
pub const NODES: u32 = 3;
/// One that would not start, or has ended itself, is started again.
const AGAIN_MS: u64 = 400;
/// Once all is well, everything is served within this.
const CLOSES_WITHIN_MS: u64 = 300_000;
/// With less, nothing is known.
const ANSWERS_MIN: u64 = 20;

/// What a run came to.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// Which seed.
    pub seed: u64,
    /// What is wrong; empty when nothing is.
    pub failures: Vec<String>,
    /// Everything that happened, as one number.
    pub trace: String,
    /// Writes that took effect, and reads that were answered.
    pub answered: u64,
    /// How often each fault came to pass.
    pub faults: BTreeMap<&'static str, u64>,
    /// What was met.
    pub sometimes: BTreeMap<String, u64>,
}

enum Mend {
    Start(u32),
    GoOn(u32),
    Link(u32, u32),
    Pace(u32),
}

struct Cluster<'a> {
    sim: Sim<'a>,
    seats: Vec<Rc<Seat>>,
    operators: Operators,
    crowd: Rc<Crowd>,
    clients: Clients,
    mends: BTreeMap<(u64, u64), Mend>,
    serial: u64,
    happened: BTreeMap<&'static str, u64>,
    failures: Vec<String>,
}

/// Runs a seed to its end and judges it. `copy` gets every event, a line each.
pub fn run(seed: u64, work_ms: u64, plants: Plants, copy: Option<Box<dyn Write>>) -> Outcome {
    trace::begin(copy);
    set_now(Duration::ZERO);
    let rng = Rng::from_seed(seed);
    let _armed = env::buggify::arm(&Rng::from_seed(rng.stream("buggify").next_u64()));
    let _counted = env::sometimes::arm();
    let knobs = knobs(&rng, work_ms);
    let mut cluster = Cluster::new(&rng, &knobs, plants);
    cluster.work(&rng, work_ms);
    cluster.heal(knobs.patience_ms);
    let counts = cluster.crowd.ledger.borrow().counts();
    let closing = cluster.close();
    cluster.judge(seed, counts.written + counts.read, &closing)
}

impl Cluster<'_> {
    fn new(rng: &Rng, knobs: &Knobs, plants: Plants) -> Cluster<'static> {
        let mut sim = network(rng, knobs);
        let operators = Operators::default();
        let seat = |host| Seat::new(host, knobs.clone(), plants, rng, &operators);
        let seats: Vec<Rc<Seat>> = (1..=NODES).map(seat).collect();
        let desired = desired(&seats, knobs);
        for seat in &seats {
            *seat.desired.borrow_mut() = desired.clone();
            let own = seat.clone();
            sim.host(seat.name.clone(), move || host::run(own.clone()));
        }
        let mut ledger = Ledger::new(Default::default());
        for (id, spec) in desired.partitions.iter().filter(|(_, spec)| spec.table.name() == TABLE) {
            ledger.know_range(knobs.keys + FRESH, *id, &spec.range, spec.epoch);
        }
        let crowd = Rc::new(Crowd {
            knobs: Knobs { transport: crate::world::knobs::Transport::Grpc, ..knobs.clone() },
            ledger: Rc::new(RefCell::new(ledger)),
            rests: Cell::new(false),
            rotten: RefCell::default(),
            node: "node-1".to_owned(),
            rng: rng.clone(),
        });
        let clients = Clients::default();
        for number in 0..knobs.users {
            let (crowd, clients) = (crowd.clone(), clients.clone());
            sim.host(format!("user-{number}"), move || users::run(crowd.clone(), number, clients.clone()));
        }
        let (mends, happened) = (BTreeMap::new(), BTreeMap::new());
        Cluster { sim, seats, operators, crowd, clients, mends, serial: 0, happened, failures: Vec::new() }
    }

    fn now_ms(&self) -> u64 {
        self.sim.elapsed().as_millis() as u64
    }

    fn seat(&self, node: u32) -> Rc<Seat> {
        self.seats[node as usize - 1].clone()
    }

    /// One tick, and what follows from it.
    fn step(&mut self) {
        set_now(self.sim.elapsed());
        let now = self.now_ms();
        while let Some((at, mend)) = self.mends.pop_first() {
            if at.0 > now {
                self.mends.insert(at, mend);
                break;
            }
            self.mend(mend);
        }
        if let Err(error) = self.sim.step() {
            self.failures.push(format!("a host's program failed: {error}"));
        }
        for seat in self.seats.clone() {
            self.look_after(&seat);
        }
    }

    /// Nothing that happens to a node is a reason to end, or not to start.
    fn look_after(&mut self, seat: &Rc<Seat>) {
        let ended = fibers::end_of(seat.host).map(|why| format!("{} ended itself: {why}", seat.name));
        let refused =
            seat.refused.borrow().clone().map(|why| format!("{} refused to start: {why}", seat.name));
        if let Some(why) = ended.or(refused) {
            self.failures.push(why);
            self.kill(seat, seat.disk().after_process_death(), AGAIN_MS);
        }
    }

    fn work(&mut self, rng: &Rng, work_ms: u64) {
        let mut faults: VecDeque<(u64, Kind)> = fault::draw(rng, work_ms).into();
        while self.now_ms() < work_ms && self.failures.len() < 20 {
            let now = self.now_ms();
            while let Some((_, kind)) = faults.pop_front_if(|(at, _)| *at <= now) {
                self.strike(kind);
            }
            self.step();
        }
    }

    fn wait(&mut self, ms: u64, until: impl Fn(&Cluster<'_>) -> bool) -> bool {
        let late = self.now_ms() + ms;
        while self.now_ms() < late && !until(self) {
            self.step();
        }
        until(self)
    }

    fn strike(&mut self, kind: Kind) {
        let hits = match kind {
            Kind::Kill { node, .. } | Kind::Power { node, .. } | Kind::Stop { node, .. } => {
                self.seat(node).runs.get()
            }
            _ => true,
        };
        if !hits {
            return;
        }
        trace::event(self.sim.elapsed(), format_args!("fault {kind:?}"));
        *self.happened.entry(kind.name()).or_default() += 1;
        match kind {
            Kind::Kill { node, down_ms } => {
                let seat = self.seat(node);
                self.kill(&seat, seat.disk().after_process_death(), down_ms);
            }
            Kind::Power { node, down_ms, image } => self.cut_power(node, down_ms, image),
            Kind::PowerOfAll { down_ms, image } => {
                for node in 1..=NODES {
                    self.cut_power(node, down_ms + u64::from(node) * 10, image.wrapping_add(node.into()));
                }
            }
            Kind::Stop { node, for_ms } => {
                fibers::set_frozen(self.seat(node).host, true);
                for other in self.others(node) {
                    self.sim.hold(format!("node-{node}"), other);
                }
                self.later(for_ms, Mend::GoOn(node));
            }
            Kind::Cut { from, to, one_way, for_ms } => {
                let (one, other) = (format!("node-{from}"), format!("node-{to}"));
                match one_way {
                    true => self.sim.partition_oneway(one, other),
                    false => self.sim.partition(one, other),
                }
                self.later(for_ms, Mend::Link(from, to));
            }
            Kind::Alone { node, for_ms } => {
                for other in (1..=NODES).filter(|other| *other != node) {
                    self.sim.partition(format!("node-{node}"), format!("node-{other}"));
                    self.later(for_ms, Mend::Link(node, other));
                }
            }
            Kind::SlowDisk { node, times, for_ms } => {
                self.seat(node).pace.borrow().iter().for_each(|pace| pace.set_slower(times));
                self.later(for_ms, Mend::Pace(node));
            }
        }
    }

    /// Everybody whom a node may speak to.
    fn others(&self, node: u32) -> Vec<String> {
        let nodes = (1..=NODES).filter(|other| *other != node).map(|other| format!("node-{other}"));
        nodes.chain((0..self.crowd.knobs.users).map(|user| format!("user-{user}"))).collect()
    }

    fn cut_power(&mut self, node: u32, down_ms: u64, image: u64) {
        let seat = self.seat(node);
        if seat.runs.get() {
            let image = seat.disk().pending().any_image(&mut Rng::from_seed(image).stream("image"));
            self.kill(&seat, SimDisk::from_image(image), down_ms);
        }
    }

    /// The process is gone; it is started on `disk` after so long.
    fn kill(&mut self, seat: &Rc<Seat>, disk: SimDisk, down_ms: u64) {
        fibers::forget(seat.host);
        self.sim.crash(seat.name.clone());
        seat.end();
        seat.set_disk(disk);
        self.later(down_ms, Mend::Start(seat.host));
    }

    fn later(&mut self, ms: u64, mend: Mend) {
        self.serial += 1;
        self.mends.insert((self.now_ms() + ms, self.serial), mend);
    }

    fn mend(&mut self, mend: Mend) {
        match mend {
            Mend::Start(node) => {
                let seat = self.seat(node);
                if !seat.runs.get() {
                    self.sim.bounce(seat.name.clone());
                }
            }
            Mend::GoOn(node) => {
                fibers::set_frozen(node, false);
                for other in self.others(node) {
                    self.sim.release(format!("node-{node}"), other);
                }
            }
            Mend::Link(from, to) => self.sim.repair(format!("node-{from}"), format!("node-{to}")),
            Mend::Pace(node) => self.seat(node).pace.borrow().iter().for_each(|pace| pace.set_slower(1)),
        }
    }

    /// Everything ends that is wrong, and users rest.
    fn heal(&mut self, patience_ms: u64) {
        trace::event(self.sim.elapsed(), format_args!("heal"));
        for mend in std::mem::take(&mut self.mends).into_values() {
            self.mend(mend);
        }
        for node in 1..=NODES {
            self.mend(Mend::GoOn(node));
            self.mend(Mend::Pace(node));
            (1..=NODES).filter(|other| *other != node).for_each(|other| self.mend(Mend::Link(node, other)));
        }
        self.crowd.rests.set(true);
        self.operators.rest();
        self.wait(patience_ms + 500, |_| false);
    }

    /// Fresh writes and reads are served, every row is looked at, and all come to have
    /// the same.
    fn close(&mut self) -> Rc<RefCell<Closing>> {
        let closing = Rc::new(RefCell::new(Closing::default()));
        let own = (self.crowd.clone(), closing.clone());
        self.sim.host("closer", move || close(own.0.clone(), own.1.clone()));
        let done = self.wait(CLOSES_WITHIN_MS, |_| closing.borrow().done);
        if !done {
            let told = closing.borrow().told();
            self.failures.push(format!("liveness: the closing user is not served: {told}"));
        }
        let agree = |cluster: &Cluster<'_>| {
            let mut all = cluster.seats.iter().map(|seat| cluster.stand(seat));
            let first = all.next().unwrap_or_default();
            !first.is_empty() && all.all(|other| other == first)
        };
        if !self.wait(30_000, agree) {
            let all: Vec<_> = self.seats.iter().map(|seat| self.stand(seat)).collect();
            self.failures.push(format!("liveness: replicas do not come to have the same: {all:?}"));
        }
        let alike = |cluster: &Cluster<'_>| {
            let mut all = cluster.seats.iter().map(|seat| known_there(seat));
            let first = all.next().flatten();
            first.is_some() && all.all(|other| other == first)
        };
        match self.wait(30_000, alike) {
            true => {
                let tables = known_there(&self.seats[0]).map(|(_, tables)| tables).unwrap_or_default();
                self.failures.extend(self.operators.judge(&tables));
                *self.happened.entry("a table was made").or_default() += self.operators.made() as u64;
            }
            false => {
                let versions: Vec<_> =
                    self.seats.iter().map(|seat| known_there(seat).map(|(version, _)| version)).collect();
                self.failures.push(format!("liveness: nodes do not come to desire the same: {versions:?}"));
            }
        }
        closing
    }

    /// How far each partition has come there, how many of its indexes owners took, and
    /// what all its rows come to.
    fn stand(&self, seat: &Seat) -> BTreeMap<u64, (u64, u64, u128)> {
        let Some(node) = seat.node() else { return BTreeMap::new() };
        let map = node.directory().current();
        let Some(table) = map.table("default", TABLE) else { return BTreeMap::new() };
        let stands = |place: &Place| match &place.standing {
            Standing::Serving(handle) => {
                let rows = content_hash(&*handle.store, place.id).ok()?;
                Some((place.id.0, (handle.published.applied(), handle.published.own(), rows)))
            }
            Standing::Failed(_) | Standing::Elsewhere(_) => None,
        };
        table.places.iter().filter_map(stands).collect()
    }

    fn judge(mut self, seed: u64, answered: u64, closing: &RefCell<Closing>) -> Outcome {
        let mut failures = std::mem::take(&mut self.failures);
        let (recorder, strange) = self.crowd.ledger.borrow_mut().finish();
        failures.extend(strange);
        let stand = self.stand(&self.seats[0]);
        // What is sent again takes an index, wherever it is answered.
        let resent: u64 = self.clients.borrow().iter().map(|client| client.resent()).sum();
        let last = |(id, (index, own, _))| (id, Last { index, own: own + resent });
        let last = stand.into_iter().map(last).collect();
        let done = closing.borrow().done;
        let end =
            End { rows: closing.borrow().rows.clone(), last: if done { last } else { BTreeMap::new() } };
        match recorder.finish() {
            Ok(history) => {
                let report = check::all(&history, &end);
                failures.extend(report.violations.told.iter().map(ToString::to_string));
                if report.verdict != Verdict::Linearizable {
                    failures.push(report.verdict.to_string());
                }
            }
            Err(mistake) => failures.push(format!("the history is not one: {mistake}")),
        }
        if answered < ANSWERS_MIN {
            failures.push(format!("nothing happened: {answered} answers to users"));
        }
        let (sum, _) = trace::sum();
        let (trace, faults, sometimes) =
            (format!("{sum:016x}"), self.happened.clone(), env::sometimes::counts());
        // The process ends here: what nodes would do at their end is not asked for.
        self.seats.iter().for_each(|seat| fibers::forget(seat.host));
        std::mem::forget(self);
        Outcome { seed, failures, trace, answered, faults, sometimes }
    }
}

/// What is desired, as a node knows it: which version, and which tables.
fn known_there(seat: &Seat) -> Option<(u64, BTreeSet<String>)> {
    let map = seat.node()?.directory().current();
    Some((map.version, map.tables().map(|table| table.name.name().to_owned()).collect()))
}
