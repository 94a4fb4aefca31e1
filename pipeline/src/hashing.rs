//! The state hash: a rolling hash of every change, in the order of indexes. Two
//! replicas that say the same at an index have made the same changes up to it.

use model::Mutation;
use xxhash_rust::xxh3::Xxh3;

/// The changes of one record, on their way into the hash.
pub(crate) struct Hashing {
    hasher: Xxh3,
}

impl Hashing {
    /// Behind what was hashed before.
    pub fn after(hash: u64) -> Hashing {
        Hashing { hasher: Xxh3::with_seed(hash) }
    }

    /// One more change.
    pub fn add(&mut self, mutation: &Mutation) {
        let (key, value) = match mutation {
            Mutation::Put { key, value } => (key, Some(value)),
            Mutation::Delete { key } => (key, None),
        };
        // Lengths keep apart what would run together.
        let value_head = value.map_or(u64::MAX, |value| value.len() as u64);
        self.hasher.update(&(key.len() as u64).to_le_bytes());
        self.hasher.update(&value_head.to_le_bytes());
        self.hasher.update(key);
        self.hasher.update(value.map_or(&[], |value| &value[..]));
    }

    /// With the record's changes.
    pub fn finish(self) -> u64 {
        self.hasher.digest()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(after: u64, mutations: &[Mutation]) -> u64 {
        let mut hash = Hashing::after(after);
        mutations.iter().for_each(|mutation| hash.add(mutation));
        hash.finish()
    }

    #[test]
    fn every_change_shows_and_so_does_their_order() {
        let (put, delete) = (Mutation::put("a", "1"), Mutation::delete("a"));
        let histories = [
            hash(0, &[]),
            hash(1, &[]),
            hash(0, std::slice::from_ref(&put)),
            hash(0, &[Mutation::put("a1", "")]),
            hash(0, std::slice::from_ref(&delete)),
            hash(0, &[Mutation::put("a", "")]),
            hash(0, &[put.clone(), delete.clone()]),
            hash(0, &[delete, put.clone()]),
        ];
        let differ: std::collections::BTreeSet<u64> = histories.into_iter().collect();
        assert_eq!(differ.len(), histories.len());
        let one = std::slice::from_ref(&put);
        assert_eq!(hash(7, one), hash(7, one));
    }
}
