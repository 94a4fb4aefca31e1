//! The closing user: when all is well again, it writes and reads what is fresh,
//! and looks at every row.

use super::content::content_of;
use super::ledger::Ledger;
use super::node::TABLE;
use super::pause;
use super::user::{Crowd, key_bytes};
use super::wire::{Answer, Ask, Wire};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;
use verify::check::FinalRow;
use verify::history::{Call, Outcome};

/// Rows that nobody has touched before.
pub const FRESH: u32 = 20;
/// It asks so often for one row, and waits a moment in between: longer than the
/// longest sync there is, while which a line of two requests stays full.
const TRIES: u32 = 100;
/// Who it is in the history.
const CLOSER: u32 = 1_000;
const BETWEEN: Duration = Duration::from_millis(200);

/// How far it has come.
#[derive(Default)]
pub struct Closing {
    /// Fresh rows written and read again.
    pub fresh: u32,
    /// Rows as they were found.
    pub rows: BTreeMap<u32, FinalRow>,
    /// What it was told when it was refused last.
    pub refused: Option<String>,
    /// It has looked at everything.
    pub done: bool,
}

impl Closing {
    /// In words.
    pub fn told(&self) -> String {
        let refused = self.refused.as_deref().unwrap_or("nothing was refused");
        format!("{} fresh rows, {} rows seen, {refused}", self.fresh, self.rows.len())
    }
}

/// The host's program.
pub async fn close(crowd: Rc<Crowd>, closing: Rc<RefCell<Closing>>) -> turmoil::Result {
    let knobs = &crowd.knobs;
    // What users have left behind is written first: on the slowest disk that
    // is a minute's work.
    let patience = Duration::from_millis(100_000);
    let wire = Wire::new(knobs.transport, &crowd.node, TABLE, patience, false, 1);
    let mut wire = wire.map_err(|error| error.to_string())?;
    for key in knobs.keys..knobs.keys + FRESH {
        let put = until_served(&crowd, &closing, &mut wire, key, Want::Put).await;
        let got = until_served(&crowd, &closing, &mut wire, key, Want::Get).await;
        closing.borrow_mut().fresh += u32::from(put.is_some() && got.is_some());
    }
    for key in 0..knobs.keys + FRESH {
        let found = until_served(&crowd, &closing, &mut wire, key, Want::Get).await;
        if let Some(Outcome::Read { partition, row, .. }) = found {
            closing.borrow_mut().rows.insert(key, FinalRow { partition, row });
        }
    }
    closing.borrow_mut().done = true;
    std::future::pending().await
}

/// Asks until there is an answer; none when there will not be one.
async fn until_served(
    crowd: &Crowd,
    closing: &RefCell<Closing>,
    wire: &mut Wire,
    key: u32,
    want: Want,
) -> Option<Outcome> {
    let may_be_lost = crowd.may_be_lost(key);
    let tries = if may_be_lost { 1 } else { TRIES };
    for _ in 0..tries {
        let outcome = once(&crowd.ledger, wire, key, want).await;
        match outcome {
            Some(Outcome::Refused) => {
                closing.borrow_mut().refused = Some(format!("key {key} was refused: {want:?}"));
            }
            Some(Outcome::Unknown) | None if may_be_lost => return None,
            // Nothing is wrong any more: somebody has to know.
            Some(Outcome::Unknown) | None => {
                closing.borrow_mut().refused = Some(format!("nobody answered about key {key}: {want:?}"));
                return std::future::pending().await;
            }
            answered => return answered,
        }
        pause(BETWEEN).await;
    }
    if may_be_lost {
        return None;
    }
    // Whoever waits for this user sees that it gets no further.
    std::future::pending().await
}

/// What it asks for.
#[derive(Clone, Copy, Debug)]
enum Want {
    Put,
    Get,
}

async fn once(ledger: &RefCell<Ledger>, wire: &mut Wire, key: u32, want: Want) -> Option<Outcome> {
    let (call, ask) = match want {
        Want::Get => (Call::Get, Ask::Get(vec![key_bytes(key)])),
        Want::Put => {
            let value = ledger.borrow_mut().new_value();
            (Call::Put { value }, Ask::Put(vec![(key_bytes(key), content_of(value, 8))]))
        }
    };
    let ids = ledger.borrow_mut().begin(CLOSER, &[(key, call)], None);
    let answer = wire.ask(ask, None).await.pop()?;
    ledger.borrow_mut().end(ids[0], key, answer.clone());
    match answer {
        Answer::Outcome(outcome) => Some(outcome),
        Answer::Absent => ledger.borrow().absent(key),
        Answer::Strange(_) => None,
    }
}
