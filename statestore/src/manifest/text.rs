//! The manifest as text: a line for each fact, the last one a checksum of the
//! lines before it.

use super::{FORMAT, File, Kind, Manifest, NAME};
use crate::error::StoreError;
use model::PartitionId;
use std::fmt::Write as _;
use std::path::Path;
use std::str::{FromStr, Lines};

const MAGIC: &str = "statehouse-export";

impl Manifest {
    /// The text; equal manifests have equal texts.
    pub fn encode(&self) -> String {
        let mut out = format!(
            "{MAGIC} {FORMAT}\nkind {}\npartition {}\napplied {}\n",
            self.kind, self.partition, self.applied
        );
        for file in &self.files {
            let line = writeln!(
                out,
                "file {} bytes {} crc32c {:08x} level {} keys {} {} seqnos {} {} entries {} deletions {}",
                file.name,
                file.bytes,
                file.crc32c,
                file.level,
                hex(&file.smallest),
                hex(&file.largest),
                file.seqnos.0,
                file.seqnos.1,
                file.entries,
                file.deletions
            );
            line.expect("a string takes any text");
        }
        let crc = crc32c::crc32c(out.as_bytes());
        out + &format!("crc32c {crc:08x}\n")
    }

    /// The manifest of a text; `dir` is for the error alone.
    pub fn decode(bytes: &[u8], dir: &Path) -> Result<Manifest, StoreError> {
        let damaged = |why: &str| StoreError::export_damaged(dir, format!("{NAME}: {why}"));
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("it is not text"))?;
        // The version first: a later one may keep its checksum elsewhere.
        let first = text.lines().next().unwrap_or_default();
        let version = first.strip_prefix(MAGIC).and_then(|rest| rest.strip_prefix(' '));
        let version: u32 = version.and_then(number).ok_or_else(|| damaged("its first line is not ours"))?;
        if version != FORMAT {
            return Err(StoreError::FormatUnknown { path: dir.join(NAME), found: version, known: FORMAT });
        }
        let body = checked_body(text).ok_or_else(|| damaged("its checksum does not match"))?;
        parse(body).ok_or_else(|| damaged("a line of it cannot be read"))
    }
}

/// What stands before the checksum line, if that line is right.
fn checked_body(text: &str) -> Option<&str> {
    let at = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (body, last) = text.split_at(at);
    (last == format!("crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()))).then_some(body)
}

fn parse(body: &str) -> Option<Manifest> {
    let mut lines = body.lines();
    lines.next()?;
    let kind = Kind::from_name(field(&mut lines, "kind")?)?;
    let partition = PartitionId(number(field(&mut lines, "partition")?)?);
    let applied = number(field(&mut lines, "applied")?)?;
    let files = lines.map(file).collect::<Option<Vec<File>>>()?;
    // Sorted and distinct, so that two manifests of the same files are equal.
    files.windows(2).all(|pair| pair[0].name < pair[1].name).then_some(())?;
    Some(Manifest { kind, partition, applied, files })
}

fn field<'t>(lines: &mut Lines<'t>, name: &str) -> Option<&'t str> {
    lines.next()?.strip_prefix(name)?.strip_prefix(' ')
}

fn file(line: &str) -> Option<File> {
    let words: Vec<&str> = line.split(' ').collect();
    let [
        "file",
        name,
        "bytes",
        bytes,
        "crc32c",
        crc,
        "level",
        level,
        "keys",
        smallest,
        largest,
        "seqnos",
        first,
        last,
        "entries",
        entries,
        "deletions",
        deletions,
    ] = words[..]
    else {
        return None;
    };
    is_plain(name).then_some(File {
        name: name.to_owned(),
        bytes: number(bytes)?,
        crc32c: u32::from_str_radix(crc, 16).ok()?,
        level: number(level)?,
        smallest: unhex(smallest)?,
        largest: unhex(largest)?,
        seqnos: (number(first)?, number(last)?),
        entries: number(entries)?,
        deletions: number(deletions)?,
    })
}

/// A name that stays inside its directory, on every system.
fn is_plain(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !name.is_empty() && !name.starts_with('.') && name != NAME && name.bytes().all(plain)
}

fn number<N: FromStr>(text: &str) -> Option<N> {
    // `parse` takes a sign; the format has none.
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

fn hex(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(out, "{byte:02x}").expect("a string takes any text");
    }
    out
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(*pair.get(1)?)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn sample() -> Manifest {
        let file = File {
            name: "000012.sst".to_owned(),
            bytes: 1234,
            crc32c: 0x0a0b_0c0d,
            level: 6,
            smallest: vec![0x00, 0x01],
            largest: b"\x01zz".to_vec(),
            seqnos: (3, 99),
            entries: 10,
            deletions: 1,
        };
        Manifest { kind: Kind::Rocks, partition: PartitionId(17), applied: 42, files: vec![file] }
    }

    fn decode(text: &str) -> Result<Manifest, StoreError> {
        Manifest::decode(text.as_bytes(), Path::new("/e"))
    }

    #[test]
    fn text_is_golden() {
        expect![[r#"
            statehouse-export 1
            kind rocksdb
            partition 17
            applied 42
            file 000012.sst bytes 1234 crc32c 0a0b0c0d level 6 keys 0001 017a7a seqnos 3 99 entries 10 deletions 1
            crc32c 8807f643
        "#]]
        .assert_eq(&sample().encode());
    }

    /// A manifest with a right checksum over wrong lines.
    fn sealed(body: &str) -> String {
        format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()))
    }

    #[test]
    fn lines_that_make_no_sense_are_refused_under_a_right_checksum() {
        let head = "statehouse-export 1\nkind memory\npartition 1\napplied 2\n";
        let file = |name: &str| {
            format!("file {name} bytes 1 crc32c 0 level 0 keys 00 00 seqnos 0 0 entries 1 deletions 0\n")
        };
        assert!(decode(&sealed(&(head.to_owned() + &file("rows")))).is_ok());
        for name in ["../rows", "/rows", "a/b", "..", ".", "", "manifest", "a\\b"] {
            assert!(decode(&sealed(&(head.to_owned() + &file(name)))).is_err(), "{name:?}");
        }
        let twice = head.to_owned() + &file("rows") + &file("rows");
        assert!(decode(&sealed(&twice)).is_err(), "a file named twice");
        assert!(decode(&sealed(&head.replace("memory", "paper"))).is_err(), "an unknown kind");
        assert!(decode(&sealed(&head.replace("applied 2", "applied +2"))).is_err(), "a sign");
    }

    #[test]
    fn a_later_format_is_refused_by_name() {
        let later = sealed(&sample().encode().replace("export 1", "export 2"));
        let error = decode(&later).expect_err("unknown");
        assert!(matches!(error, StoreError::FormatUnknown { found: 2, known: 1, .. }), "{error}");
    }

    #[test]
    fn no_flipped_bit_and_no_cut_passes() {
        let good = sample().encode().into_bytes();
        for at in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[at / 8] ^= 1 << (at % 8);
            assert!(Manifest::decode(&bad, Path::new("/e")).is_err(), "bit {at}");
        }
        for length in 0..good.len() {
            assert!(Manifest::decode(&good[..length], Path::new("/e")).is_err(), "{length} bytes");
        }
    }

    proptest! {
        #[test]
        fn manifests_round_trip(files in proptest::collection::btree_map(
            "[a-z0-9_-]{1,8}",
            any::<(u64, u32, u32, Vec<u8>)>(),
            0..5,
        )) {
            let mut manifest = sample();
            manifest.files = files.into_iter().map(|(name, (bytes, crc32c, level, key))| File {
                name, bytes, crc32c, level, smallest: key.clone(), largest: key,
                seqnos: (bytes, 0), entries: bytes, deletions: 0,
            }).filter(|file| file.name != NAME).collect();
            prop_assert_eq!(decode(&manifest.encode()).expect("our own"), manifest);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Manifest::decode(&bytes, Path::new("/e"));
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let _ = decode(&sealed(&format!("statehouse-export 1\n{text}")));
        }
    }
}
