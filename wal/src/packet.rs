//! Packets: records framed by whoever submits them.
//!
//! Framing costs time in proportion to the bytes. Done by the submitter, it
//! happens while the log's thread waits for the disk; what is left to that
//! thread is a header and one vectored write.

use crate::carrier::{Carriers, index};
use crate::error::LogError;
use crate::frame;
use crate::roster::Roster;
use bytes::Bytes;
use model::{Index, PartitionId, Record, RecordKind};

/// From this size on, combining checksums costs less than taking them anew.
const CRC_WORTH_BYTES: usize = 512 << 10;

/// One record to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Append {
    /// The record.
    pub record: Record,
    /// From this record on, every opening repeats these bytes for the record's
    /// partition: its carrier state, opaque here.
    pub carry: Option<Bytes>,
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
    Carry(PartitionId, Bytes),
}

/// Records framed for a batch, in order.
#[derive(Clone, Debug, Default)]
pub struct Packet {
    body: Vec<u8>,
    /// The body's own CRC32C, where it is long.
    crc: Option<u32>,
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
            packet.notes.extend(note(record));
            packet.notes.extend(carry.clone().map(|opaque| Note::Carry(record.partition, opaque)));
        }
        Ok(packet)
    }

    /// Frames records that change nobody's carrier state: the log's own.
    pub(crate) fn of_records<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Packet {
        let mut body = Vec::with_capacity(records.clone().map(frame::bytes).sum());
        let mut count = 0;
        for record in records.clone() {
            frame::encode(record, &mut body);
            count += 1;
        }
        let crc = (body.len() >= CRC_WORTH_BYTES).then(|| crc32c::crc32c(&body));
        Packet { body, crc, count, roster: Roster::of(records), notes: Vec::new() }
    }

    /// Bytes of its records.
    pub fn bytes(&self) -> usize {
        self.body.len()
    }

    /// How many records.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    pub(crate) fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The checksum of what `crc` covers with this packet behind it.
    pub(crate) fn continue_crc(&self, crc: u32) -> u32 {
        match self.crc {
            Some(own) => crc32c::crc32c_combine(crc, own, self.body.len()),
            None => crc32c::crc32c_append(crc, &self.body),
        }
    }

    /// Does it purge, forget or hand in anything?
    pub(crate) fn changes_carriers(&self) -> bool {
        !self.notes.is_empty()
    }

    /// Its batch is written: the carrier states follow.
    pub(crate) fn note_in(self, carriers: &mut Carriers) {
        for span in self.roster.spans() {
            carriers.know(span.partition);
        }
        for note in self.notes {
            match note {
                Note::Purge(partition, upto) => carriers.purge(partition, upto),
                Note::Forget(partition) => carriers.forget(partition),
                Note::Carry(partition, opaque) => carriers.carry(partition, opaque),
            }
        }
    }
}

fn note(record: &Record) -> Option<Note> {
    match record.kind {
        RecordKind::Purge => Some(Note::Purge(record.partition, index(&record.payload).unwrap_or(0))),
        RecordKind::Forget => Some(Note::Forget(record.partition)),
        _ => None,
    }
}
