//! The events of the operations that are not in the order yet: a list in the
//! order of time, from which an operation is taken and put back in constant
//! time.

use super::track::{Moment, Step};

/// A place in the list.
pub(super) type Node = usize;

/// Two events for each step, its call and its answer, linked both ways.
///
/// Invariant: what was taken last is put back first; then each event still
/// knows its neighbours.
pub(super) struct Chain {
    next: Vec<Node>,
    before: Vec<Node>,
    moments: Vec<Moment>,
}

/// What stands at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The call of a step.
    Call(usize),
    /// The answer to a step.
    Answer(usize),
    /// Nothing is left.
    End,
}

impl Chain {
    /// All events of these steps.
    pub fn new(steps: &[Step]) -> Chain {
        let moments: Vec<Moment> = steps.iter().flat_map(|step| [step.begun, step.ended]).collect();
        let mut order: Vec<Node> = (0..moments.len()).collect();
        // Items of one request are begun together: their numbers decide.
        order.sort_by_key(|node| (moments[*node], *node));
        let end = moments.len();
        let mut chain = Chain { next: vec![end; end + 1], before: vec![end; end + 1], moments };
        let mut last = end;
        for node in order {
            chain.join(last, node);
            last = node;
        }
        chain.join(last, end);
        chain
    }

    /// The first event that is left.
    pub fn first(&self) -> Node {
        self.next[self.end()]
    }

    /// The event behind another.
    pub fn after(&self, node: Node) -> Node {
        self.next[node]
    }

    /// What stands there.
    pub fn event(&self, node: Node) -> Event {
        match node {
            node if node == self.end() => Event::End,
            node if node.is_multiple_of(2) => Event::Call(node / 2),
            _ => Event::Answer(node / 2),
        }
    }

    /// The place of a step's call.
    pub fn call(step: usize) -> Node {
        2 * step
    }

    /// When the first answer at or behind a place was heard. What was begun
    /// before that may be next in the order.
    pub fn first_answer(&self, mut node: Node) -> Option<Moment> {
        while let Event::Call(_) = self.event(node) {
            node = self.next[node];
        }
        self.moments.get(node).copied()
    }

    /// Takes a step's events out.
    pub fn take(&mut self, step: usize) {
        for node in [2 * step, 2 * step + 1] {
            self.join(self.before[node], self.next[node]);
        }
    }

    /// The events that are left, from the first on.
    pub fn left(&self) -> impl Iterator<Item = Event> {
        let mut node = self.first();
        std::iter::from_fn(move || {
            let event = self.event(node);
            node = self.next[node];
            (event != Event::End).then_some(event)
        })
    }

    /// Puts the step back that was taken last.
    pub fn put_back(&mut self, step: usize) {
        for node in [2 * step + 1, 2 * step] {
            let (before, next) = (self.before[node], self.next[node]);
            (self.next[before], self.before[next]) = (node, node);
        }
    }

    /// The place that is before the first and behind the last.
    fn end(&self) -> Node {
        self.moments.len()
    }

    fn join(&mut self, before: Node, next: Node) {
        self.next[before] = next;
        self.before[next] = before;
    }
}
