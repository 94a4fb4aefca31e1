//! The log's threads: one that writes, one that lays out spares.
//!
//! The writer's thread takes whatever waits, makes one step of it, and answers.
//! It never lingers: the wait is the previous sync. Everything it knows is in
//! [`Writer`]; this file only moves submissions in and answers out.

use crate::error::LogError;
use crate::meters::Meters;
use crate::packet::{Append, Packet};
use crate::refused::Refused;
use crate::spare::{Spare, SpareJob, Urgency};
use crate::writer::{Synced, Writer};
use env::channel::{RecvTimeoutError, TrySendError};
use env::sometimes;
use env::{Clock, Env, Fatal, Files, Joiner, Mono, Receiver, Sender};
use model::code;
use std::ops::Deref;
use std::sync::Arc;

/// Called once, when the submission's batch is as durable as the policy says,
/// or was refused. It runs on the writer's thread and must not block it.
pub type Answer = Box<dyn FnOnce(Result<Synced, Arc<LogError>>) + Send>;

/// Records that go into one batch together.
pub struct Submission {
    /// The records, framed: see [`Log::frame`].
    pub packet: Packet,
    /// May they use the reserve on a full disk?
    pub urgency: Urgency,
    /// Of which chain it is, if order counts beyond indexes.
    pub chain: Option<Link>,
    /// Who waits.
    pub answer: Answer,
}

/// A submission's place in a chain: once one of the chain is refused, so are all
/// behind it, until one is handed in that begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which chain.
    pub chain: u64,
    /// It begins with what was refused first.
    pub anew: bool,
}

/// Who waits for a batch.
struct Waiter {
    answer: Answer,
    urgency: Urgency,
    chain: Option<Link>,
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
    inlet: Inlet,
    meters: Meters,
    threads: Vec<Box<dyn Joiner>>,
}

/// The way into a log, for as many threads as want one.
#[derive(Clone)]
pub struct Inlet {
    jobs: Sender<Job>,
    record_bytes_max: usize,
}

impl Log {
    /// Starts the threads.
    pub fn start(env: &Env, writer: Writer) -> std::io::Result<Log> {
        let limits = &writer.config.limits;
        let (record_bytes_max, batch_bytes_max) = (limits.log_record_bytes_max, limits.log_batch_bytes_max);
        let (jobs, inbox) = env.channel(limits.log_queue_max);
        let (spare_jobs, spare_inbox) = env.channel::<SpareJob>(1);
        let driver = Driver {
            writer,
            inbox,
            spare_jobs,
            clock: env.clock.clone(),
            fatal: env.fatal.clone(),
            batch_bytes_max,
            answers: Vec::new(),
            packets: Vec::new(),
            refused: Refused::default(),
            meters: Meters::new(),
        };
        let meters = driver.meters.clone();
        let (files, back) = (env.files.clone(), jobs.clone());
        let threads = vec![
            env.vital_thread("log-writer", code::INTERNAL, move || driver.run())?,
            env.vital_thread("log-spares", code::INTERNAL, move || lay_out(&*files, &spare_inbox, &back))?,
        ];
        Ok(Log { inlet: Inlet { jobs, record_bytes_max }, meters, threads })
    }

    /// What is counted.
    pub fn meters(&self) -> &Meters {
        &self.meters
    }

    /// Another way in, for another thread.
    pub fn inlet(&self) -> Inlet {
        self.inlet.clone()
    }
}

impl Deref for Log {
    type Target = Inlet;

    fn deref(&self) -> &Inlet {
        &self.inlet
    }
}

impl Inlet {
    /// Frames records on the caller's thread. A record above the limit is
    /// refused here, and with it all.
    pub fn frame(&self, appends: &[Append]) -> Result<Packet, LogError> {
        Packet::encode(appends, self.record_bytes_max)
    }

    /// Queues records for the next batch; blocks only while the queue is full.
    pub fn submit(&self, submission: Submission) -> Result<(), LogError> {
        self.jobs.send(Job::Append(submission)).map_err(|_| LogError::Closed)
    }

    /// Runs `call` on the writer between two batches: a release, a reader.
    pub fn call(&self, call: impl FnOnce(&mut Writer) + Send + 'static) -> Result<(), LogError> {
        self.jobs.send(Job::Call(Box::new(call))).map_err(|_| LogError::Closed)
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        let _ = self.inlet.jobs.send(Job::Close);
        for thread in self.threads.drain(..) {
            // A panic there has already ended the process or been reported.
            let _ = thread.join();
        }
    }
}

/// Lays out spares, on a thread of its own: it takes its time.
fn lay_out(files: &dyn Files, jobs: &Receiver<SpareJob>, back: &Sender<Job>) {
    let mut fails = false;
    for job in jobs.iter() {
        let spare = job.run(files);
        // It is tried again every second: once is enough.
        if let Err(error) = &spare
            && !fails
        {
            tracing::warn!(code = %error.code(), %error, "no spare segment could be laid out");
        }
        fails = spare.is_err();
        if back.send(Job::Spare(spare.ok())).is_err() {
            return;
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
    answers: Vec<Waiter>,
    packets: Vec<Packet>,
    /// What a full disk has refused and nobody has handed in anew.
    refused: Refused,
    meters: Meters,
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
        // Whoever was too late hears so, rather than nothing.
        for job in self.inbox.try_iter() {
            if let Job::Append(submission) = job {
                (submission.answer)(Err(Arc::new(LogError::Closed)));
            }
        }
    }

    /// The next job, or `None` when idle work was due instead.
    fn wait(&mut self) -> Option<Job> {
        let job = match self.writer.deadline() {
            None => self.inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(deadline) => self.inbox.recv_until(&*self.clock, deadline),
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
                Job::Append(Submission { packet, urgency, chain, answer }) => {
                    bytes += packet.bytes();
                    self.answers.push(Waiter { answer, urgency, chain });
                    self.packets.push(packet);
                }
                Job::Call(call) => {
                    // What was submitted before the call is written before it.
                    self.step();
                    call(&mut self.writer);
                    bytes = 0;
                }
                Job::Spare(spare) => self.writer.spare_ready(self.clock.mono(), spare),
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

    /// What was gathered is written and answered, in the order in which it was
    /// handed in: whoever hands in more than one at a time counts on that.
    fn step(&mut self) {
        if self.answers.is_empty() {
            return;
        }
        let now = self.clock.mono();
        if self.refused.is_empty() {
            self.step_together(now, Refused::default());
        } else {
            self.step_around_holes(now);
        }
        self.release(now);
    }

    /// One batch. `unwritten` is what is refused if it is not written.
    fn step_together(&mut self, now: Mono, unwritten: Refused) {
        if self.answers.is_empty() {
            return;
        }
        let (count, bytes) = (self.packets.len(), self.packets.iter().map(Packet::bytes).sum());
        let all_urgent = self.answers.iter().all(|waiter| waiter.urgency == Urgency::Urgent);
        let urgency = if all_urgent { Urgency::Urgent } else { Urgency::Normal };
        match self.writer.step_packets(now, &mut self.packets, urgency) {
            Ok(synced) => {
                self.meters.batch(count, bytes, self.clock.mono().0.saturating_sub(now.0));
                self.answers.drain(..).for_each(|waiter| (waiter.answer)(Ok(synced)));
            }
            Err(full @ LogError::Full { .. }) => {
                self.refused = unwritten;
                self.step_singly(now, full);
            }
            Err(error) => self.end(&error),
        }
    }

    /// Refuses what would follow a hole, each at its turn; what stands between
    /// two of them is one batch.
    fn step_around_holes(&mut self, now: Mono) {
        let (packets, answers) = (std::mem::take(&mut self.packets), std::mem::take(&mut self.answers));
        let mut unwritten = self.refused.clone();
        for (packet, waiter) in packets.into_iter().zip(answers) {
            if self.refused.leaves_hole(packet.roster(), waiter.chain) {
                self.step_together(now, unwritten);
                let full = LogError::Full { path: self.writer.config.dir.clone() };
                self.refuse(&packet, waiter, Arc::new(full));
                unwritten = self.refused.clone();
            } else {
                self.refused.accept(packet.roster(), waiter.chain);
                self.packets.push(packet);
                self.answers.push(waiter);
            }
        }
        self.step_together(now, unwritten);
    }

    fn refuse(&mut self, packet: &Packet, waiter: Waiter, why: Arc<LogError>) {
        self.refused.refuse(packet.roster(), waiter.chain);
        sometimes!("a full log refused a request");
        self.meters.refused.inc();
        (waiter.answer)(Err(why));
    }

    /// The disk is full: what must not be stopped goes on, what would follow a
    /// hole is refused.
    fn step_singly(&mut self, now: Mono, full: LogError) {
        let full = Arc::new(full);
        let (packets, answers) = (std::mem::take(&mut self.packets), std::mem::take(&mut self.answers));
        for (waiter, packet) in answers.into_iter().zip(packets) {
            let leaves_hole = self.refused.leaves_hole(packet.roster(), waiter.chain);
            if waiter.urgency == Urgency::Normal || leaves_hole {
                self.refuse(&packet, waiter, full.clone());
                continue;
            }
            let roster = packet.roster().clone();
            let mut one = vec![packet];
            match self.writer.step_packets(now, &mut one, waiter.urgency) {
                Ok(synced) => {
                    self.refused.accept(&roster, waiter.chain);
                    (waiter.answer)(Ok(synced));
                }
                // A packet that is refused is left.
                Err(error @ LogError::Full { .. }) => self.refuse(&one[0], waiter, Arc::new(error)),
                Err(error) => self.end(&error),
            }
        }
    }

    fn release(&mut self, now: Mono) {
        let released = self.writer.release(now);
        self.end_if_broken(released.map(|_| ()));
    }

    fn want_spares(&mut self) {
        let now = self.clock.mono();
        if let Some(job) = self.writer.spare_wanted(now)
            && self.spare_jobs.try_send(job).is_err_and(|error| matches!(error, TrySendError::Full(_)))
        {
            self.writer.spare_ready(now, None);
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
