//! The log's threads: one that writes, one that lays out spares.
//!
//! The writer's thread takes whatever waits, makes one step of it, and answers.
//! It never lingers: the wait is the previous sync. Everything it knows is in
//! [`Writer`]; this file only moves submissions in and answers out.

use crate::error::LogError;
use crate::spare::{Spare, SpareJob, Urgency};
use crate::writer::{Append, Synced, Writer};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};
use env::{Clock, Env, Fatal, Joiner, Mono};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Called once, when the submission's batch is as durable as the policy says,
/// or was refused. It runs on the writer's thread and must not block it.
pub type Answer = Box<dyn FnOnce(Result<Synced, Arc<LogError>>) + Send>;

/// Records that go into one batch together.
pub struct Submission {
    /// The records.
    pub appends: Vec<Append>,
    /// May they use the reserve on a full disk?
    pub urgency: Urgency,
    /// Who waits.
    pub answer: Answer,
}

enum Job {
    Append(Submission),
    /// Tell the writer something between two batches.
    Call(Box<dyn FnOnce(&mut Writer) + Send>),
    Spare(Option<Spare>),
    Close,
}

/// A log with its threads running. Dropping it ends them in order: what was
/// submitted is written, synced and marked first.
pub struct Log {
    jobs: Sender<Job>,
    queued: Arc<AtomicU64>,
    record_bytes_max: usize,
    threads: Vec<Box<dyn Joiner>>,
}

impl Log {
    /// Starts the threads.
    pub fn start(env: &Env, writer: Writer) -> std::io::Result<Log> {
        let limits = &writer.config.limits;
        let (record_bytes_max, batch_bytes_max) = (limits.log_record_bytes_max, limits.log_batch_bytes_max);
        let (jobs, inbox) = bounded(limits.log_queue_max);
        let (spare_jobs, spare_inbox) = bounded::<SpareJob>(1);
        let queued = Arc::new(AtomicU64::new(0));
        let driver = Driver {
            writer,
            inbox,
            spare_jobs,
            clock: env.clock.clone(),
            fatal: env.fatal.clone(),
            batch_bytes_max,
            answers: Vec::new(),
            appends: Vec::new(),
        };
        let (files, back) = (env.files.clone(), jobs.clone());
        let lay_out = move || {
            for job in spare_inbox {
                let spare = job.run(&*files).inspect_err(|error| {
                    tracing::warn!(code = %error.code(), %error, "no spare segment could be laid out");
                });
                if back.send(Job::Spare(spare.ok())).is_err() {
                    return;
                }
            }
        };
        let threads = vec![
            env.spawn.thread("log-writer", Box::new(move || driver.run()))?,
            env.spawn.thread("log-spares", Box::new(lay_out))?,
        ];
        Ok(Log { jobs, queued, record_bytes_max, threads })
    }

    /// Queues records for the next batch; blocks only while the queue is full.
    /// A record above the limit is refused here, before it is queued.
    pub fn submit(&self, submission: Submission) -> Result<(), LogError> {
        for append in &submission.appends {
            let bytes = crate::frame::bytes(&append.record);
            if bytes > self.record_bytes_max {
                return Err(LogError::TooLong { bytes, bytes_max: self.record_bytes_max });
            }
        }
        self.queued.fetch_add(1, Ordering::Relaxed);
        self.jobs.send(Job::Append(submission)).map_err(|_| LogError::Closed)
    }

    /// Runs `call` on the writer between two batches: a release, a reader.
    pub fn call(&self, call: impl FnOnce(&mut Writer) + Send + 'static) -> Result<(), LogError> {
        self.jobs.send(Job::Call(Box::new(call))).map_err(|_| LogError::Closed)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.jobs.send(Job::Close);
        for thread in self.threads.drain(..) {
            // A panic there has already ended the process or been reported.
            let _ = thread.join();
        }
    }
}

struct Driver {
    writer: Writer,
    inbox: Receiver<Job>,
    spare_jobs: Sender<SpareJob>,
    clock: Arc<dyn Clock>,
    fatal: Arc<dyn Fatal>,
    batch_bytes_max: usize,
    /// Of the batch being gathered.
    answers: Vec<(Answer, usize, Urgency)>,
    appends: Vec<Append>,
}

impl Driver {
    fn run(mut self) {
        loop {
            self.want_spares();
            let Some(job) = self.wait() else { continue };
            if !self.gather(job) {
                break;
            }
        }
        let now = self.clock.mono();
        let finished = self.writer.finish(now);
        self.end_if_broken(finished.map(|_| ()));
    }

    /// The next job, or `None` when idle work was due instead.
    fn wait(&mut self) -> Option<Job> {
        let job = match self.writer.deadline() {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.inbox.recv_timeout(until(self.clock.mono(), deadline)),
        };
        match job {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Disconnected) => Some(Job::Close),
            Err(RecvTimeoutError::Timeout) => {
                let now = self.clock.mono();
                let idle = self.writer.idle(now);
                self.end_if_broken(idle.map(|_| ()));
                None
            }
        }
    }

    /// Takes the job and what waits behind it; false when the log closes.
    fn gather(&mut self, first: Job) -> bool {
        let mut next = Some(first);
        let mut bytes = 0;
        while let Some(job) = next {
            match job {
                Job::Append(Submission { appends, urgency, answer }) => {
                    bytes += appends.iter().map(|a| crate::frame::bytes(&a.record)).sum::<usize>();
                    self.answers.push((answer, appends.len(), urgency));
                    self.appends.extend(appends);
                }
                Job::Call(call) => {
                    // What was submitted before the call is written before it.
                    self.step();
                    call(&mut self.writer);
                    bytes = 0;
                }
                Job::Spare(spare) => self.writer.spare_ready(spare),
                Job::Close => {
                    self.step();
                    return false;
                }
            }
            next = if bytes < self.batch_bytes_max { self.inbox.try_recv().ok() } else { None };
        }
        self.step();
        true
    }

    /// One batch of what was gathered, and the answers.
    fn step(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let now = self.clock.mono();
        let (appends, answers) = (std::mem::take(&mut self.appends), std::mem::take(&mut self.answers));
        match self.writer.step(now, &appends, Urgency::Normal) {
            Ok(synced) => answers.into_iter().for_each(|(answer, ..)| answer(Ok(synced))),
            Err(full @ LogError::Full { .. }) => self.step_urgent(now, appends, answers, full),
            Err(error) => self.end(&error),
        }
        self.release(now);
    }

    /// The disk is full: what must not be stopped goes on, the rest is refused.
    fn step_urgent(
        &mut self,
        now: Mono,
        appends: Vec<Append>,
        answers: Vec<(Answer, usize, Urgency)>,
        full: LogError,
    ) {
        let refusal = Arc::new(full);
        let mut rest = appends.as_slice();
        for (answer, count, urgency) in answers {
            let (own, behind) = rest.split_at(count);
            rest = behind;
            if urgency == Urgency::Normal {
                answer(Err(refusal.clone()));
                continue;
            }
            match self.writer.step(now, own, Urgency::Urgent) {
                Ok(synced) => answer(Ok(synced)),
                Err(error @ LogError::Full { .. }) => answer(Err(Arc::new(error))),
                Err(error) => self.end(&error),
            }
        }
    }

    fn release(&mut self, now: Mono) {
        let released = self.writer.release(now);
        self.end_if_broken(released.map(|_| ()));
    }

    fn want_spares(&mut self) {
        if let Some(job) = self.writer.spare_wanted()
            && self.spare_jobs.try_send(job).is_err_and(|error| matches!(error, TrySendError::Full(_)))
        {
            self.writer.spare_ready(None);
        }
    }

    fn end_if_broken(&self, result: Result<(), LogError>) {
        match result {
            Ok(()) | Err(LogError::Full { .. }) => {}
            Err(error) => self.end(&error),
        }
    }

    /// Disk and memory may differ from here on: only a restart finds out.
    fn end(&self, error: &LogError) -> ! {
        self.fatal.fatal(&format!("{} {error}", error.code()))
    }
}

fn until(now: Mono, deadline: Mono) -> Duration {
    Duration::from_nanos(deadline.0.saturating_sub(now.0))
}
