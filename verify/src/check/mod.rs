//! The checkers: what a history may not show.
//!
//! [`version_order`] trusts the indexes that answers name and compares them
//! with everything else: order, batches, epochs, rows. [`linearizable`] does
//! not look at an index at all: it searches for an order of the calls in which
//! every answer is right. What one of them overlooks the other may see.
//! [`vacuous`] asks whether enough happened for their word to mean anything.

mod end;
mod linearizable;
mod report;
mod vacuous;
mod version_order;
mod violation;

pub use end::{End, FinalRow, Last, dense};
pub use linearizable::{Failure, STATES_MAX, Verdict, linearizable, linearizable_within};
pub use report::{Report, all};
pub use vacuous::{Counts, Enough, vacuous};
pub use version_order::version_order;
pub use violation::{Violation, Violations};
