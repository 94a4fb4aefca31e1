//! Records under way, and who waits for them.

use super::Ticket;
use env::Mono;
use model::Record;

/// A record on its way.
pub(super) struct Flight<T> {
    pub record: Record,
    pub ticket: Ticket,
    pub parked: Vec<Parked<T>>,
    pub dispatched: Mono,
    pub logged: Mono,
}

/// Who waits for commands of a record.
pub(super) struct Parked<T> {
    pub token: T,
    pub count: u32,
    pub arrived: Mono,
}
