//! Waiting for a task.

use async_task::{FallibleTask, Task};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A task's outcome, when it has one. Dropped, the task goes on.
pub struct Joined<T>(Option<FallibleTask<T>>);

/// The task ended without an outcome: its executor is gone.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the task's executor has ended")]
pub struct Cancelled;

impl<T> Joined<T> {
    pub(super) fn of(task: Task<T>) -> Joined<T> {
        Joined(Some(task.fallible()))
    }
}

impl<T> Future for Joined<T> {
    type Output = Result<T, Cancelled>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(task) = &mut self.0 else { return Poll::Ready(Err(Cancelled)) };
        Pin::new(task).poll(context).map(|outcome| outcome.ok_or(Cancelled))
    }
}

impl<T> Drop for Joined<T> {
    fn drop(&mut self) {
        if let Some(task) = self.0.take() {
            task.detach();
        }
    }
}
