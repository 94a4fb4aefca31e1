//! The search for an order: depth first, with a memory of where it has been.

use super::chain::{Chain, Event, Node};
use super::taken::Taken;
use super::track::{Deed, Moment, Step, Track};
use std::collections::BTreeSet;

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

/// The row, and how many open writes were used to explain answers so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct State {
    row: Option<u64>,
    open_puts: u32,
    open_removes: u32,
}

/// A step in the order, and what was before it.
struct Placed {
    step: usize,
    before: State,
    /// It changes nothing, so that it was no choice: whatever follows can
    /// follow it just as well.
    free: bool,
}

/// A search under way.
pub(super) struct Search<'a> {
    track: &'a Track,
    chain: Chain,
    state: State,
    taken: Taken,
    order: Vec<Placed>,
    /// The sets of steps and states that have been entered. All of each is
    /// kept, not a hash: a collision would be a wrong verdict.
    entered: BTreeSet<Box<[u64]>>,
}

impl<'a> Search<'a> {
    /// A search for an order of these operations.
    pub fn new(track: &'a Track) -> Search<'a> {
        Search {
            track,
            chain: Chain::new(&track.steps),
            state: State::default(),
            taken: Taken::none_of(track.steps.len()),
            order: Vec::with_capacity(track.steps.len()),
            entered: BTreeSet::new(),
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
                    if self.entered.len() > states_max {
                        return Found::TooMuch;
                    }
                    node = self.settle();
                }
                Event::Call(_) => node = self.chain.after(node),
                // Its step should have been placed before this: another choice.
                Event::Answer => match self.retreat() {
                    Some(next) => node = next,
                    None => return Found::None,
                },
            }
        }
    }

    /// Places every step that fits and changes nothing. Returns where to choose
    /// next: at the first event that is left.
    fn settle(&mut self) -> Node {
        let mut node = self.chain.first();
        while let Event::Call(step) = self.chain.event(node) {
            let next = self.chain.after(node);
            if self.is_free(&self.track.steps[step]) {
                self.place(step, self.state, true);
                // Its answer may have been the next event.
                node = if next == Chain::call(step) + 1 { self.chain.after(next) } else { next };
            } else {
                node = next;
            }
        }
        self.chain.first()
    }

    fn is_free(&self, step: &Step) -> bool {
        match step.deed {
            Deed::Set(_) => false,
            Deed::Clear { found } => !found && self.state.row.is_none(),
            Deed::See(row) => row == self.state.row,
        }
    }

    /// Places a step, if its answer can be right and this is new.
    fn enter(&mut self, step: usize, node: Node) -> bool {
        let Some(state) = self.after(&self.track.steps[step], node) else { return false };
        self.taken.add(step);
        let is_new = self.entered.insert(self.taken.with(state.words()));
        self.taken.remove(step);
        if is_new {
            self.place(step, state, false);
        }
        is_new
    }

    /// The state after a step, if its answer can be right.
    fn after(&self, step: &Step, node: Node) -> Option<State> {
        let state = self.state;
        let removed = || {
            let used = spend(state.open_removes, &self.track.open_removes, self.chain.first_answer(node))?;
            Some(State { row: None, open_removes: used, ..state })
        };
        match (step.deed, state.row) {
            (Deed::Set(value), _) => Some(State { row: Some(value), ..state }),
            (Deed::Clear { found: true }, Some(_)) => Some(State { row: None, ..state }),
            (Deed::Clear { found: true }, None) => {
                let used = spend(state.open_puts, &self.track.open_puts, self.chain.first_answer(node))?;
                Some(State { open_puts: used, ..state })
            }
            (Deed::Clear { found: false } | Deed::See(None), Some(_)) => removed(),
            (Deed::Clear { found: false } | Deed::See(None), None) => Some(state),
            (Deed::See(Some(value)), row) => (row == Some(value)).then_some(state),
        }
    }

    fn place(&mut self, step: usize, after: State, free: bool) {
        self.order.push(Placed { step, before: self.state, free });
        self.state = after;
        self.taken.add(step);
        self.chain.take(step);
    }

    /// Takes back the last choice and what followed from it. Returns where to
    /// choose next.
    fn retreat(&mut self) -> Option<Node> {
        while let Some(Placed { step, before, free }) = self.order.pop() {
            self.chain.put_back(step);
            self.taken.remove(step);
            self.state = before;
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

impl State {
    /// Itself as words.
    fn words(self) -> [u64; 2] {
        let used = u64::from(self.open_puts) << 32 | u64::from(self.open_removes) << 1;
        [self.row.unwrap_or(0), used | u64::from(self.row.is_some())]
    }
}
