//! The search for an order: depth first, with a memory of where it has been.
//!
//! Every value is written once. So a row that somebody has still to see cannot
//! be given up, and one that everybody has seen is like any other. Both are
//! exact, and without them a history with a mistake in it, where all must be
//! tried, is out of reach as soon as a few writers meet on a key.

use super::chain::{Chain, Event, Node};
use super::taken::Taken;
use super::track::{Deed, Moment, RowNumber, Track};
use std::collections::BTreeMap;

/// What came of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// There is an order in which every answer is right.
    Order,
    /// There is none.
    None,
    /// More states than may be remembered.
    TooMuch,
}

/// The row, and what it cost to come here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    pub row: Option<RowNumber>,
    pub used: Used,
}

/// How many open writes were used to explain answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Used {
    pub puts: u32,
    pub removes: u32,
}

/// A step in the order, and what was before it.
struct Placed {
    step: usize,
    before: State,
    /// It was no choice: whatever can follow without it can follow it, too.
    free: bool,
}

/// A search under way.
pub(super) struct Search<'a> {
    pub(super) track: &'a Track,
    pub(super) chain: Chain,
    pub(super) state: State,
    taken: Taken,
    /// By row: how many of the steps that see it are not placed yet.
    readers: Vec<u32>,
    order: Vec<Placed>,
    /// The sets of steps that have been entered, with a row or without, and how
    /// many open writes were used. Which row it is goes without saying: the one
    /// that some have seen and others not, and if there is none it does not
    /// matter. All of each is kept, not a hash: a collision would be a wrong
    /// verdict.
    entered: BTreeMap<(Box<[u64]>, bool), Vec<Used>>,
    states: usize,
}

impl<'a> Search<'a> {
    /// A search for an order of these operations.
    pub fn new(track: &'a Track) -> Search<'a> {
        Search {
            track,
            chain: Chain::new(&track.steps),
            state: State::default(),
            taken: Taken::none_of(track.steps.len()),
            readers: track.readers.iter().map(|readers| readers.count).collect(),
            order: Vec::with_capacity(track.steps.len()),
            entered: BTreeMap::new(),
            states: 0,
        }
    }

    /// Searches until there is an order, there is none, or more than
    /// `states_max` states have been entered.
    pub fn run(mut self, states_max: usize) -> Found {
        let mut node = self.settle();
        loop {
            match self.chain.event(node) {
                Event::End => return Found::Order,
                Event::Call(step) if self.enter(step, node) => {
                    if self.states > states_max {
                        return Found::TooMuch;
                    }
                    node = self.settle();
                }
                Event::Call(_) => node = self.chain.after(node),
                // Its step should have been placed before this: another choice.
                Event::Answer(_) => match self.retreat() {
                    Some(next) => node = next,
                    None => return Found::None,
                },
            }
        }
    }

    /// Places every step that is no choice. Returns where to choose next: at the
    /// first event that is left.
    fn settle(&mut self) -> Node {
        let mut node = self.chain.first();
        while let Event::Call(step) = self.chain.event(node) {
            let next = self.chain.after(node);
            let deed = self.track.steps[step].deed;
            if self.is_free(deed) {
                self.place(step, self.state, true);
                // Its answer may have been the next event.
                node = if next == Chain::call(step) + 1 { self.chain.after(next) } else { next };
            } else if let Deed::Set(row) = deed
                && self.is_harmless(step, row)
            {
                self.place(step, State { row: Some(row), ..self.state }, true);
                // Those who see it may have been passed.
                node = self.chain.first();
            } else {
                node = next;
            }
        }
        self.chain.first()
    }

    /// The step fits and changes nothing.
    fn is_free(&self, deed: Deed) -> bool {
        match deed {
            Deed::Set(_) => false,
            Deed::Clear { found } => !found && self.state.row.is_none(),
            Deed::See(row) => row == self.state.row,
        }
    }

    /// Somebody has still to see the row.
    pub(super) fn is_awaited(&self, row: RowNumber) -> bool {
        self.readers[row] > 0
    }

    /// Places a step, if its answer can be right and this is new.
    fn enter(&mut self, step: usize, node: Node) -> bool {
        let Some(state) = self.after(step, node) else { return false };
        if self.is_better_left(step) {
            return false;
        }
        self.taken.add(step);
        let place = (self.taken.words(), state.row.is_some());
        self.taken.remove(step);
        let costs = self.entered.entry(place).or_default();
        // Whoever came here with fewer open writes used has seen all of it.
        if costs.iter().any(|cost| cost.puts <= state.used.puts && cost.removes <= state.used.removes) {
            return false;
        }
        costs.push(state.used);
        self.states += 1;
        self.place(step, state, false);
        true
    }

    /// The state after a step that changes something, if its answer can be
    /// right. A row that somebody still has to see must not be changed: it was
    /// written once and does not come again.
    fn after(&self, step: usize, node: Node) -> Option<State> {
        let state = self.state;
        if state.row.is_some_and(|row| self.is_awaited(row)) {
            return None;
        }
        let first_answer = self.chain.first_answer(node);
        let removed = || {
            let removes = spend(state.used.removes, &self.track.open_removes, first_answer)?;
            Some(State { row: None, used: Used { removes, ..state.used } })
        };
        let put_before = || {
            let puts = spend(state.used.puts, &self.track.open_puts, first_answer)?;
            Some(State { row: None, used: Used { puts, ..state.used } })
        };
        match (self.track.steps[step].deed, state.row) {
            (Deed::Set(row), _) => self.can_last(step, row).then_some(State { row: Some(row), ..state }),
            (Deed::Clear { found: true }, Some(_)) => Some(State { row: None, ..state }),
            (Deed::Clear { found: true }, None) => put_before(),
            (Deed::Clear { found: false } | Deed::See(None), Some(_)) => removed(),
            // What fits and changes nothing has been placed; this does not fit.
            (Deed::Clear { found: false } | Deed::See(None), None) | (Deed::See(Some(_)), _) => None,
        }
    }

    fn place(&mut self, step: usize, after: State, free: bool) {
        self.order.push(Placed { step, before: self.state, free });
        self.state = after;
        self.taken.add(step);
        self.chain.take(step);
        if let Deed::See(Some(row)) = self.track.steps[step].deed {
            self.readers[row] -= 1;
        }
    }

    /// Takes back the last choice and what followed from it. Returns where to
    /// choose next.
    fn retreat(&mut self) -> Option<Node> {
        while let Some(Placed { step, before, free }) = self.order.pop() {
            self.chain.put_back(step);
            self.taken.remove(step);
            self.state = before;
            if let Deed::See(Some(row)) = self.track.steps[step].deed {
                self.readers[row] += 1;
            }
            if !free {
                return Some(self.chain.after(Chain::call(step)));
            }
        }
        None
    }
}

/// One more open write is used, if one was begun in time.
fn spend(used: u32, open: &[Moment], first_answer: Option<Moment>) -> Option<u32> {
    let in_time = open.partition_point(|begun| first_answer.is_none_or(|answer| *begun < answer));
    ((used as usize) < in_time).then_some(used + 1)
}
