//! What goes wrong, and for how long.

use super::host::End;
use super::world::{MS, What, World};
use env::Plant;
use env::rng::Stream;

/// Something goes wrong.
#[derive(Clone, Debug)]
enum Trouble {
    /// A host's process ends, and is started again after so long.
    Crash(u64, End, u64),
    /// All at once.
    CrashAll(End, u64),
    /// Nothing comes through from the one to the other, for so long.
    Cut(Vec<(u64, u64)>, u64),
    /// A host's syncs take so many times as long, for so long.
    Slow(u64, u64, u64),
    /// A host stands still for so long.
    Pause(u64, u64),
}

fn end(draws: &mut Stream) -> End {
    if draws.chance(50) { End::Killed } else { End::PowerLoss }
}

/// Draws the next one. Times are in milliseconds.
fn draw(draws: &mut Stream, hosts: u64) -> Trouble {
    let host = draws.below(hosts);
    let others = || (0..hosts).filter(move |other| *other != host);
    match draws.below(10) {
        0..=2 => Trouble::Crash(host, end(draws), 10 + draws.below(3_000)),
        3 | 4 => Trouble::CrashAll(end(draws), 10 + draws.below(1_500)),
        5 => {
            // Nobody hears it and it hears nobody.
            let ways = others().flat_map(|other| [(host, other), (other, host)]).collect();
            Trouble::Cut(ways, 500 + draws.below(5_000))
        }
        6 => {
            let out = draws.chance(50);
            let ways = others().map(|other| if out { (host, other) } else { (other, host) }).collect();
            Trouble::Cut(ways, 500 + draws.below(5_000))
        }
        7 => {
            let other = (host + 1) % hosts;
            Trouble::Cut(vec![(host, other), (other, host)], 500 + draws.below(8_000))
        }
        8 => Trouble::Slow(host, 10 + draws.below(50), 500 + draws.below(4_000)),
        _ => Trouble::Pause(host, 100 + draws.below(4_000)),
    }
}

impl World {
    /// The next thing goes wrong.
    pub fn trouble(&mut self) {
        if self.rests {
            return;
        }
        let trouble = draw(&mut self.draws, self.knobs.hosts);
        self.say(format_args!("{trouble:?}"));
        match trouble {
            Trouble::Crash(host, end, ms) => self.crash(host, end, ms),
            Trouble::CrashAll(end, ms) => {
                for host in 0..self.knobs.hosts {
                    let more = self.draws.below(ms);
                    self.crash(host, end, ms + more);
                }
            }
            Trouble::Cut(ways, ms) => {
                ways.into_iter().for_each(|(from, to)| self.net.cut(from, to));
                self.at(self.now() + ms * MS, What::Heals);
            }
            Trouble::Slow(host, times, ms) => {
                self.hosts[host as usize].slow = times;
                self.at(self.now() + ms * MS, What::Quick(host));
            }
            Trouble::Pause(host, ms) => {
                let until = self.now() + ms * MS;
                let one = &mut self.hosts[host as usize];
                (one.paused_until, one.late_ns) = (until, 0);
            }
        }
        self.later(self.knobs.faults_every_ms * MS, What::Trouble);
    }

    fn crash(&mut self, host: u64, end: End, ms: u64) {
        let now = self.now();
        let one = &mut self.hosts[host as usize];
        one.end(end, &mut self.draws, now);
        if self.plants.has(Plant::ReplicaIdReused) && self.draws.chance(30) {
            one.lose_disk();
        }
        self.at(now + ms * MS, What::Starts(host));
        for other in (0..self.knobs.hosts).filter(|other| *other != host) {
            let at = now + self.draws.below(100) * MS;
            self.at(at, What::Loses(other, host));
        }
    }
}
