//! The lines of DESIRED: the desired state as text, and back.

use super::{Desired, Dropped, Gone, NodeSpec, PartitionSpec, Placement, TableName, TableSpec};
use bytes::Bytes;
use model::{Durability, Epoch, KeyRange, NodeId, PartitionId, ReplicaId, ReplicaSet};
use pipeline::{BinlogChoice, LogChoice, Profile, ReplicationChoice, StoreChoice};
use std::collections::{BTreeMap, BTreeSet};

const TITLE: &str = "statehouse desired state\n";
/// What this build writes. It reads earlier ones: 1 has no dropped tables and no
/// copies, and does not say who in quarantine was born, nor what is kept of what
/// happens; neither 1 nor 2 knows of other nodes.
pub(crate) const VERSION: u8 = 3;

/// A state as text.
pub fn encode(desired: &Desired) -> String {
    let mut text = format!("{TITLE}version {VERSION}\n");
    for line in facts(desired) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

/// What it says, a line for each fact.
pub(crate) fn facts(desired: &Desired) -> Vec<String> {
    let mut lines = vec![format!("revision {}", desired.version), format!("last-id {}", desired.last_id)];
    let mut line = |line: String| lines.push(line);
    if desired.last_node > 0 {
        line(format!("last-node {}", desired.last_node));
    }
    for (id, NodeSpec { disk, peers, data }) in &desired.nodes {
        line(format!("node {id} {disk} {peers} {data}"));
    }
    for (name, spec) in &desired.tables {
        line(format!("table {} {}", words(name), spec_words(spec)));
    }
    for (id, spec) in &desired.partitions {
        line(format!("partition {id} {} {}", owner_words(spec), state_words(spec)));
    }
    for (id, gone) in &desired.gone {
        match gone {
            Gone::Erased => line(format!("erased {}", id.0)),
            Gone::Quarantined { was, spec, since_ms } => {
                let (owner, state, spec) = (owner_words(was), state_words(was), spec_words(spec));
                line(format!("quarantined {id} {owner} {since_ms} {spec} {state}"));
            }
        }
    }
    for (drop, Dropped { table, since_ms, ids }) in &desired.dropped {
        line(format!("dropped {drop} {} {since_ms} {}", words(table), ids_word(ids)));
    }
    for (id, table) in &desired.copies {
        line(format!("copying {} {}", id.0, words(table)));
    }
    lines
}

/// Whose it is, and under whom.
fn owner_words(spec: &PartitionSpec) -> String {
    let (table, range, epoch) = (words(&spec.table), range_words(&spec.range), epoch_words(spec.epoch));
    format!("{table} {range} {epoch}")
}

/// Is it here, and where else?
fn state_words(spec: &PartitionSpec) -> String {
    let born = if spec.born { "born" } else { "unborn" };
    let placement =
        spec.placement.as_ref().map_or("-".to_owned(), |Placement { founding, wanted, leaving }| {
            format!("{}:{}:{}", set_word(founding), set_word(wanted), seats_word(leaving))
        });
    format!("{born} {placement}")
}

fn set_word(set: &ReplicaSet) -> String {
    format!("{}/{}", set.generation, seats_word(&set.seats))
}

fn seats_word(seats: &BTreeMap<ReplicaId, NodeId>) -> String {
    seats.iter().map(|(replica, node)| format!("{replica}@{node}")).collect::<Vec<_>>().join(",")
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
    let Profile { store, log, binlog, replication, .. } = profile;
    format!("{layout} {machine} {store} {log} {durability} {binlog} {replication}")
}

/// The state of a text; else the number of the line at fault.
pub fn decode(body: &[u8]) -> Result<Desired, usize> {
    let text = std::str::from_utf8(body).map_err(|_| 1usize)?;
    let rest = text.strip_prefix(TITLE).ok_or(1usize)?;
    let (version, rest) = rest.split_once('\n').ok_or(2usize)?;
    let version = version.strip_prefix("version ").and_then(|version| version.parse().ok());
    let version = version.filter(|version| is_known(*version)).ok_or(2usize)?;
    of_facts(version, rest.lines()).map_err(|at| at + 3)
}

/// The state of lines of a version, in any order; else which of them is at fault.
pub(crate) fn of_facts<'a>(version: u8, lines: impl Iterator<Item = &'a str>) -> Result<Desired, usize> {
    let mut desired = Desired::default();
    if !is_known(version) {
        return Err(usize::MAX);
    }
    for (at, line) in lines.enumerate() {
        take(&mut desired, version, &mut line.split(' ')).ok_or(at)?;
    }
    Ok(desired)
}

fn is_known(version: u8) -> bool {
    (1..=VERSION).contains(&version)
}

/// A line of this version.
fn take<'a>(desired: &mut Desired, version: u8, words: &mut impl Iterator<Item = &'a str>) -> Option<()> {
    match words.next()? {
        "revision" => desired.version = number(words)?,
        "last-id" => desired.last_id = number(words)?,
        "last-node" if version > 2 => desired.last_node = number(words)?,
        "node" if version > 2 => {
            let (id, disk) = (NodeId(number(words)?), words.next()?.parse().ok()?);
            let (peers, data) = (words.next()?.to_owned(), words.next()?.to_owned());
            desired.nodes.insert(id, NodeSpec { disk, peers, data });
        }
        "table" => {
            desired.tables.insert(table(words)?, spec(version, words)?);
        }
        "partition" => {
            let id = PartitionId(number(words)?);
            let spec = owner(words)?;
            let (born, placement) = (born(words.next()?)?, placement(version, words)?);
            desired.partitions.insert(id, PartitionSpec { born, placement, ..spec });
        }
        "quarantined" => {
            let (id, was) = (PartitionId(number(words)?), owner(words)?);
            let (since_ms, spec) = (number(words)?, spec(version, words)?);
            // The first did not say; who was written to was born.
            let born = version == 1 || born(words.next()?)?;
            let was = Box::new(PartitionSpec { born, placement: placement(version, words)?, ..was });
            desired.gone.insert(id, Gone::Quarantined { was, spec, since_ms });
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

/// Whose it is, and under whom.
fn owner<'a>(words: &mut impl Iterator<Item = &'a str>) -> Option<PartitionSpec> {
    let (table, range, epoch) = (table(words)?, range(words)?, epoch(words)?);
    Some(PartitionSpec { table, range, epoch, placement: None, born: false })
}

fn placement<'a>(version: u8, words: &mut impl Iterator<Item = &'a str>) -> Option<Option<Placement>> {
    if version < 3 {
        return Some(None);
    }
    match words.next()? {
        "-" => Some(None),
        word => {
            let (founding, rest) = word.split_once(':')?;
            let (wanted, leaving) = rest.split_once(':')?;
            Some(Some(Placement { founding: set(founding)?, wanted: set(wanted)?, leaving: seats(leaving)? }))
        }
    }
}

fn set(word: &str) -> Option<ReplicaSet> {
    let (generation, all) = word.split_once('/')?;
    Some(ReplicaSet { generation: generation.parse().ok()?, seats: seats(all)? })
}

fn seats(word: &str) -> Option<BTreeMap<ReplicaId, NodeId>> {
    let seat = |seat: &str| {
        let (replica, node) = seat.split_once('@')?;
        Some((ReplicaId(replica.parse().ok()?), NodeId(node.parse().ok()?)))
    };
    word.split(',').filter(|seat| !seat.is_empty()).map(seat).collect()
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

fn spec<'a>(version: u8, words: &mut impl Iterator<Item = &'a str>) -> Option<TableSpec> {
    let (layout, machine) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let profile = Profile {
        store: words.next()?.parse::<StoreChoice>().ok()?,
        log: words.next()?.parse::<LogChoice>().ok()?,
        durability: match words.next()? {
            "-" => None,
            word => Some(word.parse().ok()?),
        },
        binlog: if version == 1 { BinlogChoice::On } else { words.next()?.parse().ok()? },
        replication: if version < 3 { ReplicationChoice::None } else { words.next()?.parse().ok()? },
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
    use model::{DiskId, Layout};
    use proptest::prelude::*;

    fn name(text: &str) -> TableName {
        TableName::new("default", text).expect("a name")
    }

    /// With other nodes, and a table that has replicas there.
    fn desired() -> Desired {
        let mut desired = desired_alone();
        for id in 1..=3 {
            let (peers, data) = (format!("n{id}:7402"), format!("n{id}:7400"));
            desired.nodes.insert(NodeId(id), NodeSpec { disk: DiskId(u128::from(id)), peers, data });
        }
        let profile = Profile { replication: ReplicationChoice::Raft(3), ..Profile::DURABLE };
        desired.last_node = 3;
        desired.create_table(name("three"), TableSpec { profile, ..spec() }).expect("new");
        let id = desired.add_partition(&name("three"), KeyRange::all(), None).expect("free");
        let placement = desired.partitions.get_mut(&id).and_then(|spec| spec.placement.as_mut());
        placement.expect("placed").want([1, 2].map(|id| (ReplicaId(id), NodeId(id))).into());
        desired
    }

    fn spec() -> TableSpec {
        TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile: Profile::DURABLE }
    }

    /// Something of everything that a node by itself has.
    fn desired_alone() -> Desired {
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
        let text = encode(&desired);
        let page = include_str!("../../../docs/formats/data-directory.md");
        assert!(page.contains(&format!("```text\n{text}crc32c …\n```")), "the page lacks:\n{text}");
        assert_eq!(decode(text.as_bytes()), Ok(desired));
    }

    /// A file's, without its seal.
    fn body(file: &[u8]) -> &[u8] {
        let lines = file.strip_suffix(b"\n").expect("a last line");
        let last = lines.iter().rposition(|byte| *byte == b'\n').expect("a line before it");
        &file[..=last]
    }

    /// As builds before version 2 wrote it.
    #[test]
    fn version_1_is_read() {
        let bytes = include_bytes!("../../tests/fixtures/desired-v1/DESIRED");
        let desired = decode(body(bytes)).expect("known");
        assert_eq!((desired.version, desired.last_id, desired.tables.len()), (10, 3, 1));
        assert_eq!(desired.tables.get(&name("kv")), Some(&spec()));
        let Some(Gone::Quarantined { since_ms, was, .. }) = desired.gone.get(&PartitionId(2)) else {
            panic!("{desired:?}");
        };
        assert_eq!((*since_ms, was.born), (1_700_000_000_000, true));
        assert_eq!(desired.gone.get(&PartitionId(3)), Some(&Gone::Erased));
        assert_eq!((desired.dropped.len(), desired.copies.len()), (0, 0));
    }

    /// As builds before version 3 wrote it.
    #[test]
    fn version_2_is_read() {
        let bytes = include_bytes!("../../tests/fixtures/desired-v2/DESIRED");
        let found = decode(body(bytes)).expect("known");
        assert_eq!(found, desired_alone());
    }

    #[test]
    fn what_is_none_of_ours_is_refused_by_its_line() {
        let table: [(&str, usize); 8] = [
            ("somebody's\nversion 3\n", 1),
            ("statehouse desired state\nversion 4\n", 2),
            ("statehouse desired state\nversion 3\nrevision 1\nshards 2\n", 4),
            ("statehouse desired state\nversion 3\ndropped 4 default t 5\n", 3),
            ("statehouse desired state\nversion 3\ndropped 4 default t 5 \n", 3),
            ("statehouse desired state\nversion 3\ndropped 4 default t 5 1,,2\n", 3),
            ("statehouse desired state\nversion 3\ncopying 4 default\n", 3),
            ("statehouse desired state\nversion 3\ncopying 4 default t 5\n", 3),
        ];
        for (text, line) in table {
            assert_eq!(decode(text.as_bytes()), Err(line), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, words in "[a-z0-9 x-]{0,60}") {
            let _ = decode(&bytes);
            let _ = decode(format!("{TITLE}version {VERSION}\n{words}\npartition {words}\ndropped {words}\n").as_bytes());
        }
    }
}
