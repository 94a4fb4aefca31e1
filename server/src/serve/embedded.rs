//! A node and its planes on a runtime that is there already: a serving
//! thread's, an application's, a simulated host's.
//!
//! Nothing here starts a runtime of its own. To drop what serves is to cut off
//! what it serves.

use super::admission::Admission;
use super::listen::{self, Arrived, Intake};
use super::{grpc, services};
use crate::config::Config;
use crate::failure::Failure;
use env::{Env, Listener};
use machine::Registry;
use model::code;
use partition::Progress;
use partition_mgr::pool::Pool;
use partition_mgr::{Expect, Node, Settings};
use prometheus_client::metrics::counter::Counter;
use router::{Desk, House, door};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Control calls that may wait for one another.
const CHANGES_MAX: usize = 64;
/// Reads that may wait for a thread of the pool.
const READS_MAX: usize = 4096;
/// Connections that wait to be picked up by whoever serves them.
pub(super) const HANDED_OVER_MAX: usize = 1024;

/// Opens a node and what its calls share. It blocks: `progress` is told how far
/// the replay of the log is.
pub fn open(
    env: &Env,
    config: &Config,
    machines: Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Arc<House>, Failure> {
    let stores = config.stores.instances;
    let expect = Expect { cluster: None, node: None, disk: None, stores, may_set_up: true };
    open_as(expect, env, config, machines, progress)
}

/// The same for a directory that is taken for this.
pub(super) fn open_as(
    expect: Expect,
    env: &Env,
    config: &Config,
    machines: Registry,
    progress: &mut dyn FnMut(Progress),
) -> Result<Arc<House>, Failure> {
    let settings = Settings {
        data_dir: config.data_dir.clone(),
        expect,
        limits: config.limits.clone(),
        shards: config.threads.shards.unwrap_or_else(half_the_cores),
        sync: config.log.sync,
        rocks: true,
        machines,
        rig: Default::default(),
    };
    let node = Node::start(env, settings, progress);
    let node = node.map_err(|error| Failure::new(error.code(), error.to_string()))?;
    let reads = Pool::start(env, "read", config.threads.blocking, READS_MAX).map_err(internal)?;
    let changes = Pool::start(env, "control", 1, CHANGES_MAX).map_err(internal)?;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let calls = router::Settings {
        requests_max: config.requests.max,
        bytes_max: config.requests.bytes_max,
        deadline_ms: u32::try_from(ms(config.requests.deadline)).unwrap_or(u32::MAX),
        slow_ms: config.log.slow.map_or(u64::MAX, ms),
    };
    Ok(Arc::new(House::new(Arc::new(node), reads, changes, env.clock.clone(), calls)))
}

/// Stops the node, which flushes. False when some request has not let go of it:
/// then it ends where the last of them does, which may wait for a disk; a process
/// that ends first loses nothing, and the next start replays the log.
pub fn close(house: Arc<House>) -> bool {
    let Some(House { node, reads, changes, .. }) = Arc::into_inner(house) else { return false };
    // Their threads may have answered and not have let go yet.
    drop((reads, changes));
    Arc::into_inner(node).map(Node::stop).is_some()
}

/// Threads of either kind, unless told.
pub(super) fn half_the_cores() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).max(1)
}

pub(super) fn internal(error: std::io::Error) -> Failure {
    Failure::new(code::INTERNAL, format!("the operating system refused a thread or a runtime: {error}"))
}

/// What is needed to serve a node. Cheap to clone.
#[derive(Clone)]
pub struct Outfit {
    pub(super) house: Arc<House>,
    pub(super) config: Arc<Config>,
    /// What health says.
    health: HealthServer<HealthService>,
    pub(super) stop: watch::Receiver<bool>,
    turned_away: Counter,
}

impl Outfit {
    /// For this node. Once `stop` is true no more connections are taken, and
    /// those that are open end when their calls have.
    pub fn new(house: Arc<House>, config: Arc<Config>, stop: watch::Receiver<bool>) -> Outfit {
        let health = HealthServer::new(HealthService::from_health_reporter(HealthReporter::new()));
        Outfit { house, config, health, stop, turned_away: Counter::default() }
    }

    /// Whose word is what health says, instead of `SERVING`.
    pub fn health(mut self, reporter: &HealthReporter) -> Outfit {
        self.health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
        self
    }

    /// Counts connections that find no room.
    pub fn turned_away(mut self, counter: &Counter) -> Outfit {
        self.turned_away = counter.clone();
        self
    }

    /// Serves what clients call, until it is told to stop and has.
    pub async fn data(self, listener: Box<dyn Listener>) {
        let (intake, incoming) = self.intake();
        tokio::join!(listen::accept(listener, intake, self.stop.clone()), self.data_of(incoming));
    }

    /// The same for connections that somebody else accepts.
    pub(super) async fn data_of(self, incoming: mpsc::Receiver<Arrived>) {
        let Outfit { house, config, health, stop, .. } = self;
        let desk = Desk::new(house.clock.clone(), house.meters.deliveries.clone());
        // Of its own, and aborted with this: it is woken for all of the thread's answers.
        let mut sorting = JoinSet::new();
        sorting.spawn(desk.clone().run());
        let services = door::stack(house.clone(), services::data(&house, desk, health));
        grpc::serve(services, incoming, &config, stop).await;
    }

    /// Serves what operators call, until it is told to stop and has.
    pub async fn control(self, listener: Box<dyn Listener>) {
        let (intake, incoming) = self.intake();
        let Outfit { house, config, health, stop, .. } = self;
        let services = door::stack(house.clone(), services::control(&house, health));
        tokio::join!(
            listen::accept(listener, intake, stop.clone()),
            grpc::serve(services, incoming, &config, stop),
        );
    }

    /// A listener's own, and where its connections come out.
    fn intake(&self) -> (Intake, mpsc::Receiver<Arrived>) {
        let (handed, incoming) = mpsc::channel(HANDED_OVER_MAX);
        // Dropping it closes it.
        let take = move |arrived| drop(handed.try_send(arrived));
        (self.intake_of(Admission::of(&self.config.connections), take), incoming)
    }

    pub(super) fn intake_of(
        &self,
        admission: Arc<Admission>,
        take: impl FnMut(Arrived) + Send + 'static,
    ) -> Intake {
        Intake { admission, turned_away: self.turned_away.clone(), take: Box::new(take) }
    }
}
