//! One coroutine: where safe code ends.
#![allow(unsafe_code, reason = "a running coroutine is reached from the depth of production code")]

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use std::cell::Cell;
use std::ptr;

/// Production threads have 2 MiB; deep recursion is none of ours.
const STACK_BYTES: usize = 512 << 10;

thread_local! {
    /// Of the coroutine that runs now; null when none does.
    static RUNNING: Cell<*const Yielder<(), ()>> = const { Cell::new(ptr::null()) };
}

/// A body that can be suspended.
pub(super) struct Stack(Coroutine<(), (), ()>);

impl Stack {
    /// Nothing of it runs before it is resumed.
    pub fn new(body: impl FnOnce() + 'static) -> std::io::Result<Stack> {
        let stack = DefaultStack::new(STACK_BYTES)?;
        let run = move |yielder: &Yielder<(), ()>, ()| {
            RUNNING.set(yielder);
            body();
        };
        Ok(Stack(Coroutine::with_stack(stack, run)))
    }

    /// Runs it until it suspends itself (false) or ends (true).
    pub fn resume(&mut self) -> bool {
        let before = RUNNING.replace(ptr::null());
        assert!(before.is_null(), "a fiber resumes another");
        // Also when a panic comes out of it.
        let _ended = Ended;
        let result = self.0.resume(());
        matches!(result, CoroutineResult::Return(()))
    }
}

/// None runs any more, when this is dropped.
struct Ended;

impl Drop for Ended {
    fn drop(&mut self) {
        RUNNING.set(ptr::null());
    }
}

/// Is a coroutine running?
pub(super) fn is_running() -> bool {
    !RUNNING.get().is_null()
}

/// Lets go of the real thread until the coroutine that runs is resumed.
pub(super) fn suspend() {
    let yielder = RUNNING.get();
    assert!(!yielder.is_null(), "only a thread waits; this is a task, or the world itself");
    // SAFETY: the yielder lives at the bottom of the running coroutine's stack,
    // which outlives everything on it. The pointer is set when the coroutine
    // starts and below when it goes on, and is null whenever none runs: it
    // cannot be that of another.
    unsafe { (*yielder).suspend(()) };
    RUNNING.set(yielder);
}
