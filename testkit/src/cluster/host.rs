//! A host's program: the production node, its links, and what serves its clients.

use super::seat::{CLUSTER, DATA, Seat};
use crate::fibers::{self, Ends, Threads};
use crate::world::{HostClock, HostDisk, Pace, SimNet, open_house, serve_grpc, trace};
use env::{Env, Rng};
use partition_mgr::{Expect, Node, Settings};
use pipeline::Rig;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;
use wal::SyncPolicy;

/// Where nodes reach each other.
pub const PEERS: u16 = 7402;

/// From its start until it is killed.
pub async fn run(seat: Rc<Seat>) -> turmoil::Result {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    let clock = Arc::new(HostClock::new(elapsed, 100, 0));
    let knobs = &seat.knobs;
    let draws = seat.stream("disk");
    let pace = Pace::new(seat.host, clock.clone(), knobs.sync_us, knobs.spikes_percent, draws);
    seat.begin(pace.clone());
    fibers::begin(seat.host, clock.clone(), seat.stream("threads"));
    tokio::task::spawn_local(fibers::drive(seat.host));
    let env = Env {
        clock,
        rng: Rng::from_seed(seat.stream("node").next_u64()),
        spawn: Arc::new(Threads(seat.host)),
        files: Arc::new(HostDisk::new(seat.disk(), pace)),
        fatal: Arc::new(Ends(seat.host)),
        net: Arc::new(SimNet),
    };
    if let Err(why) = serve(&seat, &env).await {
        trace::here(format_args!("{} refused: {why}", seat.name));
        *seat.refused.borrow_mut() = Some(why);
    }
    std::future::pending().await
}

async fn serve(seat: &Rc<Seat>, env: &Env) -> Result<(), String> {
    let node = start(seat, env).await?;
    let house = Arc::new(open_house(env, &node).map_err(|error| error.to_string())?);
    // A process that is killed drops nothing.
    fibers::keep(seat.host, house.clone());
    let listener = env.net.listen(([0, 0, 0, 0], PEERS).into()).await.map_err(|error| error.to_string())?;
    seat.serves(&node);
    trace::here(format_args!("{} serves", seat.name));
    seat.operators.work(env, &node, &seat.name).map_err(|error| error.to_string())?;
    let peers = node.peers();
    drop(node);
    let (served, ()) = tokio::join!(serve_grpc(env, house), peers.serve(env.clone(), listener));
    served.map_err(|error| error.to_string())
}

/// Starts the node on a thread of its own, as everything that waits, and tells it what
/// is desired, as whoever leads a cluster does.
async fn start(seat: &Rc<Seat>, env: &Env) -> Result<Arc<Node>, String> {
    let settings = settings(seat);
    let desired = seat.desired.borrow().clone();
    let (tell, told) = oneshot::channel();
    let own = env.clone();
    let body = move || {
        let started = Node::start(&own, settings, &mut |_| ());
        let ready = started.map_err(|error| format!("{} {error}", error.code())).and_then(|node| {
            node.adopt(desired).map_err(|error| format!("{} {error}", error.code()))?;
            Ok(Arc::new(node))
        });
        if let Err(Ok(unheard)) = tell.send(ready) {
            // Nobody is there to end it in order.
            std::mem::forget(unheard);
        }
    };
    env.spawn.thread("main", Box::new(body)).map_err(|error| error.to_string())?;
    match told.await {
        Ok(started) => started,
        // A host that ends itself never answers.
        Err(_) => std::future::pending().await,
    }
}

fn settings(seat: &Seat) -> Settings {
    Settings {
        data_dir: PathBuf::from(DATA),
        expect: Expect {
            cluster: Some(CLUSTER),
            node: Some(seat.id()),
            stores: NonZeroU8::MIN,
            disk: None,
            may_set_up: false,
        },
        limits: seat.knobs.limits(),
        shards: seat.knobs.shards as usize,
        sync: SyncPolicy::Each,
        rocks: false,
        machines: machine::Registry::built_in(),
        rig: Rig { plants: seat.plants, witness: None },
    }
}
