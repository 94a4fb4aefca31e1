//! Every crash point of a script, and every image at each.

use crate::disk::host::{Ended, Habits, Host, PARTITIONS};
use crate::disk::ledger::{Ledger, SharedLedger, Verdict};
use crate::disk::rot;
use crate::disk::script::{Step, script};
use env::rng::Stream;
use env::sim::{Fault, OpKind, Pending, SimDisk};
use env::{Plants, Rng};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use wal::{MarkPolicy, SyncPolicy};

/// What an enumeration came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Images opened and judged, equal ones once.
    pub images: u64,
    /// Acknowledged and not recovered.
    pub lost: u64,
    /// Recovered though it should not be there.
    pub phantom: u64,
    /// The first few, in words.
    pub examples: Vec<String>,
}

/// Failures told in words; the rest are only counted.
const EXAMPLES_MAX: usize = 5;

impl Tally {
    pub(crate) fn count(&mut self, verdict: &Verdict, scene: &str) {
        match verdict {
            Verdict::Lost(_) => self.lost += 1,
            Verdict::Phantom(_) => self.phantom += 1,
        }
        if self.examples.len() < EXAMPLES_MAX {
            self.examples.push(format!("{scene}: {verdict}"));
        }
    }

    fn plus(mut self, other: Tally) -> Tally {
        self.images += other.images;
        self.lost += other.lost;
        self.phantom += other.phantom;
        self.examples.extend(other.examples);
        self.examples.truncate(EXAMPLES_MAX);
        self
    }

    /// Nothing lost, nothing that should not be there.
    pub fn is_clean(&self) -> bool {
        self.failures() == 0
    }

    /// Failures of both kinds.
    pub fn failures(&self) -> u64 {
        self.lost + self.phantom
    }
}

/// A moment at which the world may end.
#[derive(Clone)]
pub(crate) struct Point {
    pending: Pending,
    ledger: Ledger,
}

pub(crate) type Points = Arc<Mutex<Vec<Point>>>;

/// How a log may be run; each is enumerated on its own.
const HABITS: [(SyncPolicy, MarkPolicy); 3] = [
    (SyncPolicy::Each, MarkPolicy::Idle),
    (SyncPolicy::Every(5), MarkPolicy::Idle),
    (SyncPolicy::Each, MarkPolicy::BeforeAck),
];

/// One enumeration: it is the same every time.
#[derive(Clone, Copy, Debug)]
pub struct Enumeration {
    /// Steps of the script.
    pub ops: usize,
    /// Decides the script and the sampled images.
    pub seed: u64,
    /// Known mistakes switched on.
    pub plants: Plants,
    /// After so many failures the rest would teach nothing.
    pub failures_enough: u64,
}

impl Enumeration {
    /// The habits there are, by number.
    pub const HABITS: std::ops::Range<usize> = 0..HABITS.len();

    /// Enumerates under every habit. They run side by side and share nothing,
    /// so that the outcome does not depend on how.
    #[allow(clippy::disallowed_methods, reason = "independent worlds, joined in order")]
    pub fn run(&self) -> Tally {
        std::thread::scope(|scope| {
            let habits = Self::HABITS.map(|habit| scope.spawn(move || self.run_habit(habit)));
            let habits: Vec<_> = habits.collect();
            let tallies = habits.into_iter().map(|one| one.join().expect("a simulated world panicked"));
            tallies.fold(Tally::default(), Tally::plus)
        })
    }

    /// Enumerates under one habit: rot first, since it is quickly done, then
    /// every crash, then every sync that may fail.
    pub fn run_habit(&self, habit: usize) -> Tally {
        let (sync, mark) = HABITS[habit];
        let rng = Rng::from_seed(self.seed.wrapping_mul(31).wrapping_add(habit as u64));
        let mut world = World {
            habits: Habits { sync, mark, plants: self.plants },
            steps: script(self.ops, &mut rng.stream("script")),
            draws: rng.stream("images"),
            seen: BTreeSet::new(),
            tally: Tally::default(),
            failures_enough: self.failures_enough,
        };
        rot::enumerate(world.habits, &world.steps, &mut world.tally);
        world.crashes();
        world.failed_syncs();
        world.tally
    }
}

struct World {
    habits: Habits,
    steps: Vec<Step>,
    draws: Stream,
    /// Images judged, by fingerprint and promise.
    seen: BTreeSet<(u64, Vec<(u64, usize)>)>,
    tally: Tally,
    failures_enough: u64,
}

impl World {
    fn is_enough(&self) -> bool {
        self.tally.failures() >= self.failures_enough
    }

    /// Power loss, and process death followed by power loss, at every point.
    fn crashes(&mut self) {
        let (disk, ledger, points) = (SimDisk::new(), new_ledger(), Points::default());
        watch(&disk, &ledger, &points);
        let ended = run(&disk, self.habits, &self.steps, &ledger, &points);
        if let Err(ended) = ended {
            let verdict = Verdict::Lost(format!("the script itself failed: {ended}"));
            self.tally.count(&verdict, "no crash");
        }
        for (at, point) in taken(&points).iter().enumerate() {
            if self.is_enough() {
                return;
            }
            self.power_loss(point, &format!("power loss at point {at}"));
            let disk = SimDisk::from_pending(&point.pending);
            self.restart(&disk, point.ledger.clone(), &format!("process death at point {at}"));
        }
    }

    /// EIO on each sync in turn: the host ends, the page cache lies.
    fn failed_syncs(&mut self) {
        for nth in 0.. {
            if self.is_enough() {
                return;
            }
            let (disk, ledger, points) = (SimDisk::new(), new_ledger(), Points::default());
            let failed = fail_sync(&disk, nth);
            let _ = run(&disk, self.habits, &self.steps, &ledger, &points);
            if !*failed.lock().unwrap_or_else(PoisonError::into_inner) {
                return;
            }
            disk.clear_faults();
            let scene = format!("EIO on sync {nth}");
            let point = Point { pending: disk.pending(), ledger: ledger.now() };
            self.power_loss(&point, &scene);
            self.restart(&disk.after_process_death(), ledger.now(), &scene);
        }
    }

    /// The page cache survives, a new process recovers from it, and the power
    /// fails at any point of that.
    fn restart(&mut self, disk: &SimDisk, ledger: Ledger, scene: &str) {
        let (ledger, points) = (SharedLedger::new(ledger), Points::default());
        watch(disk, &ledger, &points);
        match Host::start(disk, self.habits) {
            Err(ended) => self.refused(&ended, &ledger.now(), scene),
            Ok(host) => {
                self.judge(&host, &ledger.now(), scene);
                ledger.change(|ledger| ledger.shown(&host.applied()));
                point(disk, &ledger, &points);
            }
        }
        for (at, point) in taken(&points).iter().enumerate() {
            self.power_loss(point, &format!("{scene}, then power loss at point {at} of recovery"));
        }
    }

    fn power_loss(&mut self, point: &Point, scene: &str) {
        let promise = point.ledger.promise();
        let mut images = Vec::new();
        point.pending.each_image(&mut self.draws, |image| {
            if self.seen.insert((image.fingerprint(), promise.clone())) {
                images.push(image);
            }
        });
        for image in images {
            if self.is_enough() {
                return;
            }
            self.tally.images += 1;
            match Host::start(&SimDisk::from_image(image), self.habits) {
                Err(ended) => self.refused(&ended, &point.ledger, scene),
                Ok(host) => self.judge(&host, &point.ledger, scene),
            }
        }
    }

    /// Before the node's directory is there, nothing was promised.
    fn refused(&mut self, ended: &Ended, ledger: &Ledger, scene: &str) {
        if ledger.promise().iter().any(|(promised, _)| *promised > 0) {
            self.tally.count(&Verdict::Lost(format!("refused to start: {ended}")), scene);
        }
    }

    fn judge(&mut self, host: &Host, ledger: &Ledger, scene: &str) {
        for damage in &host.recovery.damages {
            let verdict = Verdict::Lost(format!("taken for damage: {damage}"));
            self.tally.count(&verdict, scene);
        }
        for verdict in ledger.judge(host.store(), &[]) {
            self.tally.count(&verdict, scene);
        }
    }
}

fn new_ledger() -> SharedLedger {
    SharedLedger::new(Ledger::new(&PARTITIONS))
}

/// Notes a point after each operation that reaches the disk.
fn watch(disk: &SimDisk, ledger: &SharedLedger, points: &Points) {
    let (ledger, points) = (ledger.clone(), points.clone());
    disk.watch(move |_, _, pending| {
        let point = Point { pending: pending.clone(), ledger: ledger.now() };
        points.lock().unwrap_or_else(PoisonError::into_inner).push(point);
    });
}

/// Notes a point between two operations: something was acknowledged or shown.
fn point(disk: &SimDisk, ledger: &SharedLedger, points: &Points) {
    let point = Point { pending: disk.pending(), ledger: ledger.now() };
    points.lock().unwrap_or_else(PoisonError::into_inner).push(point);
}

fn taken(points: &Points) -> Vec<Point> {
    std::mem::take(&mut points.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The nth sync reports EIO; tells whether it came to that.
fn fail_sync(disk: &SimDisk, nth: u64) -> Arc<Mutex<bool>> {
    let failed = Arc::new(Mutex::new(false));
    let (told, mut count) = (failed.clone(), 0);
    disk.set_faults(move |kind, path| {
        if kind != OpKind::Sync || !path.starts_with(crate::disk::host::LOG) {
            return None;
        }
        count += 1;
        (count == nth + 1).then(|| {
            *told.lock().unwrap_or_else(PoisonError::into_inner) = true;
            Fault::Eio
        })
    });
    failed
}

/// Runs the script to its end, or to the end of the host.
pub(crate) fn run(
    disk: &SimDisk,
    habits: Habits,
    steps: &[Step],
    ledger: &SharedLedger,
    points: &Points,
) -> Result<Host, Ended> {
    Host::set_up(disk)?;
    let mut host = Host::start(disk, habits)?;
    for step in steps {
        match step {
            Step::Append(commands) => host.append(commands.clone(), ledger)?,
            Step::Pause(ms) => {
                if host.pause(*ms)? {
                    ledger.change(Ledger::acknowledge_all);
                }
            }
            Step::Flush(partition) => host.flush(*partition)?,
            Step::Restart => {
                drop(host);
                host = Host::start(disk, habits)?;
                ledger.change(|ledger| ledger.shown(&host.applied()));
            }
        }
        point(disk, ledger, points);
    }
    Ok(host)
}
