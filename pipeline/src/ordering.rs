//! The rules about order, in one place: as prose here, as assertions where they
//! are called.
//!
//! 1. **A record's place is taken before it is logged.** Indexes are dense and
//!    given out in the order in which requests are drained; a record that the
//!    log refuses takes back its indexes and those of every record behind it.
//! 2. **Apply waits for the log.** `applied ≤ durable`: a machine never sees a
//!    command that a crash could undo, so no reader ever does.
//! 3. **A reply waits for both.** `acked ≤ applied`: when a reply leaves, its
//!    record is as durable as the profile says, and a read that begins after it
//!    sees the change.
//! 4. **Refusals in history's order wait too.** A refusal at the door says
//!    nothing about history and leaves at once. An answer that depends on a
//!    record leaves with that record.
//! 5. **`flushed ≤ applied`**: a store never persists what is not applied, since
//!    applied index and rows are one batch.

use model::Index;

/// Rule 2: what is applied next is durable.
pub fn assert_applies_behind_log(last_index: Index, durable: Index) {
    assert!(last_index <= durable, "index {last_index} would be applied, the log holds {durable}");
}

/// Rule 3: what is answered is applied.
pub fn assert_answers_behind_apply(last_index: Index, applied: Index) {
    assert!(last_index <= applied, "index {last_index} would be answered, {applied} is applied");
}

/// Rule 1: records follow one another without a hole.
pub fn assert_follows(first_index: Index, previous: Index) {
    assert!(first_index == previous + 1, "index {first_index} would follow {previous}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_passes() {
        assert_applies_behind_log(3, 3);
        assert_answers_behind_apply(2, 3);
        assert_follows(4, 3);
    }

    #[test]
    #[should_panic(expected = "would be applied")]
    fn apply_before_the_log_is_a_defect() {
        assert_applies_behind_log(4, 3);
    }

    #[test]
    #[should_panic(expected = "would be answered")]
    fn an_answer_before_apply_is_a_defect() {
        assert_answers_behind_apply(4, 3);
    }

    #[test]
    #[should_panic(expected = "would follow")]
    fn a_hole_is_a_defect() {
        assert_follows(5, 3);
    }
}
