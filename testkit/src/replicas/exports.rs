//! Exports: what a host fetches for a replica that its leader's log cannot bring up.

use super::host::Shelved;
use super::world::{MS, What, World};
use model::{NodeId, PartitionId};

impl World {
    /// A replica needs one.
    pub fn fetch(&mut self, host: usize, partition: PartitionId, leader: NodeId) {
        let boot = self.hosts[host].boots;
        let ms = 1 + self.draws.below(self.knobs.fetch_ms);
        self.at(self.now() + ms * MS, What::Fetched(host as u64, boot, partition, leader));
    }

    /// An export of the leader's store is there, or none can be had.
    pub fn fetched(&mut self, host: usize, boot: u64, partition: PartitionId, leader: usize) {
        if self.stands_still(host, || What::Fetched(host as u64, boot, partition, NodeId(leader as u64))) {
            return;
        }
        let fails = self.draws.below(1000) < 2 * self.knobs.lost_permille;
        let comes = !fails && !self.net.is_cut(leader as u64, host as u64);
        let there = self.hosts[leader].life.as_mut().filter(|_| comes);
        let export = there.and_then(|life| {
            let upto = life.partitions.get(&partition)?.upto;
            Some(Shelved { upto, rests_on: Some(life.groups.base(partition, upto)?) })
        });
        let Some(life) = self.living(host, boot).filter(|life| life.partitions.contains_key(&partition))
        else {
            return;
        };
        let base = export.as_ref().and_then(|export| export.rests_on.clone());
        life.partitions.get_mut(&partition).expect("it has a replica").staged = export;
        life.groups.fetched(partition, base);
        self.turn(host);
    }

    /// It takes the store's place.
    pub fn take_export(&mut self, host: usize, partition: PartitionId) {
        let life = self.hosts[host].life.as_mut().expect("it has just run");
        let own = life.partitions.get_mut(&partition).expect("it has just been told");
        let staged = own.staged.take().expect("it was fetched");
        self.book.jumps(host as u64, partition, own.upto, staged.upto);
        (own.upto, own.rests_on) = (staged.upto, staged.rests_on.clone());
        life.groups.taken(partition);
        self.hosts[host].shelf.insert(partition, staged);
        self.serve(host, partition);
    }
}
