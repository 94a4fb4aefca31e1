//! A simulated host that runs a node: the production node, its threads as
//! fibers, its disk and network simulated.

use super::clock::HostClock;
use super::counting::SUMS;
use super::disk::{HostDisk, Pace};
use super::end::FRESH;
use super::frames;
use super::leasing::LEASES;
use super::net::SimNet;
use super::site::{Site, Standing};
use super::user::key_bytes;
use crate::fibers::{self, Ends, Threads};
use coordinator::{TableName, TableSpec};
use env::{Env, Spawn};
use model::{Durability, Key, Layout};
use partition_mgr::directory::TableMap;
use partition_mgr::pool::Pool;
use partition_mgr::{ChangeError, Expect, Node, Settings, StartError, Vitals};
use pipeline::{LogChoice, Profile, Rig, StoreChoice};
use router::{DataService, Desk, House};
use server::serve::embedded::Outfit;
use std::num::NonZeroU8;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::oneshot;

/// The table that users work on.
pub const TABLE: &str = "rows";
/// Where a node keeps its data.
pub const DATA: &str = "/node";
/// Requests that a node takes at a time.
const REQUESTS_MAX: usize = 4096;

/// The table's profile: in memory, behind the node's log.
pub fn profile() -> Profile {
    Profile::new(StoreChoice::Memory, LogChoice::Local)
}

/// The host's program, from its start until it is killed.
pub async fn run(site: Rc<Site>) -> turmoil::Result {
    let elapsed = turmoil::sim_elapsed().unwrap_or_default();
    let (rate, offset) = site.clock();
    let clock = Arc::new(HostClock::new(elapsed, rate, offset));
    let knobs = &site.knobs;
    let draws = site.stream("disk");
    let pace = Pace::new(site.host, clock.clone(), knobs.sync_us, knobs.spikes_percent, draws);
    site.begin(clock.clone(), pace.clone());
    fibers::begin(site.host, clock.clone(), site.stream("threads"));
    tokio::task::spawn_local(fibers::drive(site.host));
    let env = Env {
        clock,
        rng: site.rng(),
        spawn: Arc::new(Threads(site.host)),
        files: Arc::new(HostDisk::new(site.disk(), pace)),
        fatal: Arc::new(Ends(site.host)),
        net: Arc::new(SimNet),
    };
    match start(&site, &env).await {
        Ok((node, vitals)) => {
            site.set_identity(vitals);
            serve(&site, &env, node).await;
        }
        Err(why) => site.set_standing(Standing::Refused(why)),
    }
    // Until it is killed.
    std::future::pending().await
}

fn settings(site: &Site) -> Settings {
    let identity = site.identity();
    Settings {
        data_dir: PathBuf::from(DATA),
        expect: Expect {
            cluster: identity.map(|(cluster, _)| cluster),
            node: identity.map(|(_, node)| node),
            stores: NonZeroU8::MIN,
            disk: None,
            may_set_up: identity.is_none(),
        },
        limits: site.knobs.limits(),
        shards: site.knobs.shards as usize,
        sync: site.knobs.sync(),
        rocks: false,
        machines: machine::Registry::built_in(),
        rig: Rig { plants: site.plants, witness: Some(Arc::new(site.applied.clone())) },
    }
}

/// Starts the node on a thread of its own, as everything that waits.
async fn start(site: &Site, env: &Env) -> Result<(Arc<Node>, Vitals), String> {
    let (settings, partitions) = (settings(site), site.knobs.partitions);
    let (tell, told) = oneshot::channel();
    let own = env.clone();
    let body = move || {
        let started = Node::start(&own, settings, &mut |_| ());
        let ready = started.map_err(start_error).and_then(|node| {
            make_tables(&node, partitions)?;
            let vitals = node.vitals();
            Ok((Arc::new(node), vitals))
        });
        if let Err(Ok(unheard)) = tell.send(ready) {
            // Nobody is there to end it in order.
            std::mem::forget(unheard);
        }
    };
    env.spawn.thread("main", Box::new(body)).map_err(|error| error.to_string())?;
    // A host that ends itself never answers.
    match told.await {
        Ok(started) => started,
        Err(_) => std::future::pending().await,
    }
}

fn start_error(error: StartError) -> String {
    format!("{} {error}", error.code())
}

/// Makes the users' tables, unless they are there. A change of which nobody knows
/// whether it is durable is made sure of by asking again.
fn make_tables(node: &Node, partitions: u32) -> Result<(), String> {
    for (table, machine, partitions) in
        [(TABLE, "kv", partitions), (SUMS, "counter", 1), (LEASES, "lease", 1)]
    {
        if node.directory().current().table("default", table).is_some() {
            continue;
        }
        let name = TableName::new("default", table).ok_or("a bad name")?;
        let spec = TableSpec { layout: Layout::Hashed, machine: machine.into(), profile: profile() };
        let made = node.create_table(name, spec, partitions);
        made.map_err(|error: ChangeError| format!("{} {error}", error.code()))?;
    }
    Ok(())
}

async fn serve(site: &Rc<Site>, env: &Env, node: Arc<Node>) {
    let map = node.directory().current();
    if let Some(table) = map.table("default", TABLE) {
        learn_places(site, table);
    }
    let Ok(house) = open_house(env, &node) else {
        return site.set_standing(Standing::Refused("no threads".to_owned()));
    };
    let house = Arc::new(house);
    // A process that is killed drops nothing.
    fibers::keep(site.host, house.clone());
    let desk = Desk::new(env.clock.clone(), house.meters.deliveries.clone());
    tokio::task::spawn_local(desk.clone().run());
    let service = DataService::new(house.clone(), desk);
    let frames = frames::serve(site.clone(), service);
    site.serves(&node);
    let served = tokio::join!(frames, serve_grpc(env, house));
    if let (Err(error), _) | (_, Err(error)) = served {
        site.set_standing(Standing::Refused(error.to_string()));
    }
}

/// Who holds which key: an answer that a row is absent does not say it.
fn learn_places(site: &Site, table: &TableMap) {
    let mut ledger = site.ledger.borrow_mut();
    for key in 0..site.knobs.keys + FRESH {
        let place = Key::new(key_bytes(key)).ok().and_then(|key| table.place_of(&key));
        place.iter().for_each(|place| ledger.know(key, place.id, place.epoch));
    }
}

/// The data plane as it is served to clients.
pub(crate) async fn serve_grpc(env: &Env, house: Arc<House>) -> std::io::Result<()> {
    let listener = env.net.listen(([0, 0, 0, 0], 7400).into()).await?;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    Outfit::new(house, Arc::default(), stopped).data(listener).await;
    drop(stop);
    Ok(())
}

/// What the calls of a simulated node share.
pub(crate) fn open_house(env: &Env, node: &Arc<Node>) -> std::io::Result<House> {
    let reads = Pool::start(env, "read", 1, 64)?;
    let changes = Pool::start(env, "control", 1, 64)?;
    let settings = router::Settings {
        requests_max: REQUESTS_MAX,
        bytes_max: 64 << 20,
        deadline_ms: 10_000,
        slow_ms: u64::MAX,
    };
    Ok(House::new(node.clone(), reads, changes, env.clock.clone(), settings))
}

/// Somebody follows what happens in the users' table, by so many bytes at a time.
pub fn listen(site: &Site, bytes: usize) {
    let Some(node) = site.node().filter(|_| site.tale.begin()) else { return };
    let (tale, applied) = (site.tale.clone(), site.applied.clone());
    let work = move || tale.listen(&node, TABLE, bytes, &applied);
    // A host that is going down starts no threads.
    let _ = Threads(site.host).thread("follower", Box::new(work));
}

#[allow(clippy::result_large_err, reason = "nobody keeps it")]
/// The table goes through everything that tables go through, and is back under
/// its name. What is cut short leaves it under another, or in quarantine.
fn turn_over(node: &Node, name: &TableName) -> Result<(), ChangeError> {
    let Some(other) = TableName::new("default", &format!("{}-other", name.name())) else { return Ok(()) };
    node.rename_table(name, other.clone())?;
    node.drop_table(&other, true)?;
    node.undrop_table(&other, None, name.clone())?;
    let copied = node.copy_table(name, other.clone())?;
    node.drop_table(&other, true)?;
    copied.iter().try_for_each(|copy| node.erase("default", copy.id, true))
}

/// An operator makes a table, and drops it again. Each step may be refused, on
/// a full disk for instance, and may be cut short by a crash.
pub fn churn(site: &Site, serial: u64) {
    let Some(node) = site.node() else { return };
    let work = move || {
        let Some(name) = TableName::new("default", &format!("churn-{serial}")) else { return };
        let profile = Profile { durability: Some(Durability::Memory), log: LogChoice::None, ..profile() };
        let profile = if serial.is_multiple_of(2) { profile } else { self::profile() };
        let spec = TableSpec { layout: Layout::Hashed, machine: "kv".into(), profile };
        let Ok(ids) = node.create_table(name.clone(), spec, 2) else { return };
        if serial.is_multiple_of(4) {
            let _ = turn_over(&node, &name);
        }
        for id in ids {
            if node.remove_partition("default", id, None).is_ok() && serial.is_multiple_of(3) {
                // What is not erased stays in quarantine.
                let _ = node.erase("default", id, false);
            }
        }
        let _ = node.drop_table(&name, false);
    };
    // A host that is going down starts no threads.
    let _ = Threads(site.host).thread("operator", Box::new(work));
}
