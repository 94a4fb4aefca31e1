//! Inputs made by hand, for a fuzzer to begin with.

use bytes::Bytes;
use env::rng::Rng;
use env::sim::SimDisk;
use env::{Files, Mono, Plants};
use model::command::{Command, encode_commands};
use model::keyspace::encode_data;
use model::{
    ClusterId, DiskId, Epoch, Key, Layout, Limits, NodeId, OpId, PartitionId, Record, RecordKind, Stamp,
};
use partition_mgr::data_dir::{Format, Identity};
use std::num::NonZeroU8;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use testkit::fuzz::{Seal, from_segment};
use wal::{Append, LogConfig, LogIdentity, MarkPolicy, SyncPolicy, Urgency, Writer, index_payload, open};

type Seeds = Vec<(String, Vec<u8>)>;

pub fn of(target: &str) -> Seeds {
    match target {
        "batch_decode" | "log_recover" => segments(),
        "commands" => commands(),
        "format_decode" => formats(),
        "keys" => keys(),
        "log_crash" => crashes(),
        other => panic!("{other} has no seeds"),
    }
}

fn named(seeds: &[(&str, &[u8])]) -> Seeds {
    seeds.iter().map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec())).collect()
}

fn keys() -> Seeds {
    let mut seeds = named(&[
        ("nothing", b""),
        ("kind-alone", b"\x01"),
        ("meta-applied", b"\x00\x01"),
        ("meta-partition", b"\x00\x02"),
        ("event", b"\x02abc"),
        ("retry", b"\x03abc"),
        ("deadline", b"\x04abc"),
        ("unknown-kind", b"\x7fabc"),
        ("point-cut-short", b"\x01\0\0\0\0\0\0\0"),
        ("point-of-another", b"\x01\0\0\0\0\0\0\0\0ab"),
        ("tag", b"{user1000}.following"),
        ("tag-empty", b"foo{}{bar}"),
        ("tag-in-tag", b"foo{{bar}}zap"),
        ("tag-open", b"open{end"),
        ("tag-backwards", b"}{"),
        ("not-text", b"\xff\xfe\x00\x80"),
    ]);
    for length in [1, 1023, 1024, 1025, 1033, 1034] {
        seeds.push((format!("length-{length}"), vec![b'k'; length]));
        seeds.push((format!("stored-length-{length}"), [&[1][..], &vec![b'k'; length]].concat()));
    }
    for text in ["ab", "{u1}.name", "{", "\0"] {
        let key = Key::new(text.to_owned()).expect("a valid key");
        for layout in [Layout::Ordered, Layout::Hashed] {
            let name =
                format!("{layout}-{}", text.escape_default().to_string().replace(['{', '}', '\\'], "_"));
            seeds.push((name, encode_data(layout, &key).to_vec()));
        }
    }
    seeds
}

fn commands() -> Seeds {
    let op = |sequence| Some(OpId { client: 0x0199_aabb_ccdd_eeff << 64, sequence });
    let with = |body: &'static str, op| Command { op, ..Command::plain(body) };
    let lists = [
        ("none", vec![]),
        ("one-plain", vec![with("a", None)]),
        ("one-empty", vec![with("", None)]),
        ("one-with-op", vec![with("a", op(7))]),
        ("op-and-no-body", vec![with("", op(u64::MAX))]),
        ("mixed", vec![with("set a", None), with("add b", op(1)), with("", None), with("c", op(2))]),
    ];
    let mut seeds = named(&[
        ("nothing", b""),
        ("count-alone", b"\x01"),
        ("length-cut", b"\x01\x05\0\0"),
        ("length-lies", b"\x01\xff\xff\xff\xff\x00"),
        ("length-zero", b"\x01\0\0\0\0"),
        ("later-flags", b"\x01\x01\0\0\0\x80"),
        ("op-cut", b"\x01\x05\0\0\0\x01abcd"),
    ]);
    for (name, list) in lists {
        let payload = encode_commands(&list);
        let count = u8::try_from(list.len()).expect("few");
        for (kind, count) in
            [("", count), ("-one-too-many", count + 1), ("-one-too-few", count.wrapping_sub(1))]
        {
            seeds.push((format!("{name}{kind}"), [&[count][..], &payload].concat()));
        }
        let cut = payload.len().saturating_sub(1);
        seeds.push((format!("{name}-cut"), [&[count][..], &payload[..cut]].concat()));
    }
    seeds
}

fn formats() -> Seeds {
    let format = Format { stores: NonZeroU8::new(4).expect("not 0") }.encode();
    let identity =
        Identity { cluster: ClusterId(0xc1), node: NodeId(3), disk: DiskId(0xd1), boot: 41 }.encode();
    let mut seeds = named(&[("nothing", b""), ("flag-alone", b"\x01"), ("noise", b"\x00\xff\xff\xff\xff")]);
    for (name, file) in [("format", format), ("identity", identity)] {
        let body = file.strip_suffix(&file[file.len() - 16..]).expect("ends in its seal").to_vec();
        let text = String::from_utf8(body.clone()).expect("text");
        seeds.push((format!("{name}-whole"), [&[0][..], &file].concat()));
        seeds.push((format!("{name}-to-be-sealed"), [&[1][..], &body].concat()));
        seeds.push((format!("{name}-cut"), [&[0][..], &file[..file.len() - 1]].concat()));
        seeds.push((format!("{name}-unsealed"), [&[0][..], &body].concat()));
        let changes = [
            ("later", "version 1", "version 2"),
            ("leading-zero", " 4", " 04"),
            ("spaces", "version 1", "version  1"),
            ("crlf", "\n", "\r\n"),
            ("negative", "boot 41", "boot -1"),
            ("too-great", "boot 41", "boot 18446744073709551616"),
            ("upper-case", "c1", "C1"),
            ("no-stores", "stores 4", "stores 0"),
            ("extra", "version 1\n", "version 1\nextra 1\n"),
            ("no-version", "version 1\n", ""),
        ];
        for (change, from, to) in changes {
            seeds.push((format!("{name}-{change}"), [b"\x01", text.replace(from, to).as_bytes()].concat()));
        }
    }
    seeds
}

fn crashes() -> Seeds {
    let mut seeds = named(&[
        ("nothing", b""),
        ("no-operation", b"\x00"),
        ("one-append", b"\x00\x00\x00"),
        ("append-idle-restart", b"\x00\x00\x00\x04\x0f\x07\x00"),
        ("kill-in-first-append", b"\x00\x80\x00\x01"),
        ("power-loss-in-first-append", b"\x00\xc0\x0c\x01\x03\x00"),
        ("sync-fails-then-power-loss", b"\x00\x00\x00\x40\x0c\xc7\x00\x02\x05\x00\xc7\x00\x06\xff\x00"),
        (
            "vote-and-release",
            b"\x00\x03\x01\x00\xf0\x00\xf0\x00\xf0\x00\xf0\x05\x00\x05\x01\x05\x02\x05\x03\x07\x00",
        ),
        ("rotation-and-power-loss", b"\x00\x00\xff\x00\xff\x00\xff\x00\xff\x00\xff\xc0\xff\x05\x77\x00"),
        (
            "release-and-power-loss",
            b"\x00\x00\xff\x00\xff\x00\xff\x00\xff\x05\x00\x05\x01\xc5\x02\x07\x02\x00",
        ),
        ("spare-and-kill", b"\x00\x86\x00\x01\x06\x00\xc0\xff\x03\x09\x00"),
        ("restart-in-restart", b"\x00\x00\xff\xc7\x00\x03\x10\x00\xc7\x00\x07\x10\x00\xc7\x00\x09\x01\x00"),
    ]);
    let rng = Rng::from_seed(1);
    for (habits, serial) in (0..4u8).flat_map(|habits| (0..3).map(move |serial| (habits, serial))) {
        let mut stream = rng.stream(&format!("{habits}/{serial}"));
        let drawn = (0..60).map(|_| stream.next_u64().to_le_bytes()[0]);
        seeds.push((format!("drawn-{habits}-{serial}"), [habits].into_iter().chain(drawn).collect()));
    }
    seeds
}

/// Segment 3 of a log that has released the two before it.
fn segment_3(identity: LogIdentity) -> Vec<u8> {
    let disk = SimDisk::new();
    let dir = Path::new("/log");
    disk.create_dir(dir).expect("made");
    let config = LogConfig {
        dir: PathBuf::from(dir),
        identity,
        sync: SyncPolicy::Each,
        mark: MarkPolicy::Idle,
        limits: Limits { log_segment_bytes: 32 * 1024, ..Limits::default() },
        plants: Plants::NONE,
    };
    let log = open(Arc::new(disk.clone()), config, Mono(0)).expect("opens");
    let mut writer = log.writer;
    drop(log.reader);
    for index in 1..=9 {
        write(&mut writer, &[record(1, index, RecordKind::Commands)]);
    }
    let mut purge = record(1, 9, RecordKind::Purge);
    purge.record.payload = index_payload(8);
    let mut vote = record(2, 1, RecordKind::Vote);
    vote.carry = Some(wal::Carry::alone(Bytes::from_static(b"vote")));
    write(&mut writer, &[purge, vote]);
    assert_eq!(writer.release(Mono(0)).expect("released"), 2);
    writer.idle(Mono(0).plus_ms(9)).expect("marked");
    let mut loss = record(1, 10, RecordKind::AcceptLoss);
    loss.record.payload = index_payload(9);
    write(&mut writer, &[record(1, 10, RecordKind::Commands), loss, record(3, 1, RecordKind::Commands)]);
    let device = disk.open(&dir.join("00000000000000000003.log")).expect("there");
    env::files::read_all(&*device).expect("read")
}

fn write(writer: &mut Writer, appends: &[Append]) {
    writer.step(Mono(0), appends, Urgency::Normal).expect("written");
}

fn record(partition: u64, first_index: u64, kind: RecordKind) -> Append {
    let payload = encode_commands(&[Command::plain(format!("{partition}/{first_index}"))]);
    Append::from(Record {
        partition: PartitionId(partition),
        epoch: Epoch::FIRST,
        first_index,
        count: u32::from(kind.counts()),
        stamp: Stamp(first_index),
        kind,
        payload,
    })
}

const BLOCK: usize = 4096;

/// Changes to a sound segment: where, and what is there then.
const CHANGES: [(&str, usize, &[u8]); 26] = [
    ("magic", 0, b"SHLC"),
    ("format-later", 4, b"\x02\x00"),
    ("kind-unknown", 2 * BLOCK + 6, b"\x09"),
    ("room-used", 2 * BLOCK + 7, b"\x01"),
    ("segment-of-another", 8, b"\x04"),
    ("lsn-of-the-past", 2 * BLOCK + 16, b"\x01"),
    ("lsn-of-the-future", 2 * BLOCK + 16, b"\x7f"),
    ("lsn-the-last-of-all", 3 * BLOCK + 16, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("durable-beyond-all", 2 * BLOCK + 24, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("header-too-long", 2 * BLOCK + 32, b"\xff\xff\xff\xff"),
    ("body-too-long", 2 * BLOCK + 36, b"\xff\xff\xff\xff"),
    ("body-over-the-next", 2 * BLOCK + 36, b"\x00\x20\x00\x00"),
    ("one-record-more", 2 * BLOCK + 40, b"\x63"),
    ("spans-without-end", 2 * BLOCK + 44, b"\xff\xff\xff\x07"),
    ("span-backwards", 2 * BLOCK + 72, b"\xff"),
    ("span-to-the-end", 2 * BLOCK + 80, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("body-checksum", 2 * BLOCK + 52, b"\x00\x00\x00\x00"),
    ("opening-checksum", 56, b"\x00\x00\x00\x00"),
    ("repeat-checksum", BLOCK + 56, b"\x00\x00\x00\x00"),
    ("opening-of-itself", 96 + 56 + 40, b"\x03"),
    ("ends-beyond-all", 96 + 56 + 48, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
    ("opening-foreign", 96 + 56, b"\x77"),
    ("record-kind-unknown", 2 * BLOCK + 64 + 32 + 4, b"\x63"),
    ("record-flags", 2 * BLOCK + 64 + 32 + 5, b"\x01"),
    ("record-too-short", 2 * BLOCK + 64 + 32, b"\x05\x00\x00\x00"),
    ("record-index-overflows", 2 * BLOCK + 64 + 32 + 32, b"\xff\xff\xff\xff\xff\xff\xff\xff"),
];

fn segments() -> Seeds {
    let ours = LogIdentity { cluster: ClusterId(0xc1), disk: DiskId(0xd1) };
    let theirs = LogIdentity { cluster: ClusterId(0xbad), disk: DiskId(0xd1) };
    let sound = segment_3(ours);
    let mut seeds = named(&[("nothing", b""), ("flag-alone", b"\x01"), ("chunk-cut", b"\x00\x00\xff")]);
    seeds.push(("sound".to_owned(), from_segment(&sound, Seal::AsFound)));
    seeds.push(("foreign".to_owned(), from_segment(&segment_3(theirs), Seal::AsFound)));
    for (name, at, bytes) in CHANGES {
        let mut changed = sound.clone();
        changed[at..at + bytes.len()].copy_from_slice(bytes);
        seeds.push((format!("{name}-rot"), from_segment(&changed, Seal::AsFound)));
        seeds.push((format!("{name}-sound"), from_segment(&changed, Seal::Computed)));
    }
    for block in 0..8 {
        let mut torn = sound.clone();
        torn[block * BLOCK + 100..].fill(0);
        seeds.push((format!("torn-in-block-{block}"), from_segment(&torn, Seal::AsFound)));
        let mut gone = sound.clone();
        gone[block * BLOCK..(block + 1) * BLOCK].fill(0);
        seeds.push((format!("without-block-{block}"), from_segment(&gone, Seal::AsFound)));
    }
    for length in [1, 4, 16, 40, 63, 64, 95] {
        seeds.push((format!("header-of-{length}-bytes"), from_segment(&sound[..length], Seal::AsFound)));
    }
    let mut moved = sound.clone();
    moved.copy_within(2 * BLOCK..3 * BLOCK, 5 * BLOCK);
    seeds.push(("batch-in-another-place".to_owned(), from_segment(&moved, Seal::AsFound)));
    seeds
}
