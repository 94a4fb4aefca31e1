//! The way home: where an answer goes, carried inside the request.

use crate::mailbox::Permit;
use pipeline::Answer;
use std::fmt;
use std::sync::Arc;

/// Takes answers for whoever waits behind it: a connection, a test, a
/// simulated client. It is called once a round with everything the round has
/// for it, so that it wakes its owner once.
pub trait Outlet: Send + Sync {
    /// Takes the answers, each with the token it was asked under; leaves none.
    /// Must not block.
    fn deliver(&self, answers: &mut Vec<(u64, Answer)>);
}

/// Who waits for an answer.
pub struct ReplyTo {
    /// Where to.
    pub outlet: Arc<dyn Outlet>,
    /// Which of those behind it.
    pub token: u64,
    /// The room that the request takes until it is answered.
    pub permit: Permit,
}

impl fmt::Debug for ReplyTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReplyTo").field("token", &self.token).finish_non_exhaustive()
    }
}

/// Answers on their way out, sorted by outlet.
#[derive(Default)]
pub struct Outbox {
    /// Few outlets a round: looked through in the order of their first answer.
    by_outlet: Vec<Bundle>,
}

/// What one outlet gets.
type Bundle = (Arc<dyn Outlet>, Vec<(u64, Answer)>);

impl Outbox {
    /// Takes an answer; its room is free from here on.
    pub fn put(&mut self, to: ReplyTo, answer: Answer) {
        let known = self.by_outlet.iter_mut().rev().find(|(outlet, _)| Arc::ptr_eq(outlet, &to.outlet));
        match known {
            Some((_, answers)) => answers.push((to.token, answer)),
            None => self.by_outlet.push((to.outlet, vec![(to.token, answer)])),
        }
    }

    /// Hands every outlet its answers.
    pub fn send(&mut self) {
        for (outlet, mut answers) in self.by_outlet.drain(..) {
            outlet.deliver(&mut answers);
        }
    }
}
