//! What became of a proposal that the library took.

use super::kind::Kind;
use openraft::raft::responder::Responder;
use tokio::sync::oneshot;

/// Is told once; dropped, nobody knows.
pub struct Fate<T>(oneshot::Sender<T>);

impl<T> Fate<T> {
    pub(crate) fn new() -> (Fate<T>, oneshot::Receiver<T>) {
        let (tell, told) = oneshot::channel();
        (Fate(tell), told)
    }
}

impl<T: Send + 'static> Responder<Kind, T> for Fate<T> {
    fn on_complete(self, result: T) {
        // Whoever asked may have gone.
        let _ = self.0.send(result);
    }
}
