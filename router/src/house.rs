//! What all serving threads of a node share.

use crate::meters::Meters;
use env::{Clock, Mono};
use model::code;
use partition_mgr::Node;
use partition_mgr::pool::{Busy, Job, Pool};
use proto::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::oneshot;

/// How calls are served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Requests that may be under way on this node.
    pub requests_max: usize,
    /// Bytes of large requests and answers that may be under way.
    pub bytes_max: usize,
    /// For requests that name no deadline.
    pub deadline_ms: u32,
    /// A request that takes longer is logged with the time of each stage.
    pub slow_ms: u64,
}

/// A node as its serving threads see it.
pub struct House {
    /// The node.
    pub node: Arc<Node>,
    /// For reads that wait for a disk.
    pub reads: Pool,
    /// For control calls, one after another.
    pub changes: Pool,
    /// What is counted.
    pub meters: Meters,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// How calls are served.
    pub settings: Settings,
    under_way: AtomicUsize,
    /// Of these, those that came on a `Stream`.
    streamed: AtomicUsize,
    bytes: AtomicUsize,
    /// Of these, those that came on a `Stream`.
    streamed_bytes: AtomicUsize,
}

impl House {
    /// Opens it for a node.
    pub fn new(
        node: Arc<Node>,
        reads: Pool,
        changes: Pool,
        clock: Arc<dyn Clock>,
        settings: Settings,
    ) -> House {
        House {
            node,
            reads,
            changes,
            meters: Meters::new(),
            clock,
            settings,
            under_way: AtomicUsize::new(0),
            streamed: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            streamed_bytes: AtomicUsize::new(0),
        }
    }

    /// A place for a request, until it is dropped; none when all are taken.
    pub(crate) fn place(self: &Arc<House>) -> Option<Place> {
        let before = self.under_way.fetch_add(1, Ordering::Relaxed);
        let place = Place { house: self.clone(), streamed: false };
        (before < self.settings.requests_max).then_some(place)
    }

    /// The same for a message of a `Stream`: together they have half of all
    /// places, so that whoever never reads his answers shuts nobody else out.
    pub(crate) fn place_on_stream(self: &Arc<House>) -> Option<Place> {
        let mut place = self.place()?;
        place.streamed = true;
        let before = self.streamed.fetch_add(1, Ordering::Relaxed);
        (before < self.settings.requests_max.div_ceil(2)).then_some(place)
    }

    /// Room for so many bytes, until it is dropped; none when there is none. A
    /// request's place stands for the first few. What comes on a `Stream` has
    /// half of all room, as it has of places.
    pub(crate) fn weigh(self: &Arc<House>, bytes: usize, streamed: bool) -> Option<Weight> {
        if bytes <= WEIGHTLESS_BYTES {
            return Some(Weight(None));
        }
        let weighed = self.take(bytes, streamed);
        let (all, most) = (self.bytes.load(Ordering::Relaxed), self.settings.bytes_max);
        let on_streams = if streamed { self.streamed_bytes.load(Ordering::Relaxed) } else { 0 };
        // What does not fit is given back here.
        (all <= most && on_streams <= most.div_ceil(2)).then_some(Weight(Some(weighed)))
    }

    /// The same whether there is room or not.
    pub(crate) fn burden(self: &Arc<House>, bytes: usize, streamed: bool) -> Weight {
        if bytes <= WEIGHTLESS_BYTES { Weight(None) } else { Weight(Some(self.take(bytes, streamed))) }
    }

    fn take(self: &Arc<House>, bytes: usize, streamed: bool) -> Weighed {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if streamed {
            self.streamed_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
        Weighed { house: self.clone(), bytes, streamed }
    }

    /// Has a thread do this that may wait for a disk, unless nobody waits for it any
    /// more or its time is over by then.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        until: Option<Mono>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (job, answered) = self.job(until, work);
        self.reads.hand_over(job).map_err(|_| busy())?;
        self.answer(until, answered).await
    }

    /// The same for who may be late: where too many read it comes again, for so long
    /// as a client is waited for.
    #[allow(clippy::disallowed_methods, reason = "a timer of the serving thread's own runtime")]
    pub(crate) async fn read_patiently<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let (mut job, answered) = self.job(None, work);
        let until = self.clock.mono().plus_ms(BUSY_MS_MAX);
        while let Err(back) = self.reads.hand_over(job) {
            if self.clock.mono() >= until {
                return Err(busy());
            }
            job = back;
            tokio::time::sleep(BUSY_WAIT).await;
        }
        self.answer(None, answered).await
    }

    fn job<T: Send + 'static>(
        &self,
        until: Option<Mono>,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> (Job, oneshot::Receiver<T>) {
        let (answer, answered) = oneshot::channel();
        let clock = self.clock.clone();
        let job = move || {
            if !answer.is_closed() && until.is_none_or(|until| clock.mono() < until) {
                let _ = answer.send(work());
            }
        };
        (Box::new(job), answered)
    }

    async fn answer<T>(&self, until: Option<Mono>, answered: oneshot::Receiver<T>) -> Result<T, Failure> {
        answered.await.map_err(|_| match until {
            Some(until) if self.clock.mono() >= until => {
                Failure::new(code::DEADLINE_EXCEEDED, "the deadline passed before everything was read")
            }
            _ => Failure::new(code::STOPPING, "the node is ending"),
        })
    }

    /// How long a request that has begun is waited for.
    pub(crate) fn patience(&self) -> Duration {
        Duration::from_millis(u64::from(self.settings.deadline_ms))
    }

    /// Requests that are under way.
    pub fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Bytes of large ones, and of large answers.
    pub fn bytes_under_way(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

/// Where too many read, who may be late comes again so much later, and so long.
const BUSY_WAIT: Duration = Duration::from_millis(5);
const BUSY_MS_MAX: u64 = 30_000;

fn busy() -> Failure {
    Failure::new(code::OVERLOADED, Busy.to_string())
}

/// What a request's place stands for.
const WEIGHTLESS_BYTES: usize = 16 << 10;

/// A request's place among those under way.
pub(crate) struct Place {
    house: Arc<House>,
    streamed: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.house.under_way.fetch_sub(1, Ordering::Relaxed);
        if self.streamed {
            self.house.streamed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Room that a large request or answer takes, until it is dropped.
#[derive(Default)]
pub(crate) struct Weight(Option<Weighed>);

impl Weight {
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }
}

struct Weighed {
    house: Arc<House>,
    bytes: usize,
    streamed: bool,
}

impl Drop for Weighed {
    fn drop(&mut self) {
        self.house.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        if self.streamed {
            self.house.streamed_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}
