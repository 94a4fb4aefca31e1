//! An application's own machine, from the example, in a node of this process; and
//! a build without it.

use super::{open_with, serve};
use bytes::Bytes;
use client::Client;
use env::Env;
use machine::Registry;
use model::code;
use proto::control::{CreateTableRequest, Profile};
use server::serve::embedded::{self, Outfit};
use server::{Server, config::Config};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

#[path = "../../examples/poll.rs"]
mod poll;

fn with_polls() -> Registry {
    Server::builder().machine(poll::Poll).expect("a name of its own").machines()
}

/// A node with these machines, for as long as somebody uses it.
pub async fn during(dir: &Path, machines: Registry, work: impl AsyncFnOnce(&Client)) {
    let env: Env = env::real::env().expect("an environment");
    let (config, house): (Arc<Config>, _) = open_with(&env, dir, machines);
    let (stop, stopped) = watch::channel(false);
    let outfit = Outfit::new(house.clone(), config, stopped);
    let (client, mut serving) = serve(&env, outfit).await;
    work(&client).await;
    drop(client);
    stop.send(true).expect("it serves");
    while serving.join_next().await.is_some() {}
    assert!(embedded::close(house), "nobody uses it any more");
}

pub async fn create(client: &Client, name: &str, machine: &str) -> Result<(), client::Error> {
    let profile = Profile { store: "memory".into(), log: "local".into(), ..Profile::default() };
    let request = CreateTableRequest {
        name: name.into(),
        layout: "hashed".into(),
        machine: machine.into(),
        profile: Some(profile),
        partitions: 2,
        ..CreateTableRequest::default()
    };
    client.control().create_table(request).await.map(drop)
}

#[tokio::test]
async fn a_machine_of_ones_own_is_served_and_a_build_without_it_harms_nothing() {
    let dir = tempfile::tempdir().expect("a scratch directory");
    during(dir.path(), with_polls(), async |client| {
        create(client, "polls", "poll").await.expect("made");
        create(client, "kv", "kv").await.expect("made");
        client.table("kv").put("a", "b").await.expect("written");
        let polls = client.table("polls");
        let say = async |body: &'static str| {
            polls.apply("lunch", body).await.map(|applied| applied.reply.expect("a first answer"))
        };
        for vote in ["vote ann soup", "vote bob rice", "vote ann rice"] {
            assert_eq!(say(vote).await.expect("applied"), "ok");
        }
        let refused = say("vote").await.expect_err("no command");
        assert!(refused.is(code::MALFORMED) && refused.message().contains("VOTER"), "{refused}");
        assert_eq!(polls.query("lunch", "results").await.expect("told").answer, "rice 2\nsoup 0");
        let refused = polls.query("lunch", "winner").await.expect_err("no question");
        assert!(refused.is(code::MALFORMED), "{refused}");
        assert_eq!(say("close").await.expect("applied"), "ok");
        assert_eq!(say("vote cid soup").await.expect("applied"), "closed");
    })
    .await;
    during(dir.path(), Registry::built_in(), async |client| {
        assert_eq!(client.table("kv").get("a").await.expect("read").expect("there").value, "b");
        let refused = client.table("polls").apply("lunch", "close").await.expect_err("nobody can");
        assert!(refused.is(code::NO_MACHINE), "{refused}");
        let refused = create(client, "more", "poll").await.expect_err("nobody could serve it");
        assert!(refused.message().contains("it has: counter, kv, lease"), "{refused}");
    })
    .await;
    during(dir.path(), with_polls(), async |client| {
        let told = client.table("polls").query("lunch", "results").await.expect("told");
        assert_eq!(told.answer, Bytes::from("rice 2\nsoup 0"));
    })
    .await;
}
