//! Packets: records framed by whoever submits them.
//!
//! Framing costs time in proportion to the bytes. Done by the submitter, it
//! happens while the log's thread waits for the disk; what is left to that
//! thread is a header and one vectored write.

use crate::carrier::{Carriers, index};
use crate::checksum::Checksum;
use crate::error::LogError;
use crate::frame;
use crate::place::Lsn;
use crate::roster::Roster;
use bytes::Bytes;
use model::{Index, PartitionId, Record, RecordKind};

/// From this size on a payload is not copied into its packet.
const LONG_BYTES: usize = 16 << 10;

/// One record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The record.
    pub record: Record,
    /// What its partition hands in with it.
    pub carry: Option<Carry>,
}

/// From the record on that this is handed in with, every opening repeats the
/// state for the record's partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carry {
    /// The partition's carrier state, opaque here.
    pub state: Bytes,
    /// Of what the partition has in earlier batches, it needs no promise and no
    /// record without an index beside this. Those with one are for it to purge.
    pub alone: bool,
}

impl Carry {
    /// A state that stands for all promises before it.
    pub fn alone(state: Bytes) -> Carry {
        Carry { state, alone: true }
    }

    /// A state whose partition still needs what lies in between its indexes.
    pub fn beside(state: Bytes) -> Carry {
        Carry { state, alone: false }
    }
}

impl From<Record> for Append {
    fn from(record: Record) -> Append {
        Append { record, carry: None }
    }
}

/// What a record changes in its partition's carrier state.
#[derive(Clone, Debug)]
enum Note {
    Purge(PartitionId, Index),
    Forget(PartitionId),
    /// It has records behind a `Forget` in the same packet.
    Know(PartitionId),
    Carry(PartitionId, Carry),
}

/// Records framed for a batch, in order.
#[derive(Clone, Debug, Default)]
pub struct Packet {
    /// The frames, less the payloads that are long.
    run: Vec<u8>,
    /// Where in the run the long ones belong: they stay where they are.
    long: Vec<(usize, Bytes)>,
    bytes: usize,
    checksum: Checksum,
    count: u32,
    roster: Roster,
    notes: Vec<Note>,
}

impl Packet {
    /// Frames appends; refuses one above the limit, and with it all.
    pub fn encode(appends: &[Append], record_bytes_max: usize) -> Result<Packet, LogError> {
        let too_long = |append: &&Append| frame::bytes(&append.record) > record_bytes_max;
        if let Some(append) = appends.iter().find(too_long) {
            let bytes = frame::bytes(&append.record);
            return Err(LogError::TooLong { bytes, bytes_max: record_bytes_max });
        }
        let mut packet = Packet::of_records(appends.iter().map(|append| &append.record));
        for Append { record, carry } in appends {
            packet.notes.extend(note(record, &packet.notes));
            packet.notes.extend(carry.clone().map(|carry| Note::Carry(record.partition, carry)));
        }
        Ok(packet)
    }

    /// Frames records that change nobody's carrier state: the log's own.
    pub(crate) fn of_records<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Packet {
        let mut packet = Packet { roster: Roster::of(records.clone()), ..Packet::default() };
        let in_run =
            |record: &Record| if is_long(record) { frame::FRAME_BYTES } else { frame::bytes(record) };
        packet.run.reserve_exact(records.clone().map(in_run).sum());
        for record in records {
            packet.run.extend_from_slice(&frame::head(record));
            if is_long(record) {
                packet.long.push((packet.run.len(), record.payload.clone()));
            } else {
                packet.run.extend_from_slice(&record.payload);
            }
            packet.count += 1;
        }
        packet.bytes = packet.parts().map(<[u8]>::len).sum();
        packet.checksum = Checksum::of(packet.parts());
        packet
    }

    /// Bytes of its records.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Its bytes, in order.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &[u8]> {
        let starts = [0].into_iter().chain(self.long.iter().map(|(at, _)| *at));
        let ends = self.long.iter().map(|(at, _)| *at).chain([self.run.len()]);
        let long = self.long.iter().map(|(_, payload)| Some(&payload[..])).chain([None]);
        let runs = starts.zip(ends).map(|(start, end)| &self.run[start..end]);
        runs.zip(long).flat_map(|(run, long)| [Some(run), long]).flatten()
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The checksum of its bytes.
    pub(crate) fn checksum(&self) -> Checksum {
        self.checksum
    }

    /// Does it purge, forget or hand in anything?
    pub(crate) fn changes_carriers(&self) -> bool {
        !self.notes.is_empty()
    }

    /// It is written, as part of this batch: the carrier states follow.
    pub(crate) fn note_in(self, carriers: &mut Carriers, batch: Lsn) {
        for span in self.roster.spans() {
            carriers.know(span.partition);
        }
        for note in self.notes {
            match note {
                Note::Purge(partition, upto) => carriers.purge(partition, upto),
                Note::Forget(partition) => carriers.forget(partition),
                Note::Know(partition) => carriers.know(partition),
                Note::Carry(partition, carry) => carriers.carry(partition, carry, batch),
            }
        }
    }
}

fn is_long(record: &Record) -> bool {
    record.payload.len() >= LONG_BYTES
}

/// What the record changes, behind the notes of the records before it.
fn note(record: &Record, before: &[Note]) -> Option<Note> {
    let partition = record.partition;
    match record.kind {
        RecordKind::Purge => Some(Note::Purge(partition, index(&record.payload).unwrap_or(0))),
        RecordKind::Forget => Some(Note::Forget(partition)),
        _ => {
            let forgotten = |note: &Note| matches!(note, Note::Forget(one) if *one == partition);
            before.iter().any(forgotten).then_some(Note::Know(partition))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Epoch, Stamp};

    fn record(partition: u64, kind: RecordKind) -> Record {
        Record {
            partition: PartitionId(partition),
            epoch: Epoch::FIRST,
            first_index: 1,
            count: u32::from(kind.counts()),
            stamp: Stamp(1),
            kind,
            payload: Bytes::from(vec![7; LONG_BYTES + partition as usize - 2]),
        }
    }

    /// Live, states follow packet by packet; after a restart, record by record.
    #[test]
    fn states_are_the_same_live_and_after_a_restart() {
        let kinds = [RecordKind::Commands, RecordKind::Forget, RecordKind::Commands, RecordKind::Forget];
        for records in [&kinds[..], &kinds[..3], &kinds[1..3], &kinds[1..2]] {
            let records: Vec<Record> = records.iter().map(|kind| record(3, *kind)).collect();
            let appends: Vec<Append> = records.iter().cloned().map(Append::from).collect();
            let (mut live, mut restarted) = (Carriers::default(), Carriers::default());
            Packet::encode(&appends, usize::MAX).expect("no bound").note_in(&mut live, Lsn(1));
            records.iter().for_each(|record| restarted.note(record));
            assert_eq!(live, restarted, "{records:?}");
        }
    }

    #[test]
    fn long_payloads_stand_where_they_belong() {
        let records: Vec<Record> =
            [1, 2, 3, 1].map(|partition| record(partition, RecordKind::Commands)).into();
        let packet = Packet::of_records(records.iter());
        let expected: Vec<u8> =
            records.iter().flat_map(|r| [&frame::head(r)[..], &r.payload].concat()).collect();
        assert!(packet.parts().flatten().copied().eq(expected.iter().copied()), "bytes out of place");
        assert_eq!((packet.bytes(), packet.count()), (expected.len(), 4));
        assert_eq!(packet.checksum().behind(9), crc32c::crc32c_append(9, &expected));
        assert_eq!(packet.parts().count(), 3 + 2, "a run before, between and behind the long ones");
    }
}
