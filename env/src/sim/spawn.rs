//! Threads that run when the simulated world says so.

use crate::spawn::{Joiner, Spawn};
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

type Body = Box<dyn FnOnce() + Send>;

/// Keeps what was spawned until [`InlineThreads::run_next`] runs it, on the
/// caller's thread, in the order of spawning.
#[derive(Clone, Default)]
pub struct InlineThreads {
    waiting: Arc<Mutex<VecDeque<Body>>>,
}

impl InlineThreads {
    /// Runs the body that has waited longest; false when none waits.
    pub fn run_next(&self) -> bool {
        let body = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let found = body.is_some();
        if let Some(body) = body {
            body();
        }
        found
    }
}

impl Spawn for InlineThreads {
    fn thread(&self, _name: &str, body: Body) -> io::Result<Box<dyn Joiner>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push_back(body);
        Ok(Box::new(RunAll(self.clone())))
    }
}

/// Joining in one thread means: run what waits.
struct RunAll(InlineThreads);

impl Joiner for RunAll {
    fn join(self: Box<Self>) -> std::thread::Result<()> {
        while self.0.run_next() {}
        Ok(())
    }
}
