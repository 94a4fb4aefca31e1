//! Where fibers wait.

use super::{HostId, registry};
use env::{Bell, Mono};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A bell of one host.
pub(super) struct FiberBell {
    host: HostId,
    waiting: Mutex<Vec<u64>>,
}

impl FiberBell {
    pub fn new(host: HostId) -> FiberBell {
        FiberBell { host, waiting: Mutex::default() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<u64>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bell for FiberBell {
    fn ring(&self) {
        let waiting = std::mem::take(&mut *self.waiting());
        waiting.into_iter().for_each(|fiber| registry::wake(self.host, fiber));
    }

    fn wait(&self, until: Option<Mono>) {
        let fiber = registry::running(self.host);
        self.waiting().push(fiber);
        registry::wait(self.host, fiber, until);
        self.waiting().retain(|waiting| *waiting != fiber);
    }
}
