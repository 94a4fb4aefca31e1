//! A lock that is held while others are waited for: one control call at a time,
//! which waits for the log. In simulation whoever wants it waits at a bell.

use crate::Env;
use crate::spawn::{Bell, Leaving};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

/// Guards a value. A panic of a holder is not passed on: what is guarded must
/// be whole at any moment.
pub struct Lock<T> {
    mutex: Mutex<T>,
    bell: Option<Arc<dyn Bell>>,
}

/// The value, until this is dropped.
pub struct Guard<'a, T> {
    // Dropped in this order.
    value: MutexGuard<'a, T>,
    _bell: Leaving,
}

impl Env {
    /// A lock around a value.
    pub fn lock<T>(&self, value: T) -> Lock<T> {
        Lock { mutex: Mutex::new(value), bell: self.spawn.bell() }
    }
}

impl<T> Lock<T> {
    /// Waits for the value.
    pub fn hold(&self) -> Guard<'_, T> {
        let value = match &self.bell {
            None => self.mutex.lock().unwrap_or_else(PoisonError::into_inner),
            Some(bell) => loop {
                match self.mutex.try_lock() {
                    Ok(value) => break value,
                    Err(TryLockError::Poisoned(poisoned)) => break poisoned.into_inner(),
                    Err(TryLockError::WouldBlock) => bell.wait(None),
                }
            },
        };
        Guard { value, _bell: Leaving(self.bell.clone()) }
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
