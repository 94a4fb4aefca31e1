//! FORMAT: what the directory is. Written once, as the last step of set-up.

use super::sealed::{Flaw, Form};
use std::num::NonZeroU8;

const FORM: Form<1> = Form { name: "statehouse data directory", version: 1, fields: ["stores"] };

/// What cannot change while the directory lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// How many store instances there are. A partition's files are in the
    /// instance that its id is mapped to, so the count is a fact of the disk.
    pub stores: NonZeroU8,
}

impl Format {
    /// The version that this build writes, and the only one it reads.
    pub const VERSION: u32 = FORM.version;

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        FORM.write([&self.stores])
    }

    /// What the file's bytes say. Total: any bytes give a value or a flaw.
    pub fn decode(bytes: &[u8]) -> Result<Format, Flaw> {
        let [stores] = FORM.read(bytes)?;
        Ok(Format { stores: FORM.value(0, stores)? })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealed::tests::sealed;
    use super::*;
    use proptest::prelude::*;

    fn format(stores: u8) -> Format {
        Format { stores: NonZeroU8::new(stores).expect("not 0") }
    }

    #[test]
    fn the_bytes_are_golden() {
        let golden = "statehouse data directory\nversion 1\nstores 4\ncrc32c 6fd13368\n";
        assert_eq!(String::from_utf8(format(4).encode()).expect("text"), golden);
        assert_eq!(Format::decode(golden.as_bytes()), Ok(format(4)));
    }

    #[test]
    fn every_single_bit_counts() {
        let bytes = format(4).encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            Format::decode(&flipped).expect_err("one bit is another");
        }
        for length in 0..bytes.len() {
            Format::decode(&bytes[..length]).expect_err("cut short");
        }
    }

    #[test]
    fn counts_have_bounds_and_one_spelling() {
        for stores in ["0", "256", "-1", "+4", "04", "4 ", "", "four", "18446744073709551616"] {
            let bytes = sealed(&format!("statehouse data directory\nversion 1\nstores {stores}\n"));
            assert_eq!(Format::decode(&bytes), Err(Flaw::Field { field: "stores" }), "{stores:?}");
        }
    }

    #[test]
    fn an_unknown_version_is_named() {
        let bytes = sealed("statehouse data directory\nversion 2\nstores 4\nhorizon 9\n");
        assert_eq!(Format::decode(&bytes), Err(Flaw::Version { found: 2, known: 1 }));
    }

    proptest! {
        #[test]
        fn round_trip(stores in 1u8..) {
            prop_assert_eq!(Format::decode(&format(stores).encode()), Ok(format(stores)));
        }

        #[test]
        fn any_bytes_give_a_value_or_a_flaw(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(Format::decode(&bytes).is_err());
        }

        #[test]
        fn any_text_behind_a_good_seal_is_ours_exactly_or_refused(body in "[a-z0-9 \n]{0,60}") {
            let bytes = sealed(&format!("statehouse data directory\n{body}"));
            if let Ok(read) = Format::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }
}
