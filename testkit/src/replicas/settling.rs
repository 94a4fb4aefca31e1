//! The end: everything is mended, and everybody has to have everything.

use super::host::Host;
use super::life::Life;
use super::world::{MS, What, World};
use model::PartitionId;

/// Once all is well, so long until everybody has everything.
const SETTLES_WITHIN_MS: u64 = 60_000;

impl World {
    /// Everything is mended; then everybody has to have everything.
    pub(super) fn settle(&mut self) {
        self.rests = true;
        self.net.heal();
        (self.knobs.lost_permille, self.knobs.doubled_permille, self.knobs.overtaken_permille) = (0, 0, 0);
        for host in 0..self.hosts.len() {
            self.hosts[host].slow = 1;
            self.hosts[host].paused_until = 0;
            if self.hosts[host].life.is_none() {
                self.happens(What::Starts(host as u64));
            } else {
                self.turn(host);
            }
        }
        let patience = SETTLES_WITHIN_MS.max(40 * self.knobs.timing.heartbeat_ms);
        self.run_until(self.now() + patience * MS);
        // One more of each: whoever leads can write, and everybody hears of it.
        for partition in (1..=self.knobs.partitions).map(PartitionId) {
            let Some(host) = self.leader(partition) else {
                self.book.fail(format!("nobody leads partition {partition} although all is well"));
                continue;
            };
            self.propose(host, partition);
        }
        self.run_until(self.now() + SETTLES_WITHIN_MS * MS);
        for partition in (1..=self.knobs.partitions).map(PartitionId) {
            let lives = self.hosts.iter().enumerate().filter_map(|(host, h)| Some((host, h.life.as_ref()?)));
            let has =
                |(host, life): (usize, &Life)| Some((host as u64, life.partitions.get(&partition)?.upto));
            let applied: Vec<_> = lives.filter_map(has).collect();
            self.book.close(partition, &applied);
            if !self.wishes.is_fulfilled(partition)
                || applied.len() != self.wishes.wanted(partition).seats.len()
            {
                self.book.fail(format!("partition {partition} is not what is wanted of it"));
            }
        }
    }

    fn leader(&self, partition: PartitionId) -> Option<usize> {
        let term = |host: &Host| host.life.as_ref().and_then(|life| life.partitions.get(&partition)?.leads);
        let leaders = self.hosts.iter().enumerate().filter(|(_, host)| term(host).is_some());
        leaders.max_by_key(|(_, host)| term(host)).map(|(number, _)| number)
    }
}
