//! What has to hold of a row before it is changed.

use crate::Index;

/// What has to hold of a row before it is changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    #[default]
    Always,
    /// It is not there.
    Absent,
    /// It is there.
    Present,
    /// It is there and was written by the command at this index.
    Revision(Index),
}

impl Condition {
    /// Does it hold of a row with this revision?
    pub fn holds(self, revision: Option<Index>) -> bool {
        match self {
            Condition::Always => true,
            Condition::Absent => revision.is_none(),
            Condition::Present => revision.is_some(),
            Condition::Revision(wanted) => revision == Some(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_of_which_row() {
        let rows = [
            (Condition::Always, [true, true, true]),
            (Condition::Absent, [true, false, false]),
            (Condition::Present, [false, true, true]),
            (Condition::Revision(7), [false, true, false]),
        ];
        for (condition, expected) in rows {
            assert_eq!([None, Some(7), Some(8)].map(|row| condition.holds(row)), expected, "{condition:?}");
        }
    }
}
