//! What can be said of a choice before it is made. Each rule leaves out choices
//! without which there is an order if there is one with them.

use super::chain::Event;
use super::search::Search;
use super::track::{Deed, Moment, RowNumber};

/// A remove that found nothing.
const MISSED: Deed = Deed::Clear { found: false };

impl Search<'_> {
    /// A row that is set now can last until everybody has seen it: nothing else
    /// has to be placed before the last of them has begun.
    pub(super) fn can_last(&self, set: usize, row: RowNumber) -> bool {
        let until = self.track.readers[row].last_begun;
        let mut others = self.chain.left().filter_map(|event| match event {
            Event::Answer(step) if !self.belongs(step, set, row) => Some(self.track.steps[step].ended),
            _ => None,
        });
        others.next().is_none_or(|first| until < first)
    }

    /// The step sets or sees the row.
    fn belongs(&self, step: usize, set: usize, row: RowNumber) -> bool {
        step == set || self.track.steps[step].deed == Deed::See(Some(row))
    }

    /// Setting this row now forecloses nothing. There is a row, which everybody
    /// has seen. All who see the new one are there, so it can be given up at
    /// once. And nothing can make the row absent before this has to be placed,
    /// so that nobody misses it as the row that he found.
    pub(super) fn is_harmless(&self, set: usize, row: RowNumber) -> bool {
        self.state.row.is_some_and(|now| !self.is_awaited(now))
            && self.is_closed(row)
            && !self.may_be_absent_before_answer(set)
    }

    /// All who see the row can be placed now, right behind the one who sets it.
    fn is_closed(&self, row: RowNumber) -> bool {
        let first_answer = self.chain.first_answer(self.chain.first());
        first_answer.is_none_or(|answer| self.track.readers[row].last_begun < answer)
    }

    /// A step that leaves no row may come before a step has to be placed.
    fn may_be_absent_before_answer(&self, set: usize) -> bool {
        let ended = self.track.steps[set].ended;
        let begun_by_then = self.track.open_removes.partition_point(|begun| *begun < ended);
        let has_open = begun_by_then > self.state.used.removes as usize;
        let mut before = self.chain.left().take_while(|event| *event != Event::Answer(set));
        before.any(|event| match event {
            Event::Answer(_) | Event::End => false,
            Event::Call(step) => match self.track.steps[step].deed {
                Deed::Set(_) | Deed::See(Some(_)) => false,
                Deed::Clear { found: true } => true,
                Deed::Clear { found: false } | Deed::See(None) => has_open,
            },
        })
    }

    /// Another step that could be placed now does the same and has to be placed
    /// earlier. In an order that has this one here and the other later, the two
    /// can change places.
    pub(super) fn is_better_left(&self, step: usize) -> bool {
        let Some(due) = self.due(step) else { return false };
        let now = self.chain.left().map_while(|event| match event {
            Event::Call(other) => Some(other),
            Event::Answer(_) | Event::End => None,
        });
        let mut rivals = now.filter(|other| *other != step && self.does_the_same(*other, step));
        rivals.any(|other| self.due(other).is_some_and(|rival| (rival, other) < (due, step)))
    }

    /// Two steps that leave the same behind: a row that nobody awaits, or none.
    fn does_the_same(&self, one: usize, other: usize) -> bool {
        match (self.track.steps[one].deed, self.track.steps[other].deed) {
            (Deed::Set(_), Deed::Set(_)) => true,
            (one, other) if one == MISSED || one == Deed::See(None) => {
                other == MISSED || other == Deed::See(None)
            }
            (one, other) => one == other,
        }
    }

    /// When a step has to be placed, with all who have to follow it at once.
    /// None if it cannot change places with another.
    fn due(&self, step: usize) -> Option<Moment> {
        let ended = self.track.steps[step].ended;
        match self.track.steps[step].deed {
            Deed::Set(row) => {
                let first_read = self.track.readers[row].first_ended.unwrap_or(ended);
                self.is_closed(row).then_some(ended.min(first_read))
            }
            Deed::Clear { .. } | Deed::See(None) => Some(ended),
            Deed::See(Some(_)) => None,
        }
    }
}
