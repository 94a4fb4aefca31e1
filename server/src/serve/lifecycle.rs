//! A serving process from its first socket to its exit code.
#![allow(clippy::disallowed_methods, reason = "tasks and waits of the process's own runtime")]

use super::admission::Admission;
use super::connection::Connection;
use super::listen::{self, Intake};
use super::metrics::Metrics;
use super::probe::Probe;
use super::worker::{Outfit, Worker};
use super::{grpc, ports, services};
use crate::config::{Config, Listen};
use crate::failure::Failure;
use env::Env;
use model::code;
use partition::Progress;
use partition_mgr::pool::Pool;
use partition_mgr::{Expect, Node, Settings};
use router::{House, door};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};

/// Control calls that may wait for one another.
const CHANGES_MAX: usize = 64;
/// Reads that may wait for a thread of the pool.
const READS_MAX: usize = 4096;
/// What is cut off has so long to let go.
const CUT_WAIT: Duration = Duration::from_secs(5);
/// How often it is looked whether serving threads have ended.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Services that health speaks of, beside the node as a whole.
const SERVICES: [&str; 3] = ["", "statehouse.data.v1.Data", "statehouse.control.v1.Control"];

/// A node that is about to serve.
pub struct Ready<'a> {
    /// Where it listens.
    pub listen: Listen,
    /// The node.
    pub node: &'a Node,
    /// From the first step to here.
    pub took_ms: u64,
}

/// Where the process stands, for the probes.
pub struct Standing(Mutex<Option<String>>);

impl Standing {
    /// Why it is not ready, if it is not.
    pub fn unready(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, unready: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = unready;
    }
}

/// The four sockets.
struct Listeners {
    data: TcpListener,
    control: TcpListener,
    peer: TcpListener,
    metrics: TcpListener,
}

/// Runs a node until it is told to end. `ready` is called once, before the
/// first request is taken; `progress` while the log is replayed.
pub fn run(
    env: &Env,
    config: Config,
    ports_file: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
    ready: &mut dyn FnMut(&Ready<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = Arc::new(config);
    let began = env.clock.mono();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(internal)?;
    let entered = runtime.enter();
    let mut ends = Ends::new()?;
    let (listeners, listen) = open(config.listen)?;
    let Listeners { data, control, peer, metrics: probes } = listeners;
    let shown = Shown::new();
    let end_probes = serve_probes(&runtime, &config, probes, &shown);

    let node = start_node(env, &config, &shown.standing, progress)?;
    let house = Arc::new(open_house(env, &config, node)?);
    let took_ms = env.clock.mono().ms_since(began);
    ready(&Ready { listen, node: &house.node, took_ms })?;
    let serving = Serving::start(env, &runtime, &config, &shown, house.clone(), [data, control, peer])?;
    say_ready(env, ports_file, listen)?;
    runtime.block_on(shown.say(None));

    runtime.block_on(ends.first());
    tracing::info!("ending: not ready any more");
    runtime.block_on(shown.say(Some("draining")));
    runtime.block_on(serving.drain(&config, ends.first()));
    // An error means that the probes have ended already.
    let _ = end_probes.send(true);
    drop(entered);
    // Whatever still runs there is cut, and lets go of the house.
    runtime.shutdown_timeout(CUT_WAIT);
    match Arc::into_inner(house).and_then(|house| Arc::into_inner(house.node)) {
        Some(node) => node.stop(),
        None => tracing::warn!("some requests would not end; the next start replays the log"),
    }
    Ok(())
}

/// What the outside is shown, from before there is a node until after.
struct Shown {
    standing: Arc<Standing>,
    metrics: Arc<Metrics>,
    health: HealthReporter,
}

impl Shown {
    fn new() -> Shown {
        let standing = Arc::new(Standing(Mutex::new(Some("starting".to_owned()))));
        Shown { standing, metrics: Arc::new(Metrics::new()), health: HealthReporter::new() }
    }

    async fn say(&self, unready: Option<&str>) {
        self.standing.set(unready.map(str::to_owned));
        let status = if unready.is_none() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.health.set_service_status(service, status).await;
        }
    }
}

/// What takes calls, until it is drained.
struct Serving {
    workers: Arc<Vec<Worker>>,
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
    cut: watch::Sender<bool>,
}

impl Serving {
    fn start(
        env: &Env,
        runtime: &Runtime,
        config: &Arc<Config>,
        shown: &Shown,
        house: Arc<House>,
        [data, control, peer]: [TcpListener; 3],
    ) -> Result<Serving, Failure> {
        let (stop, stopped) = watch::channel(false);
        let (cut, cut_off) = watch::channel(false);
        let outfit = Outfit {
            house: house.clone(),
            config: config.clone(),
            health: HealthServer::new(HealthService::from_health_reporter(shown.health.clone())),
            stop: stopped.clone(),
            cut: cut_off,
        };
        let workers = (0..config.threads.io.unwrap_or_else(half_the_cores))
            .map(|number| Worker::start(env, number, outfit.clone()))
            .collect::<Result<Vec<_>, _>>();
        let workers = Arc::new(workers.map_err(internal)?);
        let admission = admission(config);
        shown.metrics.add_node(&house, admission.clone(), config.metrics.per_partition);
        let (mut tasks, on) = (JoinSet::new(), runtime.handle());
        tasks.spawn_on(accept_data(data, admission, &shown.metrics, workers.clone(), stopped.clone()), on);
        tasks.spawn_on(serve_control(control, config, &outfit, &shown.metrics), on);
        tasks.spawn_on(turn_away(peer, stopped), on);
        Ok(Serving { workers, tasks, stop, cut })
    }

    /// Lame duck, then no more connections, then what is under way. `now` ends
    /// every wait.
    async fn drain(self, config: &Config, now: impl Future<Output = ()>) {
        let Serving { workers, mut tasks, stop, cut } = self;
        let in_order = async {
            tokio::time::sleep(config.drain.lame_duck).await;
            // An error means that everybody has ended already.
            let _ = stop.send(true);
            let ended = async {
                // One that panicked has ended, too.
                while tasks.join_next().await.is_some() {}
                while !workers.iter().all(Worker::is_finished) {
                    tokio::time::sleep(LOOK_EVERY).await;
                }
            };
            if tokio::time::timeout(config.drain.timeout, ended).await.is_err() {
                tracing::warn!("what was under way did not end in time and is cut off");
            }
        };
        tokio::select! {
            () = in_order => {}
            () = now => tracing::warn!("ending at once, as told; what was acknowledged is safe"),
        }
        let _ = (stop.send(true), cut.send(true));
        // Their end lets go of the workers.
        tasks.shutdown().await;
        let workers = Arc::into_inner(workers).unwrap_or_default();
        let join = tokio::task::spawn_blocking(|| workers.into_iter().for_each(Worker::join));
        let _ = join.await;
    }
}

/// Threads of either kind, unless told.
fn half_the_cores() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / 2).max(1)
}

fn internal(error: std::io::Error) -> Failure {
    Failure::new(code::INTERNAL, format!("the operating system refused a thread or a runtime: {error}"))
}

/// Who tells the process to end.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> Result<Ends, Failure> {
        Ok(Ends {
            terminate: signal(SignalKind::terminate()).map_err(internal)?,
            interrupt: signal(SignalKind::interrupt()).map_err(internal)?,
        })
    }

    async fn first(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// All sockets, before anything on disk is touched: an address in use costs
/// nothing.
fn open(told: Listen) -> Result<(Listeners, Listen), Failure> {
    if !told.control.ip().to_canonical().is_loopback() {
        let what = format!("the control plane would listen on {}", told.control);
        return Err(Failure::new(code::LISTEN_REFUSED, what));
    }
    let listeners = Listeners {
        data: listen::bind("data", told.data)?,
        control: listen::bind("control", told.control)?,
        peer: listen::bind("peer", told.peer)?,
        metrics: listen::bind("metrics", told.metrics)?,
    };
    let at = |listener: &TcpListener| listener.local_addr().map_err(internal);
    let listen = Listen {
        data: at(&listeners.data)?,
        control: at(&listeners.control)?,
        peer: at(&listeners.peer)?,
        metrics: at(&listeners.metrics)?,
    };
    Ok((listeners, listen))
}

fn admission(config: &Config) -> Arc<Admission> {
    Admission::new(config.connections.max, config.connections.per_address_max)
}

fn start_node(
    env: &Env,
    config: &Config,
    standing: &Standing,
    progress: &mut dyn FnMut(Progress),
) -> Result<Arc<Node>, Failure> {
    let settings = Settings {
        data_dir: config.data_dir.clone(),
        expect: Expect { cluster: None, node: None, stores: config.stores.instances, may_set_up: true },
        limits: config.limits.clone(),
        shards: config.threads.shards.unwrap_or_else(half_the_cores),
        sync: config.log.sync,
        rocks: true,
        rig: Default::default(),
    };
    let mut hear = |at: Progress| {
        standing.set(Some(at.to_string()));
        progress(at);
    };
    let node = Node::start(env, settings, &mut hear);
    Ok(Arc::new(node.map_err(|error| Failure::new(error.code(), error.to_string()))?))
}

fn open_house(env: &Env, config: &Config, node: Arc<Node>) -> Result<House, Failure> {
    let reads = Pool::start(env, "read", config.threads.blocking, READS_MAX).map_err(internal)?;
    let changes = Pool::start(env, "control", 1, CHANGES_MAX).map_err(internal)?;
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let calls = router::Settings {
        requests_max: config.requests.max,
        bytes_max: config.requests.bytes_max,
        deadline_ms: u32::try_from(ms(config.requests.deadline)).unwrap_or(u32::MAX),
        slow_ms: config.log.slow.map_or(u64::MAX, ms),
    };
    Ok(House::new(node, reads, changes, env.clock.clone(), calls))
}

fn serve_probes(
    runtime: &Runtime,
    config: &Config,
    listener: TcpListener,
    shown: &Shown,
) -> watch::Sender<bool> {
    let (end, ended) = watch::channel(false);
    let probe = Arc::new(Probe { standing: shown.standing.clone(), metrics: shown.metrics.clone() });
    let (handle, bounds) = (runtime.handle().clone(), config.connections.clone());
    let take = move |stream, place| {
        drop(handle.spawn(probe.clone().serve(Connection::new(stream, place, &bounds))));
    };
    let turned_away = shown.metrics.turned_away.clone();
    let intake = Intake { admission: admission(config), turned_away, take: Box::new(take) };
    runtime.spawn(listen::accept(listener, intake, ended));
    end
}

fn accept_data(
    listener: TcpListener,
    admission: Arc<Admission>,
    metrics: &Metrics,
    workers: Arc<Vec<Worker>>,
    stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let mut next = 0;
    let take = move |stream, place| {
        // In turn: connections are few and long, and do alike.
        workers[next % workers.len()].hand_over(stream, place);
        next += 1;
    };
    let intake = Intake { admission, turned_away: metrics.turned_away.clone(), take: Box::new(take) };
    listen::accept(listener, intake, stop)
}

fn serve_control(
    listener: TcpListener,
    config: &Arc<Config>,
    outfit: &Outfit,
    metrics: &Metrics,
) -> impl Future<Output = ()> + use<> {
    let house = outfit.house.clone();
    let services = services::control(&house, outfit.health.clone());
    let services = door::stack(house, services);
    let (streams, incoming) = mpsc::channel(CHANGES_MAX);
    let bounds = config.connections.clone();
    let take = move |stream, place| {
        // Dropping it closes it.
        let _ = streams.try_send(Connection::new(stream, place, &bounds));
    };
    let intake = Intake {
        admission: admission(config),
        turned_away: metrics.turned_away.clone(),
        take: Box::new(take),
    };
    let (config, stop) = (config.clone(), outfit.stop.clone());
    async move {
        tokio::join!(
            listen::accept(listener, intake, stop.clone()),
            grpc::serve(services, incoming, &config, stop),
        );
    }
}

/// No other node speaks to this one yet: whoever connects is closed.
async fn turn_away(listener: TcpListener, stop: watch::Receiver<bool>) {
    let intake = Intake {
        admission: Admission::new(0, 0),
        turned_away: prometheus_client::metrics::counter::Counter::default(),
        take: Box::new(|_, _| ()),
    };
    listen::accept(listener, intake, stop).await;
}

fn say_ready(env: &Env, ports_file: Option<&Path>, listen: Listen) -> Result<(), Failure> {
    let Some(path) = ports_file else { return Ok(()) };
    ports::write(&*env.files, path, &listen).map_err(|error| {
        Failure::new(
            code::DIRECTORY_IO,
            format!("the ports file {} cannot be written: {error}", path.display()),
        )
    })
}
