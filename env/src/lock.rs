//! A lock that may be held while a disk or another thread is waited for.
//!
//! In simulation all threads of a host share one real thread, which must not
//! block: whoever finds the lock taken waits at a bell. A lock that is never
//! held across a wait needs none of this, and is a plain `Mutex`.

use crate::spawn::Bell;
use std::cell::RefCell;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

thread_local! {
    /// Where the simulated thread that runs now waits for locks.
    static PLACE: RefCell<Option<Arc<dyn Bell>>> = const { RefCell::new(None) };
}

/// Whoever runs on this real thread waits for locks there; `None` is the
/// operating system. For the simulated world alone.
pub fn wait_at(place: Option<Arc<dyn Bell>>) {
    PLACE.set(place);
}

fn place() -> Option<Arc<dyn Bell>> {
    PLACE.with_borrow(Option::clone)
}

/// Guards a value. A panic of a holder is not passed on: what is guarded must
/// be whole at any moment.
#[derive(Debug, Default)]
pub struct Lock<T>(Mutex<T>);

/// The value, until this is dropped.
pub struct Guard<'a, T> {
    // Dropped in this order: the lock is free when the bell rings.
    value: MutexGuard<'a, T>,
    _freed: Freed,
}

struct Freed;

impl Drop for Freed {
    fn drop(&mut self) {
        if let Some(place) = place() {
            place.ring();
        }
    }
}

impl<T> Lock<T> {
    /// A lock around a value.
    pub const fn new(value: T) -> Lock<T> {
        Lock(Mutex::new(value))
    }

    /// Waits for the value.
    pub fn hold(&self) -> Guard<'_, T> {
        let value = loop {
            match self.0.try_lock() {
                Ok(value) => break value,
                Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => match place() {
                    Some(place) => place.wait(None),
                    None => break self.0.lock().unwrap_or_else(PoisonError::into_inner),
                },
            }
        };
        Guard { value, _freed: Freed }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}
