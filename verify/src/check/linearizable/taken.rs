//! Which steps are in the order: a set of small numbers that is filled from
//! below, and is remembered by the few words that are neither full nor empty.

/// A set of step numbers.
///
/// Invariant: all words below `full` are full, all from `top` on are empty.
pub(super) struct Taken {
    words: Vec<u64>,
    full: usize,
    top: usize,
}

impl Taken {
    /// Nothing of so many.
    pub fn none_of(steps: usize) -> Taken {
        Taken { words: vec![0; steps.div_ceil(64)], full: 0, top: 0 }
    }

    /// Adds a step.
    pub fn add(&mut self, step: usize) {
        let word = step / 64;
        self.words[word] |= 1 << (step % 64);
        self.top = self.top.max(word + 1);
        while self.words.get(self.full) == Some(&u64::MAX) {
            self.full += 1;
        }
    }

    /// Removes a step.
    pub fn remove(&mut self, step: usize) {
        let word = step / 64;
        self.words[word] &= !(1 << (step % 64));
        self.full = self.full.min(word);
        while self.top > self.full && self.words[self.top - 1] == 0 {
            self.top -= 1;
        }
    }

    /// The set as words: equal if and only if the sets are.
    pub fn words(&self) -> Box<[u64]> {
        let between = self.words.get(self.full..self.top).unwrap_or_default();
        [self.full as u64].iter().chain(between).copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn equal_sets_have_equal_words_and_no_others() {
        let mut taken = Taken::none_of(200);
        let mut model = BTreeSet::new();
        let mut seen = std::collections::BTreeMap::new();
        // Fill from below with gaps, empty from above, and again.
        let steps = (0..200).chain((0..200).rev()).chain((0..200).filter(|step| step % 3 != 0));
        for step in steps {
            if model.insert(step) {
                taken.add(step);
            } else {
                model.remove(&step);
                taken.remove(step);
            }
            let first = seen.entry(taken.words()).or_insert_with(|| model.clone());
            assert_eq!(*first, model);
        }
        assert!(seen.len() > 300, "{}", seen.len());
    }
}
