//! The envelope of FORMAT and IDENTITY: text that a person can read and that
//! proves itself whole.
//!
//! ```text
//! a name            which file this is
//! version N         which fields follow
//! field value       in one order, each once
//! crc32c XXXXXXXX   over every byte before this line
//! ```
//!
//! Name, version and checksum stand in these places in every version to come,
//! so that an old build can tell "newer" from "damaged". Everything is written
//! in one way only; what reads the same but is spelled otherwise is refused.

use std::fmt::{Display, Write as _};
use std::str::FromStr;
use thiserror::Error;

/// `crc32c `, eight digits, newline.
const SEAL_BYTES: usize = 16;
/// Neither file comes near it. More is not ours, and is not read into memory.
pub(super) const FILE_BYTES_MAX: u64 = 4096;
/// How much of an unknown line is quoted in a message.
const QUOTED_CHARS_MAX: usize = 40;

/// Why a file does not say what it should.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Flaw {
    /// No such file.
    #[error("it is missing")]
    Absent,
    /// A directory, a link or a device bears the name.
    #[error("it is not a regular file")]
    NotAFile,
    /// Far too long to be ours.
    #[error("it is {bytes} bytes long, and never is longer than {FILE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: u64,
    },
    /// The first line is not the name.
    #[error("its first line is not `{wanted}`")]
    Name {
        /// What the first line is in every version.
        wanted: &'static str,
    },
    /// The last line does not match what stands before it.
    #[error("its last line should be `{computed}`, and is `{found}`")]
    Checksum {
        /// The line that would match the content.
        computed: String,
        /// The bytes in its place.
        found: String,
    },
    /// Whole, but of a version that this build does not know.
    #[error("it has version {found}; this build knows version {known}")]
    Version {
        /// What the file says.
        found: u32,
        /// What this build writes.
        known: u32,
    },
    /// A line that every file of this version has, in this place.
    #[error("its line `{field}` is missing or not in the one way it is written")]
    Field {
        /// The line's first word.
        field: &'static str,
    },
    /// The boot counter is at its end, which no honest disk reaches.
    #[error("its boot counter cannot rise any more")]
    BootSpent,
    /// A line that no file of this version has.
    #[error("it has a line that is not known: `{line}`")]
    Extra {
        /// Its beginning.
        line: String,
    },
}

/// One kind of file: its name, its version, its fields.
pub(super) struct Form<const N: usize> {
    pub name: &'static str,
    pub version: u32,
    pub fields: [&'static str; N],
}

impl<const N: usize> Form<N> {
    /// The whole file.
    pub fn write(&self, values: [&dyn Display; N]) -> Vec<u8> {
        let mut text = format!("{}\nversion {}\n", self.name, self.version);
        for (field, value) in self.fields.iter().zip(values) {
            writeln!(text, "{field} {value}").expect("a String takes everything");
        }
        let seal = seal(text.as_bytes());
        text.push_str(&seal);
        text.push('\n');
        text.into_bytes()
    }

    /// The values, in the order of the fields.
    pub fn read<'a>(&self, bytes: &'a [u8]) -> Result<[&'a str; N], Flaw> {
        let name = Flaw::Name { wanted: self.name };
        let Some([b'\n', ..]) = bytes.strip_prefix(self.name.as_bytes()) else { return Err(name) };
        let body = unseal(bytes)?;
        let version = Flaw::Field { field: "version" };
        // The seal held, so these bytes are as somebody wrote them.
        let Some(text) = std::str::from_utf8(body).ok().and_then(|text| text.strip_suffix('\n')) else {
            return Err(version);
        };
        let mut lines = text.split('\n').skip(1);
        let found = lines.next().and_then(|line| value(line, "version")).ok_or(version.clone())?;
        let found: u32 = exact(found).ok_or(version)?;
        if found != self.version {
            return Err(Flaw::Version { found, known: self.version });
        }
        let mut values = [""; N];
        for (slot, field) in values.iter_mut().zip(self.fields) {
            *slot = lines.next().and_then(|line| value(line, field)).ok_or(Flaw::Field { field })?;
        }
        match lines.next() {
            None => Ok(values),
            Some(line) => Err(Flaw::Extra { line: quoted(line.as_bytes()) }),
        }
    }

    /// The value of one of the fields, if it is written as we write it.
    pub fn value<T: FromStr + Display>(&self, at: usize, text: &str) -> Result<T, Flaw> {
        exact(text).ok_or(Flaw::Field { field: self.fields[at] })
    }
}

/// The last line, without its newline.
pub(crate) fn seal(body: &[u8]) -> String {
    format!("crc32c {:08x}", crc32c::crc32c(body))
}

/// What stands before the last line, if that line matches it.
pub(crate) fn unseal(bytes: &[u8]) -> Result<&[u8], Flaw> {
    let (body, last) = bytes.split_at(bytes.len().saturating_sub(SEAL_BYTES));
    let computed = seal(body);
    if last.strip_suffix(b"\n") == Some(computed.as_bytes()) {
        return Ok(body);
    }
    Err(Flaw::Checksum { computed, found: quoted(last) })
}

fn value<'a>(line: &'a str, field: &str) -> Option<&'a str> {
    line.strip_prefix(field)?.strip_prefix(' ')
}

/// Parses what has one spelling only: `+1`, `01` and `AB` are not ours.
fn exact<T: FromStr + Display>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    (value.to_string() == text).then_some(value)
}

fn quoted(bytes: &[u8]) -> String {
    bytes.escape_ascii().map(char::from).take(QUOTED_CHARS_MAX).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    const FORM: Form<2> = Form { name: "a test", version: 3, fields: ["one", "two"] };

    /// A file with this body and a seal that holds.
    pub fn sealed(body: &str) -> Vec<u8> {
        format!("{body}{}\n", seal(body.as_bytes())).into_bytes()
    }

    #[test]
    fn what_is_written_is_read() {
        let bytes = FORM.write([&1, &"b c"]);
        assert_eq!(bytes, b"a test\nversion 3\none 1\ntwo b c\ncrc32c 2e5ceb32\n");
        assert_eq!(FORM.read(&bytes), Ok(["1", "b c"]));
    }

    #[test]
    fn what_is_written_otherwise_is_refused() {
        let name = || Flaw::Name { wanted: "a test" };
        let version = || Flaw::Field { field: "version" };
        let extra = |line: &str| Flaw::Extra { line: line.into() };
        let table = [
            ("", name()),
            ("a test", name()),
            ("another\nversion 3\none 1\ntwo 2\n", name()),
            ("a test\n", version()),
            ("a test\nversion 03\none 1\ntwo 2\n", version()),
            ("a test\nversion three\none 1\ntwo 2\n", version()),
            ("a test\nVersion 3\none 1\ntwo 2\n", version()),
            ("a test\nversion 3\none 1\ntwo 2", version()),
            ("a test\nversion 4\nother 1\n", Flaw::Version { found: 4, known: 3 }),
            ("a test\nversion 3\n", Flaw::Field { field: "one" }),
            ("a test\nversion 3\none\ntwo 2\n", Flaw::Field { field: "one" }),
            ("a test\nversion 3\none 1\n", Flaw::Field { field: "two" }),
            ("a test\nversion 3\ntwo 2\none 1\n", Flaw::Field { field: "one" }),
            ("a test\nversion 3\none 1\none 1\ntwo 2\n", Flaw::Field { field: "two" }),
            ("a test\nversion 3\none 1\ntwo 2\nthree 3\n", extra("three 3")),
            ("a test\nversion 3\none 1\ntwo 2\n\n", extra("")),
        ];
        for (body, flaw) in table {
            assert_eq!(FORM.read(&sealed(body)), Err(flaw), "{body:?}");
        }
    }

    #[test]
    fn a_seal_that_does_not_hold_comes_before_the_version() {
        let newer = String::from_utf8(sealed("a test\nversion 4\n")).expect("text");
        for bad in [newer.replace('4', "5"), newer.trim_end().into(), newer.to_uppercase(), newer + "\n"] {
            let flaw = FORM.read(bad.replace("A TEST", "a test").as_bytes()).expect_err("not whole");
            assert!(matches!(flaw, Flaw::Checksum { .. }), "{bad:?}: {flaw}");
        }
    }

    #[test]
    fn an_unknown_line_is_quoted_short_and_escaped() {
        let body = format!("a test\nversion 3\none 1\ntwo 2\n\u{7}{}\n", "x".repeat(1000));
        let Err(Flaw::Extra { line }) = FORM.read(&sealed(&body)) else { panic!("an extra line") };
        assert_eq!(line, format!("\\x07{}", "x".repeat(QUOTED_CHARS_MAX - 4)));
    }

    proptest! {
        #[test]
        fn any_bytes_behind_a_good_seal_give_values_or_a_flaw(rest: Vec<u8>) {
            let mut bytes = [b"a test\n", &rest[..]].concat();
            let seal = seal(&bytes);
            bytes.extend_from_slice(seal.as_bytes());
            bytes.push(b'\n');
            let flaw = FORM.read(&bytes).expect_err("no draw is that lucky");
            prop_assert!(!matches!(flaw, Flaw::Checksum { .. }), "the seal holds: {}", flaw);
        }
    }
}
