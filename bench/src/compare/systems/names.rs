//! Names of writes, as our SDK gives them: one client, however many connections.

use bytes::Bytes;
use proto::common::{Header, OpId};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::{SystemTime, UNIX_EPOCH};

/// Of one client. Clones share them.
#[derive(Clone)]
pub struct Names(Rc<RefCell<State>>);

struct State {
    client: Bytes,
    next: u64,
    pending: BTreeSet<u64>,
}

impl Names {
    /// A client that begins now.
    pub fn new() -> Names {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let client = (now.as_millis() & 0xffff_ffff_ffff) << 80 | 7 << 76 | 2 << 62;
        let client = Bytes::copy_from_slice(&client.to_be_bytes());
        Names(Rc::new(RefCell::new(State { client, next: 1, pending: BTreeSet::new() })))
    }

    /// The header of a write of so many rows, and what to give back with its
    /// answer.
    pub fn begin(&self, rows: usize) -> (Header, u64) {
        let mut state = self.0.borrow_mut();
        let sequence = state.next;
        state.next += rows as u64;
        state.pending.insert(sequence);
        let answered_upto = state.pending.first().copied().unwrap_or(sequence) - 1;
        let op = Some(OpId { client: state.client.clone(), sequence });
        (Header { op, answered_upto, allow_forward: true, ..Header::default() }, sequence)
    }

    /// Its answer is there.
    pub fn end(&self, sequence: u64) {
        self.0.borrow_mut().pending.remove(&sequence);
    }
}
