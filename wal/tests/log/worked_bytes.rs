//! The segment that `docs/formats/log.md` shows byte by byte is the one that
//! this build writes.

use crate::world::{
    BLOCK, DIR, command, commands, disk, naming, quiet, segment, start, vote, with_op, write,
};
use env::{Files, Mono, files};
use model::RecordKind;
use model::command::Command;
use std::path::Path;

const PAGE: &str = include_str!("../../../docs/formats/log.md");

/// Segment 2 of a log that has filled segment 1 with four records of
/// partition 7: every kind of batch is in it, and most kinds of the log's own
/// records.
fn worked_segment() -> Vec<u8> {
    let disk = disk();
    let mut log = start(&disk);
    drop(log.reader);
    for index in 1..=4 {
        write(&mut log.writer, &[command(7, index)]);
    }
    let five_and_six = commands(7, 5, &[Command::plain("set a"), with_op("add b", 0x0199_aabb, 17)]);
    write(&mut log.writer, &[five_and_six, vote(9, 1, "for node 3")]);
    quiet(&mut log.writer);
    write(&mut log.writer, &[naming(7, RecordKind::Purge, 4)]);
    assert_eq!(log.writer.release(Mono(0)).expect("released"), 1);
    write(&mut log.writer, &[command(7, 7)]);
    let device = disk.open_read(&segment(Path::new(DIR), 2)).expect("there");
    files::read_all(&*device).expect("read")
}

#[test]
fn the_page_shows_what_this_build_writes() {
    let bytes = worked_segment();
    assert_eq!(bytes.len() as u64, 8 * BLOCK);
    let dumps: Vec<String> = bytes.chunks(BLOCK as usize).enumerate().map(hexdump).collect();
    let lacking: Vec<&String> = dumps.iter().filter(|dump| !PAGE.contains(*dump)).collect();
    assert!(lacking.is_empty(), "the page lacks:\n{}", dumps.join("\n"));
    assert_eq!(dumps.iter().filter(|dump| dump.is_empty()).count(), 1, "the last block is never written");
}

/// One block: offset, sixteen bytes, the same as text. The padding is left out
/// and is zero.
fn hexdump((block, content): (usize, &[u8])) -> String {
    let length = |at: usize| u32::from_le_bytes(content[at..at + 4].try_into().expect("four bytes"));
    let used = (length(32) + length(36)) as usize;
    assert!(content[used..].iter().all(|byte| *byte == 0), "block {block} has more than its batch");
    let mut dump = String::new();
    for (row, chunk) in content[..used].chunks(16).enumerate() {
        let hex: Vec<String> = chunk.iter().map(|byte| format!("{byte:02x}")).collect();
        let visible = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
        let text: String =
            chunk.iter().map(|byte| if visible(byte) { char::from(*byte) } else { '.' }).collect();
        let offset = block * BLOCK as usize + row * 16;
        dump += &format!("{offset:04x}  {:<47}  |{text}|\n", hex.join(" "));
    }
    dump
}
