//! Many items as few requests, one after the other.

use crate::error::Error;
use model::code;

/// Cuts items into runs of at most so many, and so many bytes. One that is longer
/// alone has a part of its own, which the server refuses by name.
pub(crate) fn into_parts<T>(
    items: impl Iterator<Item = (usize, T)>,
    items_max: usize,
    bytes_max: usize,
) -> Vec<Vec<T>> {
    let mut parts = Vec::new();
    let (mut part, mut bytes) = (Vec::new(), 0);
    for (size, item) in items {
        if !part.is_empty() && (bytes + size > bytes_max || part.len() == items_max) {
            parts.push(std::mem::take(&mut part));
            bytes = 0;
        }
        bytes += size;
        part.push(item);
    }
    if !part.is_empty() {
        parts.push(part);
    }
    parts
}

/// The results of all parts. After one that failed none is sent: a part that is
/// still under way somewhere could be overtaken by one that came after it.
#[derive(Debug)]
pub(crate) struct Results<T> {
    results: Vec<Result<T, Error>>,
    failed: Option<Error>,
}

impl<T> Default for Results<T> {
    fn default() -> Results<T> {
        Results { results: Vec::new(), failed: None }
    }
}

impl<T> Results<T> {
    /// May the next part, of so many items, be sent? If not, its items are told.
    pub fn go_on(&mut self, items: usize) -> bool {
        let Some(failed) = &self.failed else { return true };
        let not_sent =
            Error::new(code::NOT_SENT, format!("not sent, because one before it failed: {failed}"));
        self.all(items, &not_sent);
        false
    }

    /// What became of a part of so many items.
    pub fn add(&mut self, items: usize, part: Result<Vec<Result<T, Error>>, Error>) {
        match part {
            Ok(part) => self.results.extend(part),
            Err(error) => {
                self.all(items, &error);
                self.failed = Some(error);
            }
        }
    }

    pub fn into_vec(self) -> Vec<Result<T, Error>> {
        self.results
    }

    fn all(&mut self, items: usize, error: &Error) {
        self.results.extend(std::iter::repeat_with(|| Err(error.clone())).take(items));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_as_long_as_they_may_be_and_keep_the_order() {
        let rows: [(&[usize], &[&[usize]]); 6] = [
            (&[], &[]),
            (&[3, 4, 3], &[&[3, 4, 3]]),
            (&[3, 4, 4], &[&[3, 4], &[4]]),
            (&[11, 1], &[&[11], &[1]]),
            (&[1, 11, 10, 1], &[&[1], &[11], &[10], &[1]]),
            (&[1, 1, 1, 1, 1, 1], &[&[1, 1, 1, 1], &[1, 1]]),
        ];
        for (sizes, expected) in rows {
            let parts = into_parts(sizes.iter().map(|size| (*size, *size)), 4, 10);
            assert_eq!(parts, expected, "{sizes:?}");
        }
    }
}
