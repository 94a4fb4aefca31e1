//! What should be: which tables there are, which partitions, on which nodes.
//!
//! It is: the desired state and its changes, each a function from one state to the
//! next or to a refusal; its text, for a file and for other nodes; and its rows in the
//! catalog, the table in which a cluster keeps it.
//! It is not: whoever keeps it, tells it or carries it out.

mod catalog;
mod desired;

pub use catalog::{Unreadable, first, read_rows, step};
pub use desired::*;
