//! Replicas come to hosts and go.

use super::host::{Host, Seated};
use super::life::record;
use super::world::{MS, What, World};
use model::{NodeId, PartitionId, RecordKind, ReplicaId};

impl World {
    /// Something else is wanted of a partition.
    pub fn wish(&mut self) {
        if self.rests {
            return;
        }
        let partition = PartitionId(1 + self.draws.below(self.knobs.partitions));
        let seat = |(node, host): (u64, &Host)| Some((NodeId(node), host.seats.get(&partition)?.replica));
        let seated = (0..).zip(&self.hosts).filter_map(seat).collect();
        let wanted = self.wishes.change(partition, seated, &self.knobs, &mut self.draws);
        self.say(format_args!("partition {partition} is wanted as {wanted:?}"));
        self.later(self.knobs.wishes_every_ms * MS, What::Wish);
    }

    /// A host hears what is wanted, and does its part.
    pub fn hears_wishes(&mut self, host: usize) {
        self.later(self.knobs.hears_ms * MS, What::Hears(host as u64));
        if self.hosts[host].life.is_none() || self.hosts[host].paused_until > self.now() {
            return;
        }
        for partition in (1..=self.knobs.partitions).map(PartitionId) {
            let wanted = self.wishes.wanted(partition);
            let own =
                wanted.seats.iter().find(|(_, node)| node.0 == host as u64).map(|(replica, _)| *replica);
            let seated = self.hosts[host].seats.get(&partition).map(|seat| seat.replica);
            match (seated, own) {
                (Some(replica), _) if self.wishes.is_over(partition, replica) => self.leave(host, partition),
                (Some(_), _) => {
                    let life = self.hosts[host].life.as_mut().expect("it lives");
                    life.groups.want(partition, wanted);
                }
                (None, Some(replica)) => self.prepare(host, partition, replica),
                (None, None) => {}
            }
        }
        self.turn(host);
    }

    fn leave(&mut self, host: usize, partition: PartitionId) {
        self.say(format_args!("host {host} leaves partition {partition}"));
        let one = &mut self.hosts[host];
        let life = one.life.as_mut().expect("it lives");
        life.groups.close(partition);
        life.partitions.remove(&partition);
        let seat = one.seats.remove(&partition).expect("it had one");
        self.wishes.leaves(partition, seat.replica);
        one.shelf.remove(&partition);
    }

    /// Whatever the log has of an earlier replica has to be forgotten before there is
    /// another one.
    fn prepare(&mut self, host: usize, partition: PartitionId, replica: ReplicaId) {
        let life = self.hosts[host].life.as_mut().expect("it lives");
        if life.coming.values().any(|(known, _)| *known == partition) {
            return;
        }
        let mut forget = record(partition, 0, 1, 0, 0, Vec::new());
        forget.kind = RecordKind::Forget;
        let ticket = life.log(vec![forget.into()]);
        life.coming.insert(ticket, (partition, replica));
    }

    /// It is forgotten.
    pub fn come(&mut self, host: usize, partition: PartitionId, replica: ReplicaId) {
        self.say(format_args!("host {host} has replica {replica} of partition {partition}"));
        let seat = Seated { replica, founds: false };
        self.hosts[host].seats.insert(partition, seat);
        let wanted = self.wishes.wanted(partition);
        let life = self.hosts[host].life.as_mut().expect("it has just written");
        life.come(partition, replica, self.knobs.timing);
        life.groups.want(partition, wanted);
    }
}
