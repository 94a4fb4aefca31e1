//! A bounded pool of threads for work that waits for a disk. Who serves
//! connections hands such work over here and never waits itself.

use env::channel::TrySendError;
use env::{Env, Joiner, Receiver, Sender};
use model::code;
use std::io;
use std::sync::Mutex;

/// Work for a thread that may wait.
pub type Job = Box<dyn FnOnce() + Send>;

/// The pool is full: too much waits already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too much waits for a disk already")]
pub struct Busy;

/// Threads that may wait. Dropping it finishes what waits and ends them.
pub struct Pool {
    jobs: Option<Sender<Job>>,
    threads: Mutex<Vec<Box<dyn Joiner>>>,
}

impl Pool {
    /// So many threads, and room for so many jobs before them.
    pub fn start(env: &Env, name: &str, threads: usize, room: usize) -> io::Result<Pool> {
        let (jobs, waiting): (Sender<Job>, Receiver<Job>) = env.channel(room);
        let start = |number| {
            let waiting = waiting.clone();
            let run = move || waiting.iter().for_each(|job| job());
            // A job that panics may leave half a change behind.
            env.vital_thread(&format!("{name}-{number}"), code::INTERNAL, run)
        };
        let threads = (0..threads.max(1)).map(start).collect::<io::Result<Vec<_>>>()?;
        Ok(Pool { jobs: Some(jobs), threads: Mutex::new(threads) })
    }

    /// Hands a job over, or says at once that there is no room for it.
    pub fn offer(&self, job: impl FnOnce() + Send + 'static) -> Result<(), Busy> {
        self.hand_over(Box::new(job)).map_err(|_| Busy)
    }

    /// The same; what there is no room for comes back.
    pub fn hand_over(&self, job: Job) -> Result<(), Job> {
        let Some(jobs) = &self.jobs else { return Err(job) };
        jobs.try_send(job).map_err(|refused| match refused {
            TrySendError::Full(job) | TrySendError::Disconnected(job) => job,
        })
    }

    /// Jobs that wait.
    pub fn waiting(&self) -> usize {
        self.jobs.as_ref().map_or(0, Sender::len)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        let threads = self.threads.get_mut().map(std::mem::take).unwrap_or_default();
        for thread in threads {
            // A panic there has already been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_at_once_and_what_fits_is_done() {
        let env = env::real::env().expect("an environment");
        let pool = Pool::start(&env, "test", 1, 1).expect("started");
        let (hold, held) = env.channel::<()>(0);
        let (done, results) = env.channel(2);
        let first = done.clone();
        let busy = move || {
            // Ends when the test lets go.
            let _ = held.recv();
            let _ = first.send(1);
        };
        assert_eq!(pool.offer(busy), Ok(()));
        // The thread has the first job in hand once there is room for another.
        let mut second = done.clone();
        while let Err(Busy) = pool.offer({
            let second = second.clone();
            move || {
                let _ = second.send(2);
            }
        }) {
            second = done.clone();
        }
        assert_eq!(pool.offer(|| ()), Err(Busy));
        drop(hold);
        drop(pool);
        assert_eq!(results.try_iter().collect::<Vec<_>>(), [1, 2]);
    }
}
