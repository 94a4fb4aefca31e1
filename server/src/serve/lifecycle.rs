//! A serving process from its first socket to its exit code.
#![allow(clippy::disallowed_methods, reason = "tasks and waits of the process's own runtime")]

use super::admission::Admission;
use super::connection::Connection;
use super::embedded::{self, Outfit, half_the_cores, internal};
use super::joining::{Joining, Place};
use super::listen::{self, Arrived, Intake};
use super::metrics::Metrics;
use super::ports;
use super::probe::Probe;
use super::worker::Worker;
use crate::config::{Config, Listen};
use crate::failure::Failure;
use env::{Env, Listener, Net};
use machine::Registry;
use model::code;
use partition::Progress;
use partition_mgr::{Expect, Node};
use router::House;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

/// What is cut off has so long to let go.
const CUT_WAIT: Duration = Duration::from_secs(5);
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
    data: Box<dyn Listener>,
    control: Box<dyn Listener>,
    peer: Box<dyn Listener>,
    metrics: Box<dyn Listener>,
}

/// Runs a node until it is told to end. `ready` is called once, before the
/// first request is taken; `progress` while the log is replayed.
pub fn run(
    env: &Env,
    config: Config,
    machines: Registry,
    ports_file: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
    ready: &mut dyn FnMut(&Ready<'_>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = Arc::new(config);
    let began = env.clock.mono();
    let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(internal)?;
    let entered = runtime.enter();
    let mut ends = Ends::new()?;
    let (listeners, listen) = runtime.block_on(open(&*env.net, config.listen))?;
    let Listeners { data, control, peer, metrics: probes } = listeners;
    let shown = Shown::new();
    let end_probes = serve_probes(&runtime, &config, probes, &shown);

    let place = Place::of(&config, &listen);
    let mut joining = Joining::begin(env, &config, place.clone())?;
    let expect = runtime.block_on(shown.while_joining(&mut joining, ends.first()))?;
    let house = shown.while_opening(env, &config, expect, machines, progress)?;
    let node = house.node.clone();
    node.reachable_at(place.peers, place.data);
    runtime.block_on(shown.while_entering(&mut joining, &node, ends.first()))?;
    drop(node);
    let took_ms = env.clock.mono().ms_since(began);
    ready(&Ready { listen, node: &house.node, took_ms })?;
    let serving = Serving::start(env, &runtime, &config, &shown, house.clone(), [data, control, peer])?;
    say_ready(env, ports_file, listen)?;
    runtime.block_on(shown.say(None));

    runtime.block_on(ends.first());
    tracing::info!("ending: not ready any more");
    runtime.block_on(shown.say(Some("draining")));
    // Before anybody is turned away: what is led here is led elsewhere by then.
    house.node.hand_over();
    runtime.block_on(serving.drain(&config, ends.first()));
    // An error means that the probes have ended already.
    let _ = end_probes.send(true);
    drop(entered);
    // Whatever still runs there is cut, and lets go of the house.
    runtime.shutdown_timeout(CUT_WAIT);
    if !embedded::close(house) {
        tracing::warn!("some requests would not end; the next start replays the log");
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

    /// Opens the node, and says how far it is.
    fn while_opening(
        &self,
        env: &Env,
        config: &Config,
        expect: Expect,
        machines: Registry,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Arc<House>, Failure> {
        let mut hear = |at: Progress| {
            self.standing.set(Some(at.to_string()));
            progress(at);
        };
        embedded::open_as(expect, env, config, machines, &mut hear)
    }

    /// Finds out whose directory is to be opened; `now` gives it up.
    async fn while_joining(
        &self,
        joining: &mut Joining,
        now: impl Future<Output = ()>,
    ) -> Result<Expect, Failure> {
        let hear = |at: &str| self.standing.set(Some(at.to_owned()));
        tokio::select! {
            expect = joining.before_opening(&hear) => expect,
            () = now => Err(stopped()),
        }
    }

    /// Goes by what the cluster desires, where that is not known yet.
    async fn while_entering(
        &self,
        joining: &mut Joining,
        node: &Node,
        now: impl Future<Output = ()>,
    ) -> Result<(), Failure> {
        let hear = |at: &str| self.standing.set(Some(at.to_owned()));
        tokio::select! {
            entered = joining.after_opening(node, &hear) => entered,
            () = now => Err(stopped()),
        }
    }

    async fn say(&self, unready: Option<&str>) {
        self.standing.set(unready.map(str::to_owned));
        let status = if unready.is_none() { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            self.health.set_service_status(service, status).await;
        }
    }
}

fn stopped() -> Failure {
    Failure::new(code::STOPPING, "it was told to end before it had joined the cluster")
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
        [data, control, peer]: [Box<dyn Listener>; 3],
    ) -> Result<Serving, Failure> {
        let (stop, stopped) = watch::channel(false);
        let (cut, cut_off) = watch::channel(false);
        let outfit = Outfit::new(house.clone(), config.clone(), stopped.clone())
            .health(&shown.health)
            .turned_away(&shown.metrics.turned_away);
        let workers = (0..config.threads.io.unwrap_or_else(half_the_cores))
            .map(|number| Worker::start(env, number, outfit.clone(), cut_off.clone()))
            .collect::<Result<Vec<_>, _>>();
        let workers = Arc::new(workers.map_err(internal)?);
        let admission = Admission::of(&config.connections);
        shown.metrics.add_node(&house, admission.clone(), config.metrics.per_partition);
        let (mut tasks, on) = (JoinSet::new(), runtime.handle());
        tasks.spawn_on(accept_data(data, admission, &outfit, workers.clone()), on);
        tasks.spawn_on(outfit.control(control), on);
        // Replicas go on talking while clients are drained: it ends with the runtime.
        on.spawn(house.node.peers().serve(env.clone(), peer));
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
                for worker in workers.iter() {
                    worker.served().await;
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
async fn open(net: &dyn Net, told: Listen) -> Result<(Listeners, Listen), Failure> {
    if !told.control.ip().to_canonical().is_loopback() {
        let what = format!("the control plane would listen on {}", told.control);
        return Err(Failure::new(code::LISTEN_REFUSED, what));
    }
    let listeners = Listeners {
        data: listen::bind(net, "data", told.data).await?,
        control: listen::bind(net, "control", told.control).await?,
        peer: listen::bind(net, "peer", told.peer).await?,
        metrics: listen::bind(net, "metrics", told.metrics).await?,
    };
    let at = |listener: &dyn Listener| listener.address().map_err(internal);
    let listen = Listen {
        data: at(&*listeners.data)?,
        control: at(&*listeners.control)?,
        peer: at(&*listeners.peer)?,
        metrics: at(&*listeners.metrics)?,
    };
    Ok((listeners, listen))
}

fn serve_probes(
    runtime: &Runtime,
    config: &Config,
    listener: Box<dyn Listener>,
    shown: &Shown,
) -> watch::Sender<bool> {
    let (end, ended) = watch::channel(false);
    let probe = Arc::new(Probe { standing: shown.standing.clone(), metrics: shown.metrics.clone() });
    let (admission, bounds) = (Admission::of(&config.connections), config.connections.clone());
    let take = move |arrived: Arrived| {
        if let Some(connection) = Connection::new(arrived, &bounds) {
            drop(tokio::spawn(probe.clone().serve(connection)));
        }
    };
    let turned_away = shown.metrics.turned_away.clone();
    runtime.spawn(listen::accept(listener, Intake { admission, turned_away, take: Box::new(take) }, ended));
    end
}

fn accept_data(
    listener: Box<dyn Listener>,
    admission: Arc<Admission>,
    outfit: &Outfit,
    workers: Arc<Vec<Worker>>,
) -> impl Future<Output = ()> + use<> {
    let mut next = 0;
    let take = move |arrived: Arrived| {
        // In turn: connections are few and long, and do alike.
        workers[next % workers.len()].hand_over(arrived);
        next += 1;
    };
    listen::accept(listener, outfit.intake_of(admission, take), outfit.stop.clone())
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
