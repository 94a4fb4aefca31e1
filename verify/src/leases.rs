//! Leases under a checker that knows only what holders were told: tokens rise, each
//! is one holder's, and what one surely holds nobody else gets.

use std::collections::BTreeMap;

/// Which lease.
pub type LeaseKey = u64;

/// What is known of all leases.
#[derive(Debug, Default)]
pub struct LeaseBook {
    known: BTreeMap<LeaseKey, Known>,
    violations: Vec<String>,
}

/// What is known of one.
#[derive(Clone, Debug, Default)]
struct Known {
    /// Whose each token is.
    holders: BTreeMap<u64, String>,
    /// Who holds it, whatever passes short of years.
    sure: Option<(String, u64)>,
}

impl Known {
    fn last(&self) -> u64 {
        self.holders.last_key_value().map_or(0, |(token, _)| *token)
    }
}

/// What was known when a request was made.
#[derive(Clone, Debug)]
pub struct Asked {
    key: LeaseKey,
    last: u64,
    sure: Option<(String, u64)>,
}

impl LeaseBook {
    /// Somebody is about to ask for something.
    pub fn asks(&mut self, key: LeaseKey) -> Asked {
        let known = self.known.entry(key).or_default();
        Asked { key, last: known.last(), sure: known.sure.clone() }
    }

    /// What this holder has is about to be given back, or held for a short time only:
    /// from now on it is not its for sure.
    pub fn lets_go(&mut self, key: LeaseKey, holder: &str) {
        let known = self.known.entry(key).or_default();
        known.sure = known.sure.take().filter(|(of, _)| of != holder);
    }

    /// The holder was told that it has the lease, and asked for so much that it has
    /// it for sure, or not.
    pub fn has(&mut self, asked: &Asked, holder: &str, token: u64, for_sure: bool) {
        let Asked { key, last, sure } = asked;
        let known = self.known.entry(*key).or_default();
        let mut wrong = Vec::new();
        if token < *last {
            wrong.push(format!("`{holder}` has token {token}, and {last} was given before it asked"));
        }
        if let Some(other) = known.holders.get(&token).filter(|other| *other != holder) {
            wrong.push(format!("`{holder}` has token {token}, which is `{other}`'s"));
        }
        let other = sure.as_ref().filter(|sure| known.sure.as_ref() == Some(*sure) && sure.0 != holder);
        if let Some((other, of)) = other {
            wrong.push(format!("`{holder}` has token {token}, and `{other}` holds it for sure under {of}"));
        }
        self.violations.extend(wrong.into_iter().map(|what| format!("lease {key}: {what}")));
        known.holders.insert(token, holder.to_owned());
        if for_sure && token == known.last() {
            known.sure = Some((holder.to_owned(), token));
        }
    }

    /// How many tokens have been given out.
    pub fn tokens(&self) -> usize {
        self.known.values().map(|known| known.holders.len()).sum()
    }

    /// What cannot be, in words.
    pub fn violations(&self) -> &[String] {
        &self.violations
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens, in order: who asks and is answered at once.
    enum Step {
        Has(&'static str, u64, bool),
        LetsGo(&'static str),
    }
    use Step::{Has, LetsGo};

    #[test]
    fn what_cannot_be_is_told() {
        let rows: [(&[Step], &str); 8] = [
            (&[Has("a", 1, false), Has("b", 2, false), Has("b", 2, true)], ""),
            (&[Has("a", 1, true), LetsGo("a"), Has("b", 2, true)], ""),
            (&[Has("a", 1, true), Has("a", 1, true), LetsGo("c"), LetsGo("a"), Has("b", 3, false)], ""),
            (&[Has("a", 2, false), Has("b", 1, false)], "token 1, and 2 was given"),
            (&[Has("a", 1, false), Has("b", 2, false), Has("a", 1, false)], "token 1, and 2 was given"),
            (&[Has("a", 1, false), Has("b", 1, false)], "which is `a`'s"),
            (&[Has("a", 1, true), Has("b", 2, false)], "holds it for sure under 1"),
            (&[Has("a", 1, true), LetsGo("b"), Has("b", 2, false)], "holds it for sure under 1"),
        ];
        for (number, (steps, expected)) in rows.into_iter().enumerate() {
            let mut book = LeaseBook::default();
            for step in steps {
                match step {
                    Has(holder, token, for_sure) => {
                        let asked = book.asks(1);
                        book.has(&asked, holder, *token, *for_sure);
                    }
                    LetsGo(holder) => book.lets_go(1, holder),
                }
            }
            let told = book.violations().join("; ");
            assert!(told.is_empty() == expected.is_empty() && told.contains(expected), "{number}: {told}");
        }
    }

    #[test]
    fn who_asks_while_it_changes_hands_is_not_accused() {
        let mut book = LeaseBook::default();
        let first = book.asks(1);
        book.has(&first, "a", 1, true);
        let [early, late] = [book.asks(1), book.asks(1)];
        book.lets_go(1, "a");
        book.has(&early, "b", 2, true);
        book.has(&late, "c", 3, true);
        assert_eq!((book.violations(), book.tokens()), (&[][..], 3));
        // Its answer was long on its way.
        book.has(&early, "a", 1, true);
        assert_eq!(book.violations(), [""; 0]);
    }
}
