//! A run: the world turns, faults come and end, users rest, and all is judged.

use super::counting::Books;
use super::end::{Closing, close};
use super::fault::{Fault, Kind};
use super::judge::{self, Outcome};
use super::knobs::Knobs;
use super::mend::Mend;
use super::plan::Plan;
use super::rotten::Rotten;
use super::site::{Site, Standing};
use super::trouble::Trouble;
use super::user::Crowd;
use super::{counting, guest, leasing, node, trace, user};
use crate::fibers;
use env::sim::SimDisk;
use env::{Mono, Plants, Rng};
use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;
use turmoil::{Builder, Sim};
use verify::leases::LeaseBook;

/// How a run is watched.
#[derive(Default)]
pub struct Habits {
    /// Every event, a line each.
    pub copy: Option<Box<dyn Write>>,
    /// The real clock is made to stumble, for a second and more: nothing may
    /// depend on it.
    pub stalls: bool,
}

/// A node that would not start, or has ended itself, is started again.
const AGAIN_MS: u64 = 400;
/// How long a node may take to serve again once all is well.
const SERVES_WITHIN_MS: u64 = 30_000;
/// How long the closing user may take.
const CLOSES_WITHIN_MS: u64 = 300_000;
/// How often bounds are looked at.
const LOOK_EVERY_MS: u64 = 100;

/// The world as it turns.
pub(super) struct World<'a> {
    pub sim: Sim<'a>,
    pub plan: &'a Plan,
    pub site: Rc<Site>,
    pub crowd: Rc<Crowd>,
    pub trouble: Trouble,
    /// What rot has hit.
    pub rotten: Rotten,
    /// What ends by itself, by time and order.
    pub mends: BTreeMap<(u64, u64), Mend>,
    pub serial: u64,
    /// How often each fault came to pass.
    pub happened: BTreeMap<&'static str, u64>,
    pub failures: Vec<String>,
    /// Answers that users had while they worked.
    pub answered: u64,
    /// What is known of counters.
    pub books: Rc<RefCell<Books>>,
    pub leases: Rc<RefCell<LeaseBook>>,
    stumbles: Option<env::rng::Stream>,
}

/// Runs a plan to its end and judges it.
pub fn run(plan: &Plan, habits: Habits) -> Outcome {
    trace::begin(habits.copy);
    super::set_now(Duration::ZERO);
    let rng = plan.rng();
    let _armed = env::buggify::arm(&Rng::from_seed(rng.stream("buggify").next_u64()));
    let _counted = env::sometimes::arm();
    let closing = Rc::new(RefCell::new(Closing::default()));
    let mut world = World::new(plan, &rng, habits.stalls);
    world.work();
    world.heal();
    let served = world.wait(SERVES_WITHIN_MS, |world| world.site.standing() == Standing::Serving);
    world.be_served(served, &closing);
    judge::judge(world, &closing.borrow())
}

/// The way between all hosts.
pub(crate) fn network(rng: &Rng, knobs: &Knobs) -> Sim<'static> {
    let (least, most) = knobs.latency_ms;
    let mut builder = Builder::new();
    builder
        .rng_seed(rng.stream("network").next_u64())
        .epoch(std::time::UNIX_EPOCH)
        .simulation_duration(Duration::from_secs(86_400))
        .tick_duration(Duration::from_millis(knobs.tick_ms))
        .min_message_latency(Duration::from_millis(least))
        .max_message_latency(Duration::from_millis(most.max(least)))
        // Bursts are as large as they are; a listener that is full panics.
        .tcp_capacity(65_536);
    if knobs.random_order {
        builder.enable_random_order();
    }
    builder.build()
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, rng: &Rng, stalls: bool) -> World<'a> {
        let mut sim = network(rng, &plan.knobs);
        let plants = plan.plant().map(Plants::of).unwrap_or_default();
        let site = Site::new(0, plan.knobs.clone(), plants, rng);
        let crowd = Rc::new(Crowd {
            knobs: plan.knobs.clone(),
            ledger: site.ledger.clone(),
            rests: Cell::new(false),
            rotten: RefCell::default(),
            node: site.name.clone(),
            rng: rng.clone(),
        });
        let trouble = Trouble::default();
        trouble.install(&site.disk());
        let own = site.clone();
        sim.host(site.name.clone(), move || node::run(own.clone()));
        for number in 0..plan.knobs.users {
            let crowd = crowd.clone();
            sim.host(user_name(number), move || user::run(crowd.clone(), number));
        }
        let (counter, books) = (crowd.clone(), Rc::new(RefCell::new(Books::default())));
        let own = books.clone();
        sim.host("counting", move || counting::run(counter.clone(), own.clone()));
        let (holders, leases) = (crowd.clone(), Rc::new(RefCell::new(LeaseBook::default())));
        let own = leases.clone();
        sim.host("leasing", move || leasing::run(holders.clone(), own.clone()));
        let guests = crowd.clone();
        sim.host("guest", move || guest::run(guests.clone()));
        World {
            sim,
            plan,
            site,
            crowd,
            trouble,
            rotten: Rotten::default(),
            mends: BTreeMap::new(),
            serial: 0,
            happened: BTreeMap::new(),
            failures: Vec::new(),
            answered: 0,
            books,
            leases,
            stumbles: stalls.then(|| rng.stream("stumbles")),
        }
    }

    pub fn now_ms(&self) -> u64 {
        self.sim.elapsed().as_millis() as u64
    }

    /// One tick, and what follows from it.
    fn step(&mut self) {
        super::set_now(self.sim.elapsed());
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
        self.stumble();
        self.look_after_node();
        if now % LOOK_EVERY_MS < self.plan.knobs.tick_ms {
            self.look_at_bounds();
        }
    }

    /// The real clock goes on although nothing happens.
    #[allow(clippy::disallowed_methods, reason = "this is what must not be noticed")]
    fn stumble(&mut self) {
        let Some(draws) = &mut self.stumbles else { return };
        match draws.below(20_000) {
            0 => std::thread::sleep(Duration::from_millis(1_200)),
            1..8 => std::thread::sleep(Duration::from_millis(30)),
            _ => {}
        }
    }

    /// Turns until users have worked long enough.
    fn work(&mut self) {
        let mut faults: VecDeque<Fault> = self.plan.faults.iter().cloned().collect();
        while self.now_ms() < self.plan.knobs.work_ms {
            let now = self.now_ms();
            while let Some(fault) = faults.pop_front_if(|fault| fault.at_ms <= now) {
                self.strike(fault.kind);
            }
            self.step();
        }
    }

    /// Turns until it is so; false when that takes too long.
    fn wait(&mut self, ms: u64, until: impl Fn(&World<'_>) -> bool) -> bool {
        let late = self.now_ms() + ms;
        while self.now_ms() < late {
            if until(self) {
                return true;
            }
            self.step();
        }
        until(self)
    }

    /// Everything ends that is wrong, and users rest.
    fn heal(&mut self) {
        self.note("heal");
        for mend in std::mem::take(&mut self.mends).into_values() {
            self.mend(mend);
        }
        self.make_plain();
        let patience = self.plan.knobs.patience_ms;
        self.crowd.rests.set(true);
        self.wait(patience + 500, |_| false);
        let counts = self.crowd.ledger.borrow().counts();
        self.answered = counts.written + counts.read;
        // Somebody looks after what had to be stopped, as a person would.
        if self.has_stopped_partitions() {
            self.note("restart by hand");
            self.kill(self.site.disk().after_process_death(), AGAIN_MS);
        }
    }

    fn has_stopped_partitions(&self) -> bool {
        judge::stopped(&self.site).keys().any(|id| !self.rotten.may_cost(*id))
    }

    /// Fresh writes and reads are served, and every row is looked at.
    fn be_served(&mut self, served: bool, closing: &Rc<RefCell<Closing>>) {
        if !served && !self.rotten.may_stop_node() {
            self.failures.push(format!("liveness: the node does not serve: {:?}", self.site.standing()));
        }
        if !served {
            return;
        }
        *self.crowd.rotten.borrow_mut() = self.rotten.clone();
        let own = (self.crowd.clone(), closing.clone());
        self.sim.host("closer", move || close(own.0.clone(), own.1.clone()));
        let closed =
            self.wait(CLOSES_WITHIN_MS, |world| closing.borrow().done && world.books.borrow().closed);
        if !closed {
            let told = closing.borrow().told();
            let now = Mono(self.sim.elapsed().as_nanos() as u64);
            let threads = fibers::waiting(self.site.host, now);
            self.failures.push(format!("liveness: the closing user is not served: {told}; {threads:?}"));
        }
    }

    /// A node that has ended itself or would not start is started again.
    fn look_after_node(&mut self) {
        if let Some(reason) = fibers::end_of(self.site.host) {
            self.note(&format!("the node ended itself: {reason}"));
            *self.happened.entry("ended-itself").or_default() += 1;
            if !self.trouble.is_excuse() || reason.starts_with("SH29") || !reason.starts_with("SH") {
                self.failures.push(format!("the node ended itself: {reason}"));
            }
            self.kill(self.site.disk().after_process_death(), AGAIN_MS);
        }
        if let Standing::Refused(why) = self.site.standing() {
            *self.happened.entry("refused-to-start").or_default() += 1;
            let has_code = why.starts_with("SH") && !why.starts_with("SH29");
            let is_excused = self.has_wrong_disk() || self.trouble.is_excuse() || self.rotten.may_stop_node();
            if !is_excused || !has_code {
                self.failures.push(format!("the node refused to start: {why}"));
            }
            self.kill(self.site.disk().after_process_death(), AGAIN_MS);
        }
    }

    fn look_at_bounds(&mut self) {
        let bytes = self.site.disk().used_bytes();
        self.note(&format!("disk {bytes}"));
        judge::look_at_bounds(self, bytes);
        node::listen(&self.site, self.plan.knobs.binlog_bytes as usize / 4);
    }

    /// Is another disk in the place of the right one, which comes back?
    fn has_wrong_disk(&self) -> bool {
        self.mends.values().any(|mend| matches!(mend, Mend::RightDisk(_)))
    }

    pub fn note(&self, what: &str) {
        trace::event(self.sim.elapsed(), format_args!("{what}"));
    }

    /// The process is gone; it is started on `disk` after so long.
    pub fn kill(&mut self, disk: SimDisk, down_ms: u64) {
        fibers::forget(self.site.host);
        self.sim.crash(self.site.name.clone());
        self.site.end();
        self.put_disk(disk);
        self.later(down_ms, Mend::Start);
    }

    /// Puts a disk in, with all the trouble there is.
    pub fn put_disk(&mut self, disk: SimDisk) {
        self.trouble.install(&disk);
        self.site.disk().scrap();
        self.site.set_disk(disk);
    }

    pub fn later(&mut self, ms: u64, mend: Mend) {
        self.serial += 1;
        self.mends.insert((self.now_ms() + ms, self.serial), mend);
    }

    /// Something goes wrong now, if it can.
    fn strike(&mut self, kind: Kind) {
        let name = kind.name();
        if self.can_strike(&kind) {
            self.note(&format!("fault {kind:?}"));
            *self.happened.entry(name).or_default() += 1;
            self.carry_out(kind);
        }
    }

    /// A process that is down cannot be killed.
    fn can_strike(&self, kind: &Kind) -> bool {
        let runs = self.site.standing() != Standing::Down;
        match kind {
            Kind::Kill { .. } | Kind::Power { .. } | Kind::Stop { .. } => runs,
            Kind::Rot { .. } => runs && !self.has_wrong_disk(),
            // Not before there is a disk that is known to be the right one, nor
            // while that one is out: a wrong one would be put back for it.
            Kind::WrongDisk { .. } => runs && self.site.identity().is_some() && !self.has_wrong_disk(),
            Kind::Churn => self.site.standing() == Standing::Serving,
            _ => true,
        }
    }
}

/// A user's host.
pub(super) fn user_name(number: u32) -> String {
    format!("user-{number}")
}
