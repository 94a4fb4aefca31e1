//! What keeps a segment although it is no command.

use super::world::{command, contents, disk, naming, quiet, record, start, vote, write};
use bytes::Bytes;
use env::Mono;
use model::{PartitionId, RecordKind};
use wal::{Append, Carry};

#[test]
fn after_a_restart_a_vote_keeps_its_segment_until_its_owner_hands_it_in_again() {
    let disk = disk();
    let mut log = start(&disk);
    write(&mut log.writer, &[vote(1, 1, "term 7")]);
    quiet(&mut log.writer);
    drop(log);
    let mut log = start(&disk);
    drop(log.reader);
    assert_eq!(log.writer.release(Mono(0)).expect("nothing goes"), 0);
    write(&mut log.writer, &[vote(1, 1, "term 7")]);
    assert_eq!(log.writer.release(Mono(0)).expect("it may go now"), 1);
    drop(log.writer);
    // The vote is in a record, or in what the opening repeats; never nowhere.
    let mut log = start(&disk);
    let opaque = log.writer.carriers().get(PartitionId(1)).map(|carrier| carrier.opaque.clone());
    let votes = contents(&mut log).into_iter().filter(|(_, record)| record.kind == RecordKind::Vote);
    let last = votes.map(|(_, record)| record.payload).last().or(opaque);
    assert_eq!(last, Some(Bytes::from_static(b"term 7")));
}

/// How a state is handed in, up to where is purged, and how many segments go.
type Case = (fn(Bytes) -> Carry, u64, usize);

#[test]
fn what_has_no_index_keeps_its_segment_until_it_is_not_needed() {
    let cases: [Case; 4] = [
        (Carry::beside, 0, 0),
        // Up to the index before it: it may stand behind that.
        (Carry::beside, 3, 0),
        (Carry::beside, 4, 1),
        (Carry::alone, 3, 1),
    ];
    for (carry, purged, gone) in cases {
        let disk = disk();
        let mut log = start(&disk);
        let entry = |kind| Append::from(record(1, 4, kind, Bytes::new()));
        let commands = (1..4).map(|index| command(1, index));
        let promised = [entry(RecordKind::Committed), entry(RecordKind::Blank)];
        write(&mut log.writer, &commands.chain(promised).collect::<Vec<_>>());
        quiet(&mut log.writer);
        drop(log);
        let mut log = start(&disk);
        drop(log.reader);
        let mut purge = naming(1, RecordKind::Purge, purged);
        purge.carry = Some(carry(Bytes::from_static(b"state")));
        write(&mut log.writer, &[purge]);
        assert_eq!(log.writer.release(Mono(0)).expect("a disk that is well"), gone, "purged {purged}");
    }
}
