//! IDENTITY: whose the directory is, and how often it has been opened.
//! Replaced whole at every start.

use super::sealed::{Flaw, Form};
use model::{ClusterId, DiskId, NodeId};

const FORM: Form<4> =
    Form { name: "statehouse identity", version: 1, fields: ["cluster", "node", "disk", "boot"] };

/// Who this directory is among all directories of all clusters.
///
/// Invariant: `boot` is 0 only between set-up and the first open, when nobody
/// has been told any of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The cluster it belongs to.
    pub cluster: ClusterId,
    /// The node it belongs to.
    pub node: NodeId,
    /// This set-up of this directory.
    pub disk: DiskId,
    /// How often it has been opened; the number of the latest opening.
    pub boot: u64,
}

impl Identity {
    /// The version that this build writes, and the only one it reads.
    pub const VERSION: u32 = FORM.version;

    /// The file's bytes.
    pub fn encode(&self) -> Vec<u8> {
        FORM.write([&self.cluster, &self.node, &self.disk, &self.boot])
    }

    /// What the file's bytes say. Total: any bytes give a value or a flaw.
    pub fn decode(bytes: &[u8]) -> Result<Identity, Flaw> {
        let [cluster, node, disk, boot] = FORM.read(bytes)?;
        Ok(Identity {
            cluster: FORM.value(0, cluster)?,
            node: FORM.value(1, node)?,
            disk: FORM.value(2, disk)?,
            boot: FORM.value(3, boot)?,
        })
    }

    /// The identity of the next opening.
    pub(super) fn next_boot(self) -> Result<Identity, Flaw> {
        let boot = self.boot.checked_add(1).ok_or(Flaw::BootSpent)?;
        Ok(Identity { boot, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::super::sealed::tests::sealed;
    use super::*;
    use proptest::prelude::*;

    fn sample() -> Identity {
        Identity {
            cluster: ClusterId(0x0123_4567_89ab_cdef_0011_2233_4455_6677),
            node: NodeId(7),
            disk: DiskId(0xfeed),
            boot: 12,
        }
    }

    const GOLDEN: &str = "statehouse identity\nversion 1\n\
        cluster 0123456789abcdef0011223344556677\nnode 7\n\
        disk 0000000000000000000000000000feed\nboot 12\ncrc32c e96e1e9a\n";

    #[test]
    fn the_bytes_are_golden() {
        assert_eq!(String::from_utf8(sample().encode()).expect("text"), GOLDEN);
        assert_eq!(Identity::decode(GOLDEN.as_bytes()), Ok(sample()));
    }

    #[test]
    fn every_single_bit_counts() {
        let bytes = sample().encode();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            Identity::decode(&flipped).expect_err("one bit is another");
        }
        for length in 0..bytes.len() {
            Identity::decode(&bytes[..length]).expect_err("cut short");
        }
    }

    #[test]
    fn values_have_one_spelling() {
        let table = [
            ("cluster", "0123456789abcdef0011223344556677", "0123456789ABCDEF0011223344556677"),
            ("cluster", "0123456789abcdef0011223344556677", "123456789abcdef0011223344556677"),
            ("node", "node 7", "node 07"),
            ("node", "node 7", "node 18446744073709551616"),
            ("disk", "disk 0000000000000000000000000000feed", "disk feed"),
            ("boot", "boot 12", "boot +12"),
            ("boot", "boot 12", "boot 12\r"),
        ];
        let (body, _) = GOLDEN.split_once("crc32c").expect("sealed");
        for (field, ours, theirs) in table {
            let bytes = sealed(&body.replace(ours, theirs));
            assert_eq!(Identity::decode(&bytes), Err(Flaw::Field { field }), "{theirs:?}");
        }
    }

    #[test]
    fn the_counter_rises_and_never_wraps() {
        assert_eq!(sample().next_boot().map(|next| next.boot), Ok(13));
        let spent = Identity { boot: u64::MAX, ..sample() };
        assert_eq!(spent.next_boot(), Err(Flaw::BootSpent));
    }

    proptest! {
        #[test]
        fn round_trip(cluster: u128, node: u64, disk: u128, boot: u64) {
            let identity =
                Identity { cluster: ClusterId(cluster), node: NodeId(node), disk: DiskId(disk), boot };
            prop_assert_eq!(Identity::decode(&identity.encode()), Ok(identity));
        }

        #[test]
        fn any_bytes_give_a_value_or_a_flaw(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(Identity::decode(&bytes).is_err());
        }

        #[test]
        fn any_change_behind_a_good_seal_is_ours_exactly_or_refused(at in 0usize..140, to in "[ -~\n]{0,3}") {
            let (body, _) = GOLDEN.split_once("crc32c").expect("sealed");
            let mut body = body.to_owned();
            let at = at.min(body.len() - 1);
            body.replace_range(at..=at, &to);
            let bytes = sealed(&body);
            if let Ok(read) = Identity::decode(&bytes) {
                prop_assert_eq!(read.encode(), bytes);
            }
        }
    }
}
