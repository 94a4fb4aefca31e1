//! Receipts and durabilities.

use super::{epoch_from_wire, epoch_to_wire};
use crate::{Failure, common};
use model::{BootId, Durability, Epoch, Index, PartitionId, Position, code};

/// Where an answer stands in a partition's history, and what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Whose history.
    pub partition: PartitionId,
    /// Under which owner.
    pub epoch: Epoch,
    /// The last index that the answer depends on.
    pub index: Index,
    /// What it is worth.
    pub durability: Durability,
    /// May it lack later changes?
    pub stale: bool,
    /// How old it may be, when stale.
    pub age_ms: u32,
    /// Which boot of its node answered.
    pub boot: BootId,
}

impl Receipt {
    /// For a token: who reads after it sees what this answer saw.
    pub fn position(&self) -> Position {
        Position { partition: self.partition, boot: self.boot, index: self.index }
    }
}

/// A receipt.
pub fn receipt_to_wire(receipt: &Receipt) -> common::Receipt {
    common::Receipt {
        partition: receipt.partition.0,
        epoch: Some(epoch_to_wire(receipt.epoch)),
        index: receipt.index,
        durability: durability_to_wire(receipt.durability),
        stale: receipt.stale,
        age_ms: receipt.age_ms,
        boot: receipt.boot.0,
    }
}

/// A receipt, as a client reads it.
pub fn receipt_from_wire(receipt: &common::Receipt) -> Result<Receipt, Failure> {
    let durability = durability_from_wire(receipt.durability)?;
    Ok(Receipt {
        partition: PartitionId(receipt.partition),
        epoch: epoch_from_wire(receipt.epoch.unwrap_or_default()),
        index: receipt.index,
        durability: durability
            .ok_or_else(|| Failure::new(code::MALFORMED, "a receipt without durability"))?,
        stale: receipt.stale,
        age_ms: receipt.age_ms,
        boot: BootId(receipt.boot),
    })
}

/// A durability's number.
pub fn durability_to_wire(durability: Durability) -> i32 {
    i32::from(durability as u8)
}

/// A number's durability; 0 is none.
pub fn durability_from_wire(number: i32) -> Result<Option<Durability>, Failure> {
    if number == 0 {
        return Ok(None);
    }
    let known = u8::try_from(number).ok().and_then(Durability::from_number);
    known.map(Some).ok_or_else(|| Failure::new(code::MALFORMED, format!("durability {number} is unknown")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receipts_round_trip_and_numbers_are_those_of_the_wire() {
        for durability in Durability::ALL {
            let receipt = Receipt {
                partition: PartitionId(7),
                epoch: Epoch { generation: 2, term: 3 },
                index: 11,
                durability,
                stale: true,
                age_ms: 5,
                boot: BootId(13),
            };
            assert_eq!(receipt_from_wire(&receipt_to_wire(&receipt)), Ok(receipt));
            let wire =
                common::Durability::try_from(durability_to_wire(durability)).expect("a number of the wire");
            assert_eq!(wire.as_str_name(), format!("DURABILITY_{}", durability.name().to_uppercase()));
        }
        assert_eq!(durability_from_wire(0), Ok(None));
        assert!(durability_from_wire(5).is_err() && durability_from_wire(-1).is_err());
    }
}
