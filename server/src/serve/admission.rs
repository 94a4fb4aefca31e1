//! Who gets in: so many connections in all, and so many of one address.

use crate::config::Connections;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts connections of one listener.
pub struct Admission {
    max: usize,
    per_address_max: usize,
    inside: Mutex<Inside>,
}

#[derive(Default)]
struct Inside {
    all: usize,
    by_address: BTreeMap<IpAddr, usize>,
}

impl Admission {
    /// So many.
    pub fn new(max: usize, per_address_max: usize) -> Arc<Admission> {
        Arc::new(Admission { max, per_address_max, inside: Mutex::default() })
    }

    /// As many as are set.
    pub fn of(bounds: &Connections) -> Arc<Admission> {
        Admission::new(bounds.max, bounds.per_address_max)
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection, until it is dropped.
    pub fn admit(self: &Arc<Admission>, address: IpAddr) -> Option<Admitted> {
        let mut inside = self.inside();
        let of_address = inside.by_address.get(&address).copied().unwrap_or_default();
        if inside.all >= self.max || of_address >= self.per_address_max {
            return None;
        }
        inside.all += 1;
        inside.by_address.insert(address, of_address + 1);
        Some(Admitted { admission: self.clone(), address })
    }

    /// Connections that are open.
    pub fn open(&self) -> usize {
        self.inside().all
    }
}

/// A place, given back when dropped.
pub struct Admitted {
    admission: Arc<Admission>,
    address: IpAddr,
}

impl Drop for Admitted {
    fn drop(&mut self) {
        let mut inside = self.admission.inside();
        inside.all -= 1;
        if let Some(count) = inside.by_address.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                inside.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_in_all_and_by_address_and_given_back() {
        let admission = Admission::new(3, 2);
        let [one, two]: [IpAddr; 2] = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().expect("an address"));
        let first = admission.admit(one).expect("room");
        let second = admission.admit(one).expect("room");
        assert!(admission.admit(one).is_none(), "as many as one address may have");
        let third = admission.admit(two).expect("room");
        assert!(admission.admit(two).is_none(), "as many as there may be");
        assert_eq!(admission.open(), 3);
        drop(second);
        assert!(admission.admit(one).is_some());
        drop((first, third));
        assert_eq!(admission.open(), 0);
        assert!(admission.inside().by_address.is_empty(), "nothing is kept of who has left");
    }
}
