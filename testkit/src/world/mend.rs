//! How faults are carried out, and how they end.

use super::fault::{Kind, Way};
use super::node;
use super::run::{World, user_name};
use super::site::{Mischief, Standing};
use crate::fibers;
use env::Rng;
use env::sim::{SimClock, SimDisk};
use partition_mgr::{DataDir, Expect};
use std::num::NonZeroU8;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The end of something that lasts.
pub(super) enum Mend {
    /// The process is started.
    Start,
    /// The process goes on.
    GoOn,
    /// A link is whole again.
    Link(u32),
    /// Messages that waited come.
    Release(u32),
    /// Messages travel as before.
    Latency,
    /// Calls are served as they come.
    Calls,
    /// The disk is as fast as before.
    Pace,
    /// The disk has room again.
    Room,
    /// Syncs sync again.
    Honesty,
    /// The right disk is put back, and the process started on it.
    RightDisk(SimDisk),
}

impl World<'_> {
    /// Does what a fault says.
    pub fn carry_out(&mut self, kind: Kind) {
        let disk = self.site.disk();
        match kind {
            Kind::Kill { down_ms } => self.kill(disk.after_process_death(), down_ms),
            Kind::Power { down_ms, image } => {
                let image = disk.pending().any_image(&mut Rng::from_seed(image).stream("image"));
                self.kill(SimDisk::from_image(image), down_ms);
            }
            Kind::Stop { for_ms } => {
                fibers::set_frozen(self.site.host, true);
                self.each_user(|world, user| world.sim.hold(world.site.name.clone(), user_name(user)));
                self.later(for_ms, Mend::GoOn);
            }
            Kind::Cut { user, way, for_ms } => self.cut(user, way, for_ms),
            Kind::Hold { user, for_ms } => {
                self.sim.hold(self.site.name.clone(), user_name(user));
                self.later(for_ms, Mend::Release(user));
            }
            Kind::Delay { latency_ms, for_ms } => {
                self.sim.set_max_message_latency(Duration::from_millis(latency_ms));
                self.later(for_ms, Mend::Latency);
            }
            Kind::Reorder { percent, by_ms, for_ms } => {
                let mischief =
                    Mischief { reorder_percent: percent, reorder_by_ms: by_ms, ..Mischief::default() };
                self.disturb(mischief, for_ms);
            }
            Kind::Duplicate { percent, for_ms } => {
                self.disturb(Mischief { duplicate_percent: percent, ..Mischief::default() }, for_ms);
            }
            Kind::SlowDisk { times, for_ms } => {
                self.site.pace().iter().for_each(|pace| pace.set_slower(times));
                self.later(for_ms, Mend::Pace);
            }
            Kind::FullDisk { room_bytes, for_ms } => {
                self.trouble.set_room(Some(room_bytes), &disk);
                self.later(for_ms, Mend::Room);
            }
            Kind::FailedSync { after } => self.trouble.fail_sync(after),
            Kind::FailedWrite { after } => self.trouble.fail_write(after),
            Kind::LyingSync { for_ms } => {
                self.trouble.lie(true);
                self.later(for_ms, Mend::Honesty);
            }
            Kind::Rot { place, spots } => self.rot(place, spots),
            Kind::WrongDisk { blank, for_ms } => self.swap(blank, for_ms),
            Kind::ClockSet { offset_ms } => {
                let (rate, _) = self.site.clock();
                self.site.set_clock(rate, offset_ms);
            }
            Kind::ClockRate { percent } => {
                let (_, offset) = self.site.clock();
                self.site.set_clock(percent, offset);
            }
            Kind::Churn => {
                self.serial += 1;
                node::churn(&self.site, self.serial);
            }
        }
    }

    /// Ends what a fault began.
    pub fn mend(&mut self, mend: Mend) {
        let name = self.site.name.clone();
        match mend {
            Mend::Start if self.site.standing() == Standing::Down => self.sim.bounce(name),
            Mend::Start => {}
            Mend::GoOn => {
                fibers::set_frozen(self.site.host, false);
                self.each_user(|world, user| world.sim.release(name.clone(), user_name(user)));
            }
            Mend::Link(user) => self.sim.repair(name, user_name(user)),
            Mend::Release(user) => self.sim.release(name, user_name(user)),
            Mend::Latency => {
                let (least, most) = self.plan.knobs.latency_ms;
                self.sim.set_max_message_latency(Duration::from_millis(most.max(least)));
            }
            Mend::Calls => self.site.set_mischief(Mischief::default()),
            Mend::Pace => self.site.pace().iter().for_each(|pace| pace.set_slower(1)),
            Mend::Room => self.trouble.set_room(None, &self.site.disk()),
            Mend::Honesty => self.trouble.lie(false),
            Mend::RightDisk(disk) => {
                self.note("the right disk is put back");
                if self.site.standing() != Standing::Down {
                    fibers::forget(self.site.host);
                    self.sim.crash(name.clone());
                    self.site.end();
                }
                self.put_disk(disk);
                self.sim.bounce(name);
            }
        }
    }

    /// Nothing is wrong any more, whatever faults lay over one another.
    pub fn make_plain(&mut self) {
        for mend in [Mend::GoOn, Mend::Latency, Mend::Calls, Mend::Pace] {
            self.mend(mend);
        }
        self.each_user(|world, user| {
            world.mend(Mend::Link(user));
            world.mend(Mend::Release(user));
        });
        self.trouble.mend(&self.site.disk());
    }

    fn each_user(&mut self, visit: impl Fn(&mut Self, u32)) {
        (0..self.plan.knobs.users).for_each(|user| visit(self, user));
    }

    fn cut(&mut self, user: u32, way: Way, for_ms: u64) {
        let (node, user_name) = (self.site.name.clone(), user_name(user));
        match way {
            Way::Both => self.sim.partition(node, user_name),
            Way::ToNode => self.sim.partition_oneway(user_name, node),
            Way::FromNode => self.sim.partition_oneway(node, user_name),
        }
        self.later(for_ms, Mend::Link(user));
    }

    fn disturb(&mut self, mischief: Mischief, for_ms: u64) {
        self.site.set_mischief(mischief);
        self.later(for_ms, Mend::Calls);
    }

    /// Bits of a file that is not the newest segment change: of that one, what
    /// was written last is not proven to be durable yet. The process is killed,
    /// so that it has to read the file.
    fn rot(&mut self, place: u64, spots: u64) {
        let disk = self.site.disk().after_process_death();
        let files = disk.contents();
        let newest = files.iter().map(|(path, _)| path).filter(|path| is_segment(path)).max().cloned();
        let is_old = |path: &Path| newest.as_deref() != Some(path);
        let candidates: Vec<_> = files.iter().filter(|(path, bytes)| *bytes > 0 && is_old(path)).collect();
        if let Some((path, bytes)) = candidates.get(place as usize % candidates.len().max(1)) {
            let draws = &mut Rng::from_seed(place).stream("rot");
            for _ in 0..spots {
                // Half of them near the end, where a segment keeps its footer.
                let back = if draws.chance(50) { *bytes } else { (*bytes).min(8 << 10) };
                let (offset, bit) = (bytes - 1 - draws.below(back), draws.below(8));
                disk.rot(path, offset, |content| {
                    content.iter_mut().take(1).for_each(|byte| *byte ^= 1 << bit)
                });
                self.rotten.hit(path);
                self.note(&format!("rot in {} at {offset}", path.display()));
            }
        }
        self.kill(disk, 100);
    }

    /// Another disk is in its place for a while.
    fn swap(&mut self, blank: bool, for_ms: u64) {
        let right = self.site.disk().after_process_death();
        let wrong = if blank { SimDisk::new() } else { foreign_disk() };
        self.kill(wrong, 50);
        self.later(for_ms.max(200), Mend::RightDisk(right));
    }
}

/// A log's file that is neither a spare nor anything else.
fn is_segment(path: &Path) -> bool {
    let is_number = |name: &str| name.bytes().all(|byte| byte.is_ascii_digit());
    let stem = path.file_stem().and_then(|stem| stem.to_str());
    path.extension().is_some_and(|end| end == "log") && stem.is_some_and(is_number)
}

/// The disk of a node of another cluster.
fn foreign_disk() -> SimDisk {
    let disk = SimDisk::new();
    let env = env::sim::env(4711, &disk, &Arc::new(SimClock::default()));
    let expect = Expect { cluster: None, node: None, stores: NonZeroU8::MIN, disk: None, may_set_up: true };
    // A plain disk without faults: it works, or the world is at fault itself.
    drop(DataDir::open(&env, Path::new(node::DATA), expect).expect("a disk of another node"));
    disk.after_process_death()
}
