//! The lines of DESIRED: the desired state as text, and back.

use super::{Desired, Dropped, Gone, PartitionSpec, TableName, TableSpec};
use crate::data_dir::sealed::seal;
use bytes::Bytes;
use model::{Durability, Epoch, KeyRange, PartitionId};
use pipeline::{BinlogChoice, LogChoice, Profile, StoreChoice};
use std::collections::BTreeSet;
use std::fmt::Write as _;

const TITLE: &str = "statehouse desired state\n";
const VERSION: &str = "version 2\n";
/// Without dropped tables and copies, and without saying who in quarantine was
/// born, nor what is kept of what happens.
const VERSION_1: &str = "version 1\n";

/// The file of a state, seal and all.
pub(super) fn encode(desired: &Desired) -> Vec<u8> {
    let mut text = format!("{TITLE}{VERSION}revision {}\nlast-id {}\n", desired.version, desired.last_id);
    let mut line = |line: String| writeln!(text, "{line}").expect("a String takes everything");
    for (name, spec) in &desired.tables {
        line(format!("table {} {}", words(name), spec_words(spec)));
    }
    for (id, spec) in &desired.partitions {
        let born = born_word(spec.born);
        let (table, range, epoch) = (words(&spec.table), range_words(&spec.range), epoch_words(spec.epoch));
        line(format!("partition {} {table} {range} {epoch} {born}", id.0));
    }
    for (id, gone) in &desired.gone {
        match gone {
            Gone::Erased => line(format!("erased {}", id.0)),
            Gone::Quarantined { table, spec, range, epoch, since_ms, born } => {
                let (table, range, epoch) = (words(table), range_words(range), epoch_words(*epoch));
                let (spec, born) = (spec_words(spec), born_word(*born));
                line(format!("quarantined {} {table} {range} {epoch} {since_ms} {spec} {born}", id.0));
            }
        }
    }
    for (drop, Dropped { table, since_ms, ids }) in &desired.dropped {
        line(format!("dropped {drop} {} {since_ms} {}", words(table), ids_word(ids)));
    }
    for (id, table) in &desired.copies {
        line(format!("copying {} {}", id.0, words(table)));
    }
    let seal = seal(text.as_bytes());
    text.push_str(&seal);
    text.push('\n');
    text.into_bytes()
}

fn born_word(born: bool) -> &'static str {
    if born { "born" } else { "unborn" }
}

fn ids_word(ids: &BTreeSet<PartitionId>) -> String {
    ids.iter().map(|id| id.0.to_string()).collect::<Vec<_>>().join(",")
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
    format!("{layout} {machine} {} {} {durability} {}", profile.store, profile.log, profile.binlog)
}

/// The state of a body whose seal held; else the number of the line at fault.
pub(super) fn decode(body: &[u8]) -> Result<Desired, usize> {
    let text = std::str::from_utf8(body).map_err(|_| 1usize)?;
    let rest = text.strip_prefix(TITLE).ok_or(1usize)?;
    let (first, rest) = match (rest.strip_prefix(VERSION), rest.strip_prefix(VERSION_1)) {
        (Some(rest), _) => (false, rest),
        (None, Some(rest)) => (true, rest),
        (None, None) => return Err(2),
    };
    let mut desired = Desired::default();
    for (number, line) in (3usize..).zip(rest.lines()) {
        take(&mut desired, first, &mut line.split(' ')).ok_or(number)?;
    }
    Ok(desired)
}

/// A line of the first version, or of this one.
fn take<'a>(desired: &mut Desired, first: bool, words: &mut impl Iterator<Item = &'a str>) -> Option<()> {
    match words.next()? {
        "revision" => desired.version = number(words)?,
        "last-id" => desired.last_id = number(words)?,
        "table" => {
            desired.tables.insert(table(words)?, spec(first, words)?);
        }
        "partition" => {
            let (id, table, range) = (PartitionId(number(words)?), table(words)?, range(words)?);
            let epoch = epoch(words)?;
            let born = born(words.next()?)?;
            desired.partitions.insert(id, PartitionSpec { table, range, epoch, born });
        }
        "quarantined" => {
            let (id, table, range) = (PartitionId(number(words)?), table(words)?, range(words)?);
            let (epoch, since_ms, spec) = (epoch(words)?, number(words)?, spec(first, words)?);
            // The first did not say; who was written to was born.
            let born = first || born(words.next()?)?;
            desired.gone.insert(id, Gone::Quarantined { table, spec, range, epoch, since_ms, born });
        }
        "erased" => {
            desired.gone.insert(PartitionId(number(words)?), Gone::Erased);
        }
        "dropped" => {
            let (drop, table, since_ms) = (number(words)?, table(words)?, number(words)?);
            desired.dropped.insert(drop, Dropped { table, since_ms, ids: ids(words.next()?)? });
        }
        "copying" => {
            desired.copies.insert(PartitionId(number(words)?), table(words)?);
        }
        _ => return None,
    }
    words.next().is_none().then_some(())
}

fn born(word: &str) -> Option<bool> {
    match word {
        "born" => Some(true),
        "unborn" => Some(false),
        _ => None,
    }
}

fn ids(word: &str) -> Option<BTreeSet<PartitionId>> {
    word.split(',').map(|id| id.parse().ok().map(PartitionId)).collect()
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

fn spec<'a>(first: bool, words: &mut impl Iterator<Item = &'a str>) -> Option<TableSpec> {
    let (layout, machine) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let profile = Profile {
        store: words.next()?.parse::<StoreChoice>().ok()?,
        log: words.next()?.parse::<LogChoice>().ok()?,
        durability: match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        },
        binlog: if first { BinlogChoice::On } else { words.next()?.parse().ok()? },
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
    use super::super::{Due, equal_ranges};
    use super::*;
    use crate::data_dir::sealed::unseal;
    use model::Layout;
    use proptest::prelude::*;

    fn name(text: &str) -> TableName {
        TableName::new("default", text).expect("a name")
    }

    fn spec() -> TableSpec {
        TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE }
    }

    /// Something of everything.
    fn desired() -> Desired {
        let mut desired = Desired::default();
        for table in ["kv", "old"] {
            desired.create_table(name(table), spec()).expect("new");
            for range in equal_ranges(3) {
                let id = desired.add_partition(&name(table), range, None).expect("free");
                if id != PartitionId(6) {
                    desired.set_born(id);
                }
            }
        }
        desired.remove_partition(PartitionId(2), None, 1_700_000_000_000).expect("there");
        desired.remove_partition(PartitionId(3), None, 1).expect("there");
        desired.erase(PartitionId(3), &BTreeSet::new(), Due::Now).expect("quarantined");
        desired.drop_table(&name("old"), true, 1_700_000_000_001).expect("there");
        desired.begin_copy(&name("kv"), name("copy")).expect("free");
        desired
    }

    #[test]
    fn what_is_written_is_read_and_looks_like_this() {
        let desired = desired();
        let bytes = encode(&desired);
        let text = std::str::from_utf8(&bytes).expect("text");
        let page = include_str!("../../../docs/formats/data-directory.md");
        let (shown, _) = text.rsplit_once("crc32c").expect("sealed");
        assert!(page.contains(&format!("```text\n{shown}crc32c …\n```")), "the page lacks:\n{shown}");
        assert_eq!(decode(unseal(&bytes).expect("whole")), Ok(desired));
    }

    /// As builds before version 2 wrote it.
    #[test]
    fn version_1_is_read() {
        let bytes = include_bytes!("../../tests/fixtures/desired-v1/DESIRED");
        let desired = decode(unseal(bytes).expect("whole")).expect("known");
        assert_eq!((desired.version, desired.last_id, desired.tables.len()), (10, 3, 1));
        assert_eq!(desired.tables.get(&name("kv")), Some(&spec()));
        let Some(Gone::Quarantined { since_ms, born, .. }) = desired.gone.get(&PartitionId(2)) else {
            panic!("{desired:?}");
        };
        assert_eq!((*since_ms, *born), (1_700_000_000_000, true));
        assert_eq!(desired.gone.get(&PartitionId(3)), Some(&Gone::Erased));
        assert_eq!((desired.dropped.len(), desired.copies.len()), (0, 0));
    }

    #[test]
    fn what_is_none_of_ours_is_refused_by_its_line() {
        let table: [(&str, usize); 8] = [
            ("somebody's\nversion 2\n", 1),
            ("statehouse desired state\nversion 3\n", 2),
            ("statehouse desired state\nversion 2\nrevision 1\nshards 2\n", 4),
            ("statehouse desired state\nversion 2\ndropped 4 default t 5\n", 3),
            ("statehouse desired state\nversion 2\ndropped 4 default t 5 \n", 3),
            ("statehouse desired state\nversion 2\ndropped 4 default t 5 1,,2\n", 3),
            ("statehouse desired state\nversion 2\ncopying 4 default\n", 3),
            ("statehouse desired state\nversion 2\ncopying 4 default t 5\n", 3),
        ];
        for (text, line) in table {
            assert_eq!(decode(text.as_bytes()), Err(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, words in "[a-z0-9 x-]{0,60}") {
            let _ = decode(&bytes);
            let _ = decode(format!("{TITLE}{VERSION}{words}\npartition {words}\ndropped {words}\n").as_bytes());
        }
    }
}
