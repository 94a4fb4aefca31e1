//! The way into a cluster: a new node asks one that belongs to it, before there is
//! anything on its disk, and is told who it is there.
//!
//! What is told is written down in two steps, with the directory between them: who the
//! node is becomes its IDENTITY, what is desired its DESIRED. A start that comes after
//! the first and before the second asks again, and is told the same: it is the same
//! disk.
#![allow(clippy::disallowed_methods, reason = "waits of the process's own runtime")]

use crate::config::{Config, Listen};
use crate::failure::Failure;
use client::{Client, Control};
use coordinator::catalog_profile;
use env::Env;
use model::{ClusterId, DiskId, NodeId, code};
use partition_mgr::{Admission, DataDir, Expect, Node};
use proto::control::{JoinClusterRequest, JoinClusterResponse};
use std::net::SocketAddr;
use std::time::Duration;

/// Between two questions.
const AGAIN: Duration = Duration::from_millis(500);
/// A node that does not answer for so long is asked again.
const ANSWER: Duration = Duration::from_secs(15);

/// A directory of any other node has been let into a cluster.
const FIRST: NodeId = NodeId(1);
const UNTOLD: &str = "the data directory is that of a node which a cluster has let in, and which has not been told \
                      what is desired there: start it with `--join` once more";

/// Where others reach a node.
#[derive(Clone)]
pub(super) struct Place {
    /// Other nodes.
    pub peers: String,
    /// Clients.
    pub data: String,
}

impl Place {
    /// As it is told, or where it listens.
    pub fn of(config: &Config, listen: &Listen) -> Place {
        let at = |told: &Option<String>, address: SocketAddr| told.clone().unwrap_or(address.to_string());
        Place { peers: at(&config.advertise_peer, listen.peer), data: at(&config.advertise, listen.data) }
    }

    /// Others have to reach it.
    fn check(&self) -> Result<(), Failure> {
        for (address, key) in [(&self.peers, "advertise-peer"), (&self.data, "advertise")] {
            let anywhere = address.parse::<SocketAddr>().is_ok_and(|at| at.ip().is_unspecified());
            if anywhere {
                let what = format!("`{address}` is no address that other nodes can use: give `{key}`");
                return Err(Failure::new(code::NOT_JOINED, what));
            }
        }
        Ok(())
    }
}

/// A node on its way into a cluster, if it is to be in one.
pub(super) struct Joining {
    seed: Option<(String, Control)>,
    place: Place,
    expect: Expect,
    /// What a directory that is not there is going to be, if others are told.
    disk: Option<DiskId>,
    admission: Option<Admission>,
}

impl Joining {
    /// Nobody has been asked.
    pub fn begin(env: &Env, config: &Config, place: Place) -> Result<Joining, Failure> {
        let seed = match &config.join {
            None => None,
            Some(seed) => {
                place.check()?;
                if catalog_profile(1).check(config.log.sync.reaches()).is_err() {
                    return Err(failure(
                        "a node of a cluster syncs its log before it answers: set `log.sync` to `each`",
                    ));
                }
                let client =
                    Client::builder(seed.clone()).control(seed.clone()).connections(1).deadline(ANSWER);
                let client = client.build().map_err(failed)?;
                Some((seed.clone(), client.control()))
            }
        };
        let stores = config.stores.instances;
        let expect = Expect { cluster: None, node: None, disk: None, stores, may_set_up: true };
        let is_there = DataDir::is_there(env, &config.data_dir)?;
        // Written down before anybody is told: who asks again has to be the same.
        let disk = match seed.is_some() && !is_there {
            true => Some(DataDir::begin(env, &config.data_dir)?),
            false => None,
        };
        Ok(Joining { seed, place, expect, disk, admission: None })
    }

    /// Whose directory is to be opened: a new one becomes that of the node that the
    /// cluster says it is.
    pub async fn before_opening(&mut self, hear: &impl Fn(&str)) -> Result<Expect, Failure> {
        let Some(disk) = self.disk else { return Ok(self.expect) };
        let admission = self.ask(disk, None, hear).await?;
        let (cluster, node, disk) = (Some(admission.cluster), Some(admission.node), Some(disk));
        self.admission = Some(admission);
        Ok(Expect { cluster, node, disk, ..self.expect })
    }

    /// Goes by what the cluster desires, where the directory does not say it yet.
    pub async fn after_opening(&mut self, node: &Node, hear: &impl Fn(&str)) -> Result<(), Failure> {
        if node.is_member() {
            return Ok(());
        }
        let (own, id, disk) = node.identity();
        if self.seed.is_none() {
            // Whoever made this directory had been let into a cluster.
            return if id == FIRST { Ok(()) } else { Err(failure(UNTOLD)) };
        }
        let admission = match self.admission.take() {
            Some(admission) => admission,
            None => self.ask(disk, Some(own), hear).await?,
        };
        node.enter(&admission).map_err(|error| Failure::new(error.code(), error.to_string()))
    }

    /// Asks until it is let in, or told that it will not be.
    async fn ask(
        &self,
        disk: DiskId,
        own: Option<ClusterId>,
        hear: &impl Fn(&str),
    ) -> Result<Admission, Failure> {
        let Some((seed, control)) = &self.seed else { return Err(failure("nobody can be asked")) };
        let Place { peers, data } = self.place.clone();
        let cluster = own.map(|own| own.to_string()).unwrap_or_default();
        let request = JoinClusterRequest { header: None, disk: disk.to_string(), peers, data, cluster };
        let mut said: Option<u16> = None;
        loop {
            hear("joining a cluster");
            match control.join_cluster(request.clone()).await {
                Ok(answer) => return admission(answer),
                Err(error) if may_pass(&error) => {
                    if said.replace(error.number()) != Some(error.number()) {
                        tracing::warn!(%seed, %error, "the cluster cannot be joined yet");
                    }
                }
                Err(error) => return Err(failed(error)),
            }
            tokio::time::sleep(AGAIN).await;
        }
    }
}

/// Is it worth asking again?
fn may_pass(error: &client::Error) -> bool {
    let passing = [
        code::UNREACHABLE,
        code::NO_CLUSTER,
        code::CATALOG_AWAY,
        code::UNKNOWN_OUTCOME,
        code::OVERLOADED,
        code::STOPPING,
        code::DEADLINE_EXCEEDED,
    ];
    passing.into_iter().any(|code| error.is(code))
}

fn admission(answer: JoinClusterResponse) -> Result<Admission, Failure> {
    let JoinClusterResponse { cluster, node, map } = answer;
    let unreadable = || failure("what the cluster answers cannot be read by this build");
    let map = String::from_utf8(map.into()).map_err(|_| unreadable())?;
    let cluster = cluster.parse().map_err(|_| unreadable())?;
    Ok(Admission { cluster, node: NodeId(node), map })
}

fn failure(what: &str) -> Failure {
    Failure::new(code::NOT_JOINED, what)
}

fn failed(error: client::Error) -> Failure {
    let known = model::code::ALL.iter().find(|code| error.is(**code)).copied();
    Failure::new(known.unwrap_or(code::NOT_JOINED), error.message())
}
