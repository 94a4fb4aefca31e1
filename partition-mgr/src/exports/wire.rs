//! What nodes say of exports, as bytes of a link's frame.

use bytes::Bytes;
use model::PartitionId;
use proto::{Message as _, peer as wire};

/// A message about one fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    /// Of which partition.
    pub partition: PartitionId,
    /// Which fetch; its answers have the same.
    pub serial: u64,
    /// What is said.
    pub word: Word,
}

/// What is said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// I need an export.
    Wish,
    /// There is one.
    Offer {
        /// What its history rests on.
        base: Bytes,
        /// Its files.
        manifest: Bytes,
    },
    /// A part of one of its files, please.
    Take(Part),
    /// This is the part that begins there.
    Piece(Part, Bytes),
    /// It is not needed any more; or there is none to be had.
    Over,
}

/// A part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its place in the manifest.
    pub file: u32,
    /// Where it begins.
    pub offset: u64,
    /// How much of it.
    pub bytes: u32,
}

impl Letter {
    pub fn encode(self) -> Bytes {
        use wire::bulk::What;
        let what = match self.word {
            Word::Wish => What::Wish(wire::ExportWish {}),
            Word::Offer { base, manifest } => What::Offer(wire::ExportOffer { base, manifest }),
            Word::Take(Part { file, offset, bytes }) => What::Take(wire::ExportTake { file, offset, bytes }),
            Word::Piece(Part { file, offset, .. }, data) => {
                What::Piece(wire::ExportPiece { file, offset, data })
            }
            Word::Over => What::Over(wire::ExportOver {}),
        };
        wire::Bulk { partition: self.partition.0, serial: self.serial, what: Some(what) }
            .encode_to_vec()
            .into()
    }

    /// `None` for bytes that no node of ours sends.
    pub fn decode(frame: Bytes) -> Option<Letter> {
        use wire::bulk::What;
        let bulk = wire::Bulk::decode(frame).ok()?;
        let word = match bulk.what? {
            What::Wish(_) => Word::Wish,
            What::Offer(wire::ExportOffer { base, manifest }) => Word::Offer { base, manifest },
            What::Take(wire::ExportTake { file, offset, bytes }) => Word::Take(Part { file, offset, bytes }),
            What::Piece(wire::ExportPiece { file, offset, data }) => {
                let bytes = u32::try_from(data.len()).ok()?;
                Word::Piece(Part { file, offset, bytes }, data)
            }
            What::Over(_) => Word::Over,
        };
        let partition = PartitionId(bulk.partition);
        partition.is_ordinary().then_some(Letter { partition, serial: bulk.serial, word })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_heard_and_nonsense_is_not() {
        let part = Part { file: 3, offset: 1 << 40, bytes: 4 };
        let words = [
            Word::Wish,
            Word::Offer { base: "base".into(), manifest: "files".into() },
            Word::Take(part),
            Word::Piece(part, "data".into()),
            Word::Over,
        ];
        for word in words {
            let letter = Letter { partition: PartitionId(7), serial: 9, word };
            assert_eq!(Letter::decode(letter.clone().encode()), Some(letter));
        }
        let nobody = Letter { partition: PartitionId(0), serial: 1, word: Word::Wish };
        assert_eq!(Letter::decode(nobody.encode()), None);
        assert_eq!(Letter::decode("no letter".into()), None);
        assert_eq!(Letter::decode(Bytes::new()), None);
    }
}
