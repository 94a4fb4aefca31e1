//! DESIRED: the desired state as a file, for a node without a coordinator.
//!
//! Text with a seal, like FORMAT and IDENTITY beside it; laid out in
//! `docs/formats/data-directory.md`. Replaced whole at each change, by rename.

use super::{Desired, Gone, PartitionSpec, TableName, TableSpec};
use crate::data_dir::Flaw;
use crate::data_dir::sealed::{seal, unseal};
use bytes::Bytes;
use env::{Files, files};
use model::{Durability, Epoch, KeyRange, PartitionId};
use pipeline::{LogChoice, Profile, StoreChoice};
use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

const NAME: &str = "DESIRED";
const FIRST_LINES: &str = "statehouse desired state\nversion 1\n";

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DesiredFlaw {
    /// The system's word.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not whole.
    #[error("{path}: {flaw}", path = path.display())]
    Seal {
        /// Which file.
        path: PathBuf,
        /// Why.
        flaw: Flaw,
    },
    /// Whole, but a line is none of ours.
    #[error("{path}: line {line} cannot be read", path = path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line.
        line: usize,
    },
    /// Replaced; but after a power loss the file before it may be back.
    #[error("{path} was replaced, and may not stay so: {source}", path = path.display())]
    Unsure {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Where the desired state is kept.
pub struct DesiredFile {
    files: Arc<dyn Files>,
    dir: PathBuf,
    unsure: bool,
}

impl DesiredFile {
    /// The file in a data directory.
    pub fn new(files: Arc<dyn Files>, dir: PathBuf) -> DesiredFile {
        DesiredFile { files, dir, unsure: false }
    }

    fn path(&self) -> PathBuf {
        self.dir.join(NAME)
    }

    /// What it says; without a file, nothing is desired.
    pub fn read(&self) -> Result<Desired, DesiredFlaw> {
        let path = self.path();
        let io = |source| DesiredFlaw::Io { path: path.clone(), source };
        let device = match self.files.open_read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Desired::default()),
            device => device.map_err(io)?,
        };
        let content = files::read_all(&*device).map_err(io)?;
        let body = unseal(&content).map_err(|flaw| DesiredFlaw::Seal { path: path.clone(), flaw })?;
        decode(body).map_err(|line| DesiredFlaw::Line { path, line })
    }

    /// Puts a new state in its place, durably. After [`DesiredFlaw::Unsure`]
    /// either state may be found by the next start, until one is written.
    pub fn write(&mut self, desired: &Desired) -> Result<(), DesiredFlaw> {
        let path = self.path();
        let Err(source) = files::replace(&*self.files, &self.dir, NAME, &encode(desired)) else {
            self.unsure = false;
            return Ok(());
        };
        // Who reads something else now will not read the new state later.
        if matches!(self.read(), Ok(found) if found != *desired) {
            return Err(DesiredFlaw::Io { path, source });
        }
        self.unsure = true;
        Err(DesiredFlaw::Unsure { path, source })
    }

    /// May the next start find another state than the one written last?
    pub fn is_unsure(&self) -> bool {
        self.unsure
    }
}

fn encode(desired: &Desired) -> Vec<u8> {
    let mut text = format!("{FIRST_LINES}revision {}\nlast-id {}\n", desired.version, desired.last_id);
    let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
    for (name, spec) in &desired.tables {
        line(format!("table {} {}", words(name), spec_words(spec)));
    }
    for (id, spec) in &desired.partitions {
        let born = if spec.born { "born" } else { "unborn" };
        let (table, range, epoch) = (words(&spec.table), range_words(&spec.range), epoch_words(spec.epoch));
        line(format!("partition {} {table} {range} {epoch} {born}", id.0));
    }
    for (id, gone) in &desired.gone {
        match gone {
            Gone::Erased => line(format!("erased {}", id.0)),
            Gone::Quarantined { table, spec, range, epoch, since_ms } => {
                let (table, range, epoch) = (words(table), range_words(range), epoch_words(*epoch));
                line(format!("quarantined {} {table} {range} {epoch} {since_ms} {}", id.0, spec_words(spec)));
            }
        }
    }
    let seal = seal(text.as_bytes());
    text.push_str(&seal);
    text.push('\n');
    text.into_bytes()
}

fn words(name: &TableName) -> String {
    format!("{} {}", name.namespace(), name.name())
}

fn range_words(range: &KeyRange) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    // An empty start would be no word at all.
    format!("x{} {}", hex(range.start()), range.end().map_or("-".to_owned(), |end| format!("x{}", hex(end))))
}

fn epoch_words(epoch: Epoch) -> String {
    format!("{} {}", epoch.generation, epoch.term)
}

fn spec_words(TableSpec { layout, machine, profile }: &TableSpec) -> String {
    let durability = profile.durability.map_or("-", Durability::name);
    format!("{layout} {machine} {} {} {durability}", profile.store, profile.log)
}

/// The state of a body whose seal held; else the number of the line at fault.
fn decode(body: &[u8]) -> Result<Desired, usize> {
    let text = std::str::from_utf8(body).map_err(|_| 1usize)?;
    let rest = text.strip_prefix(FIRST_LINES).ok_or(2usize)?;
    let mut desired = Desired::default();
    for (number, line) in (3usize..).zip(rest.lines()) {
        take(&mut desired, &mut line.split(' ')).ok_or(number)?;
    }
    Ok(desired)
}

fn take<'a>(desired: &mut Desired, words: &mut impl Iterator<Item = &'a str>) -> Option<()> {
    match words.next()? {
        "revision" => desired.version = number(words)?,
        "last-id" => desired.last_id = number(words)?,
        "table" => {
            desired.tables.insert(table(words)?, spec(words)?);
        }
        "partition" => {
            let (id, table, range) = (PartitionId(number(words)?), table(words)?, range(words)?);
            let epoch = epoch(words)?;
            let born = match words.next()? {
                "born" => true,
                "unborn" => false,
                _ => return None,
            };
            desired.partitions.insert(id, PartitionSpec { table, range, epoch, born });
        }
        "quarantined" => {
            let (id, table, range) = (PartitionId(number(words)?), table(words)?, range(words)?);
            let (epoch, since_ms, spec) = (epoch(words)?, number(words)?, spec(words)?);
            desired.gone.insert(id, Gone::Quarantined { table, spec, range, epoch, since_ms });
        }
        "erased" => {
            desired.gone.insert(PartitionId(number(words)?), Gone::Erased);
        }
        _ => return None,
    }
    words.next().is_none().then_some(())
}

fn number<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<u64> {
    words.next()?.parse().ok()
}

fn table<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<TableName> {
    TableName::new(words.next()?, words.next()?)
}

fn epoch<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<Epoch> {
    Some(Epoch { generation: number(words)?, term: number(words)? })
}

fn spec<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<TableSpec> {
    let (layout, machine) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let profile = Profile {
        store: words.next()?.parse::<StoreChoice>().ok()?,
        log: words.next()?.parse::<LogChoice>().ok()?,
        durability: match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        },
    };
    Some(TableSpec { layout, machine, profile })
}

fn range<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<KeyRange> {
    let start = bound(words.next()?)?;
    let end = match words.next()? {
        "-" => None,
        word => Some(bound(word)?),
    };
    KeyRange::new(start, end)
}

fn bound(word: &str) -> Option<Bytes> {
    let hex = word.strip_prefix('x')?;
    let digits = hex.as_bytes().chunks(2).map(|two| {
        let two = std::str::from_utf8(two).ok().filter(|two| two.len() == 2)?;
        u8::from_str_radix(two, 16).ok()
    });
    digits.collect::<Option<Vec<u8>>>().map(Bytes::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Layout;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_written_is_read_and_looks_like_this() {
        let mut desired = Desired::default();
        let table = TableName::new("default", "kv").expect("a name");
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE };
        desired.create_table(table.clone(), spec).expect("new");
        for range in super::super::change::equal_ranges(3) {
            let id = desired.add_partition(&table, range, None).expect("free");
            desired.set_born(id);
        }
        desired.remove_partition(PartitionId(2), None, 1_700_000_000_000).expect("there");
        desired.remove_partition(PartitionId(3), None, 1).expect("there");
        desired.erase(PartitionId(3), &BTreeSet::new()).expect("quarantined");
        let bytes = encode(&desired);
        let text = std::str::from_utf8(&bytes).expect("text");
        let expected = "statehouse desired state\nversion 1\nrevision 10\nlast-id 3\n\
            table default kv hashed kv rocksdb local -\n\
            partition 1 default kv x x5555555555555555 1 0 born\n\
            quarantined 2 default kv x5555555555555555 xaaaaaaaaaaaaaaaa 1 0 1700000000000 \
            hashed kv rocksdb local -\n\
            erased 3\n";
        assert_eq!(text.rsplit_once("crc32c").expect("sealed").0, expected);
        assert_eq!(decode(unseal(&bytes).expect("whole")), Ok(desired));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, words in "[a-z0-9 x-]{0,60}") {
            let _ = decode(&bytes);
            let _ = decode(format!("{FIRST_LINES}{words}\npartition {words}\n").as_bytes());
        }
    }
}
