//! What hosts make of what their replicas tell them: who leads proposes, who is
//! asked reads.

use super::life::record;
use super::world::{What, World};
use model::PartitionId;
use replication::raft::Event;

impl World {
    pub fn hears(&mut self, host: usize, partition: PartitionId, event: Event) {
        self.say(format_args!("host {host} partition {partition} {}", brief(&event)));
        let life = self.hosts[host].life.as_mut().expect("it has just run");
        // It may have left meanwhile.
        let Some(own) = life.partitions.get_mut(&partition) else { return };
        match event {
            Event::Committed(record) => {
                own.upto = self.book.applies(host as u64, own.upto, &record);
                if own.under_way.first() == Some(&record) {
                    own.under_way.remove(0);
                    self.book.acks(partition, record.last_index());
                }
                self.serve(host, partition);
            }
            Event::Leads { term, last_index, last_stamp } => {
                own.leads = Some(term);
                own.proposed = (last_index, last_stamp.0);
                own.under_way.clear();
                self.book.leads(host as u64, partition, term);
            }
            Event::Follows(_) => {
                own.leads = None;
                own.under_way.clear();
            }
            Event::Began(_) => {}
            Event::Settled { members, since } => {
                if let Some(replica) = self.wishes.hears(partition, since, members) {
                    let why = format!("replica {replica} of partition {partition} is back in its group");
                    self.book.fail(why);
                }
            }
            // Of an earlier term: it was told that it does not lead any more.
            Event::Refused { term, .. } if own.leads != Some(term) => {}
            Event::Refused { first_index, .. } => {
                let at = own.under_way.partition_point(|record| record.first_index < first_index);
                let refused: Vec<_> = own.under_way.drain(at..).collect();
                own.proposed.0 = first_index - 1;
                refused.iter().for_each(|record| self.book.refuses(record));
            }
            Event::ReadAt(serials, index) => {
                for serial in serials {
                    let must_see = own.asked.remove(&serial).expect("it was asked here");
                    own.ready.push((index, must_see));
                }
                self.serve(host, partition);
            }
            Event::ReadRefused(serials) => {
                for serial in serials {
                    own.asked.remove(&serial);
                }
            }
            Event::Behind { leader } => self.fetch(host, partition, leader),
            Event::TakeExport => self.take_export(host, partition),
            Event::DropExport => own.staged = None,
            Event::Failed(why) => self.book.fail(format!("host {host} partition {partition}: {why}")),
        }
    }

    pub(super) fn serve(&mut self, host: usize, partition: PartitionId) {
        let life = self.hosts[host].life.as_mut().expect("it has just run");
        let own = life.partitions.get_mut(&partition).expect("it has a replica");
        let upto = own.upto;
        let (served, wait) = own.ready.drain(..).partition(|(index, _)| *index <= upto);
        own.ready = wait;
        let served: Vec<(u64, u64)> = served;
        for (_, must_see) in served {
            self.book.serves(host as u64, partition, must_see, upto);
        }
    }

    pub fn proposes(&mut self, host: usize, boot: u64) {
        if self.rests || self.living(host, boot).is_none() {
            return;
        }
        if self.stands_still(host, || What::Proposes(host as u64, boot)) {
            return;
        }
        for partition in (1..=self.knobs.partitions).map(PartitionId) {
            self.propose(host, partition);
        }
        self.later(self.knobs.think_us * 1000, What::Proposes(host as u64, boot));
    }

    pub fn propose(&mut self, host: usize, partition: PartitionId) {
        let now = self.now();
        let count = 1 + self.draws.below(3) as u32;
        let bytes = self.draws.next_u64().to_le_bytes().repeat(1 + self.draws.below(30) as usize);
        let Some(life) = &mut self.hosts[host].life else { return };
        let Some(own) = life.partitions.get_mut(&partition) else { return };
        let Some(term) = own.leads.filter(|_| own.under_way.len() < self.knobs.under_way) else { return };
        let (first, stamp) = (own.proposed.0 + 1, now.max(own.proposed.1 + 1));
        let record = record(partition, term, first, count, stamp, bytes);
        own.proposed = (record.last_index(), stamp);
        own.under_way.push(record.clone());
        life.groups.propose(record);
        self.turn(host);
    }

    /// Whoever it is asks whether it may serve a read.
    pub fn reads(&mut self, host: usize, boot: u64) {
        if self.rests || self.living(host, boot).is_none() {
            return;
        }
        if self.stands_still(host, || What::Reads(host as u64, boot)) {
            return;
        }
        let partition = PartitionId(1 + self.draws.below(self.knobs.partitions));
        let must_see = self.book.must_see(partition);
        let life = self.living(host, boot).expect("it was just there");
        let serial = life.serial();
        if let Some(own) = life.partitions.get_mut(&partition) {
            own.asked.insert(serial, must_see);
            life.groups.read(partition, serial);
            self.turn(host);
        }
        self.later(self.knobs.think_us * 1000, What::Reads(host as u64, boot));
    }
}

fn brief(event: &Event) -> String {
    match event {
        Event::Committed(record) => {
            format!("has {}+{} of term {}", record.first_index, record.count, record.epoch.term)
        }
        other => format!("{other:?}"),
    }
}
