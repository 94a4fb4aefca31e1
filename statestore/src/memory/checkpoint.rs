//! The checkpoint file: one partition's rows at one index.
//! Bytes in `docs/formats/export.md`.
//!
//! ```text
//! header | block | block | … | end
//! header = magic(8) format(4) partition(8) applied(8) rows(8) crc(4)
//! block  = body length(4) crc(4) body;   body = (key value)*, each behind its length
//! end    = 0(4) crc(4)
//! ```
//!
//! Each checksum continues the one before it, so that a block is right only
//! behind the blocks it was written behind, under the header it was written
//! under.

use super::Rows;
use crate::error::{Attempt, StoreError};
use bytes::Bytes;
use env::LogDevice;
use model::keyspace::meta;
use model::wire::{Cursor, put_prefixed};
use model::{Index, PartitionId};
use std::io;
use std::path::Path;

/// The version of the format.
pub const FORMAT: u32 = 1;

const MAGIC: &[u8; 8] = b"SHROWS\r\n";
const HEADER_BYTES: usize = 40;
/// A block is closed when its body has reached this size.
const BLOCK_BYTES: usize = 64 << 10;
/// Written at once.
const WRITE_BYTES: usize = 256 << 10;

/// What a checkpoint's header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whose rows.
    pub partition: PartitionId,
    /// At which index.
    pub applied: Index,
    /// How many, the store's own among them.
    pub rows: u64,
}

impl Header {
    fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut out = [0; HEADER_BYTES];
        out[..8].copy_from_slice(MAGIC);
        out[8..12].copy_from_slice(&FORMAT.to_le_bytes());
        out[12..20].copy_from_slice(&self.partition.0.to_le_bytes());
        out[20..28].copy_from_slice(&self.applied.to_le_bytes());
        out[28..36].copy_from_slice(&self.rows.to_le_bytes());
        let crc = crc32c::crc32c(&out[..36]);
        out[36..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    /// The header and its checksum, which the first block's continues.
    fn decode(bytes: &[u8], path: &Path) -> Result<(Header, u32), StoreError> {
        let damaged = |why: &str| StoreError::damaged(path, why);
        let mut cursor = Cursor::new(bytes);
        let short = || damaged("it ends inside its header");
        if cursor.take(MAGIC.len()).ok_or_else(short)? != MAGIC {
            return Err(damaged("it does not begin as a checkpoint does"));
        }
        let format = cursor.u32().ok_or_else(short)?;
        if format != FORMAT {
            return Err(StoreError::FormatUnknown { path: path.to_owned(), found: format, known: FORMAT });
        }
        let header = Header {
            partition: PartitionId(cursor.u64().ok_or_else(short)?),
            applied: cursor.u64().ok_or_else(short)?,
            rows: cursor.u64().ok_or_else(short)?,
        };
        let crc = cursor.u32().ok_or_else(short)?;
        if crc != crc32c::crc32c(&bytes[..HEADER_BYTES - 4]) {
            return Err(damaged("its header's checksum does not match"));
        }
        Ok((header, crc))
    }
}

/// The applied index that lies among the rows.
pub(super) fn applied_of(rows: &Rows) -> Option<Index> {
    Some(Index::from_le_bytes(rows.get(&meta::APPLIED[..])?[..].try_into().ok()?))
}

/// What was written: for a manifest.
pub(super) struct Written {
    pub bytes: u64,
    pub crc32c: u32,
}

/// Gathers bytes, so that a small checkpoint is one write.
struct Out<'d> {
    device: &'d dyn LogDevice,
    waiting: Vec<u8>,
    written: Written,
}

impl Out<'_> {
    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waiting.extend_from_slice(bytes);
        if self.waiting.len() < WRITE_BYTES { Ok(()) } else { self.drain() }
    }

    fn drain(&mut self) -> io::Result<()> {
        self.device.write_at(self.written.bytes, &self.waiting)?;
        self.written.crc32c = crc32c::crc32c_append(self.written.crc32c, &self.waiting);
        self.written.bytes += self.waiting.len() as u64;
        self.waiting.clear();
        Ok(())
    }

    /// Writes one block and returns the checksum that the next continues.
    fn block(&mut self, seed: u32, body: &[u8]) -> io::Result<u32> {
        let length = u32::try_from(body.len()).map_err(io::Error::other)?.to_le_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c_append(seed, &length), body);
        self.push(&length)?;
        self.push(&crc.to_le_bytes())?;
        self.push(body)?;
        Ok(crc)
    }
}

/// Writes and syncs a checkpoint into an empty file.
pub(super) fn write(device: &dyn LogDevice, partition: PartitionId, rows: &Rows) -> io::Result<Written> {
    let applied = applied_of(rows).ok_or_else(|| io::Error::other("the rows lack their applied index"))?;
    let header = Header { partition, applied, rows: rows.len() as u64 }.encode();
    let mut seed = crc32c::crc32c(&header[..HEADER_BYTES - 4]);
    let mut out = Out { device, waiting: Vec::new(), written: Written { bytes: 0, crc32c: 0 } };
    out.push(&header)?;
    let mut body = Vec::new();
    for (key, value) in rows {
        put_prefixed(&mut body, key);
        put_prefixed(&mut body, value);
        if body.len() >= BLOCK_BYTES {
            seed = out.block(seed, &body)?;
            body.clear();
        }
    }
    if !body.is_empty() {
        seed = out.block(seed, &body)?;
    }
    out.block(seed, &[])?;
    out.drain()?;
    device.sync()?;
    Ok(out.written)
}

/// The header of a file, checked; what follows it is not read.
pub fn read_header(device: &dyn LogDevice, path: &Path) -> Result<Header, StoreError> {
    Reader::open(device, path).map(|reader| reader.header)
}

/// The rows of a file, every byte of it checked.
pub(super) fn read(device: &dyn LogDevice, path: &Path) -> Result<(Header, Rows), StoreError> {
    let mut reader = Reader::open(device, path)?;
    let mut rows = Rows::new();
    let mut last: Option<Bytes> = None;
    while let Some(body) = reader.block()? {
        let mut cursor = Cursor::new(&body);
        while !cursor.is_empty() {
            let row = cursor.prefixed().and_then(|key| Some((key, cursor.prefixed()?)));
            let (key, value) = row.ok_or_else(|| reader.damaged("a row does not end within its block"))?;
            if last.as_ref().is_some_and(|last| key <= &last[..]) {
                return Err(reader.damaged("its rows are out of order"));
            }
            // Copies: a row must not keep its whole block in memory.
            let key = Bytes::copy_from_slice(key);
            last = Some(key.clone());
            rows.insert(key, Bytes::copy_from_slice(value));
        }
    }
    let header = reader.header;
    let id = rows.get(&meta::PARTITION[..]);
    if rows.len() as u64 != header.rows
        || applied_of(&rows) != Some(header.applied)
        || id.is_none_or(|id| id[..] != header.partition.0.to_le_bytes())
    {
        return Err(reader.damaged("its rows are not those that its header names"));
    }
    Ok((header, rows))
}

struct Reader<'d> {
    device: &'d dyn LogDevice,
    path: &'d Path,
    bytes: u64,
    header: Header,
    at: u64,
    seed: u32,
}

impl<'d> Reader<'d> {
    fn open(device: &'d dyn LogDevice, path: &'d Path) -> Result<Reader<'d>, StoreError> {
        let bytes = device.bytes().attempt("measuring", path)?;
        let mut head = [0; HEADER_BYTES];
        let read = device.read_at(0, &mut head).attempt("reading", path)?;
        let (header, seed) = Header::decode(&head[..read], path)?;
        Ok(Reader { device, path, bytes, header, at: HEADER_BYTES as u64, seed })
    }

    fn damaged(&self, why: &str) -> StoreError {
        StoreError::damaged(self.path, why)
    }

    /// The next block's body; `None` after the end, which must end the file.
    fn block(&mut self) -> Result<Option<Vec<u8>>, StoreError> {
        let mut head = [0; 8];
        self.fill(&mut head)?;
        let (length, crc) = head.split_at(4);
        let body_bytes = u32::from_le_bytes(length.try_into().expect("four bytes"));
        if u64::from(body_bytes) > self.bytes - self.at {
            return Err(self.damaged("it ends inside a block"));
        }
        let mut body = vec![0; body_bytes as usize];
        self.fill(&mut body)?;
        self.seed = crc32c::crc32c_append(crc32c::crc32c_append(self.seed, length), &body);
        if self.seed.to_le_bytes() != crc {
            return Err(self.damaged("a block's checksum does not match"));
        }
        if body_bytes > 0 {
            return Ok(Some(body));
        }
        if self.at != self.bytes {
            return Err(self.damaged("bytes follow its end"));
        }
        Ok(None)
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), StoreError> {
        let read = self.device.read_at(self.at, into).attempt("reading", self.path)?;
        if read < into.len() {
            return Err(self.damaged("it ends before its end mark"));
        }
        self.at += read as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::partition::first_rows;
    use env::Files;
    use env::files::read_all;
    use env::sim::SimDisk;
    use model::code;
    use std::sync::Arc;

    const PATH: &str = "/17.rows";

    fn file(content: &[u8]) -> Arc<dyn LogDevice> {
        let device = SimDisk::new().create(Path::new(PATH)).expect("created");
        device.write_at(0, content).expect("written");
        device
    }

    fn sample() -> Rows {
        let mut rows = first_rows(PartitionId(17), 42);
        rows.insert(Bytes::from_static(b"\x01ab"), Bytes::from_static(b"hello"));
        rows
    }

    fn bytes_of(rows: &Rows) -> Vec<u8> {
        let device = file(b"");
        let written = write(&*device, PartitionId(17), rows).expect("written");
        let bytes = read_all(&*device).expect("read");
        assert_eq!((written.bytes, written.crc32c), (bytes.len() as u64, crc32c::crc32c(&bytes)));
        bytes
    }

    fn read_back(content: &[u8]) -> Result<(Header, Rows), StoreError> {
        read(&*file(content), Path::new(PATH))
    }

    fn dump(bytes: &[u8]) -> String {
        let line = |(at, bytes): (usize, &[u8])| {
            let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{:04x}  {}\n", at * 16, hex.join(" "))
        };
        bytes.chunks(16).enumerate().map(line).collect()
    }

    #[test]
    fn bytes_are_those_of_the_page() {
        let page = include_str!("../../../docs/formats/export.md");
        let dump = dump(&bytes_of(&sample()));
        assert!(page.contains(&dump), "docs/formats/export.md lacks these bytes:\n{dump}");
    }

    #[test]
    fn rows_round_trip_over_many_blocks() {
        let mut rows = sample();
        for row in 0..5_000u32 {
            let key = [&b"\x01k"[..], &row.to_be_bytes()].concat();
            rows.insert(Bytes::from(key), Bytes::from(vec![row as u8; 100]));
        }
        rows.insert(Bytes::from_static(b"\x02big"), Bytes::from(vec![9; 3 * WRITE_BYTES]));
        let (header, back) = read_back(&bytes_of(&rows)).expect("our own bytes");
        assert_eq!(header, Header { partition: PartitionId(17), applied: 42, rows: 5_004 });
        assert!(back == rows);
    }

    #[test]
    fn no_flipped_bit_no_cut_and_no_tail_passes() {
        let good = bytes_of(&sample());
        assert!(read_back(&good).is_ok());
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            let error = read_back(&bad).expect_err("flipped");
            let version = (8..12).contains(&(at / 8));
            let expected = if version { code::FORMAT_UNKNOWN } else { code::STORE_DAMAGED };
            assert_eq!(error.code(), expected, "bit {at}: {error}");
        }
        for length in 0..good.len() {
            let error = read_back(&good[..length]).expect_err("cut");
            assert_eq!(error.code(), code::STORE_DAMAGED, "{length} bytes");
        }
        assert!(read_back(&[&good[..], b"\0"].concat()).is_err(), "bytes follow its end");
    }

    #[test]
    fn a_block_of_another_file_is_refused() {
        let (one, mut other) = (bytes_of(&sample()), sample());
        other.insert(Bytes::from_static(b"\x01ab"), Bytes::from_static(b"olleh"));
        let mut mixed = bytes_of(&other);
        assert_eq!(mixed.len(), one.len());
        mixed[HEADER_BYTES..].copy_from_slice(&one[HEADER_BYTES..]);
        assert!(read_back(&mixed).is_ok(), "equal headers: the same partition at the same index");
        let mut later = first_rows(PartitionId(17), 43);
        later.insert(Bytes::from_static(b"\x01ab"), Bytes::from_static(b"hello"));
        let mut mixed = bytes_of(&later);
        mixed[HEADER_BYTES..].copy_from_slice(&one[HEADER_BYTES..]);
        assert!(read_back(&mixed).is_err(), "the same partition at another index");
    }
}
